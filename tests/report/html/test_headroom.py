"""The page of headroom: verdicts with what they mean, and what was won."""

import pytest
from oracles.drawables import make_headroom
from oracles.reports import make_manifest, read_fragment, rows_of, text_of

from neurodemon.judge.verdicts import RULES
from neurodemon.report.html.headroom import has_headroom, headroom_in_words, headroom_sections
from neurodemon.terms.effects import Effects


def sections_of(effects):
    return read_fragment(headroom_sections(effects, 50))


def test_the_unit_with_most_to_win_comes_first():
    made = sections_of(make_headroom())
    values = [text_of(one) for one in made.iterfind(".//dd[@class='value']")]
    assert values[0] == "2.000"
    assert "The 12 units with most to win, of 12" in text_of(made)


def test_verdicts_stand_in_their_order_with_what_to_do():
    made = sections_of(make_headroom())
    rows = rows_of(made)[: len(RULES)]
    assert [row[0] for row in rows] == [rule.verdict for rule in RULES]
    assert rows[0][1:] == ["2", "17 %", RULES[0].meaning, RULES[0].advice]


@pytest.mark.parametrize(("verdict", "shown"), [("NEW", "NEW"), (None, "none")])
def test_a_verdict_that_is_not_known_is_shown_as_it_is(verdict, shown):
    rows = rows_of(sections_of(make_headroom(1, verdict=[verdict])))
    assert rows[0] == [shown, "1", "100 %", "", ""]


def test_signs_are_shown_of_slopes_and_not_of_sizes():
    effects = make_headroom(1).with_columns({"shape": [1.0], "trust_radius": [0.5]})
    assert rows_of(sections_of(effects))[1] == [
        "fc1[0]", "−1.000e−04", "+2.000", "2.000e−04", "1.000", "0.5000", "DEAD",
    ]  # fmt: skip


def test_what_was_won_is_drawn_against_what_was_promised():
    made = sections_of(make_headroom())
    assert len(list(made.iter("circle"))) == 12
    assert "promised: |δ| · |best Δz|" in text_of(made)


def test_the_question_is_said_in_words():
    effects = make_headroom(2, perturbation=["best Δz within 4·std, each"] * 2)
    assert headroom_in_words(effects).endswith("(2 demons; best Δz within 4·std, each)")
    assert headroom_in_words(make_headroom(1)).endswith("(1 demon)")
    named = Effects(effects.table, manifest=make_manifest())
    assert "the cost of digits be" in headroom_in_words(named)


def test_only_effects_with_its_columns_are_headroom():
    assert has_headroom(make_headroom())
    assert not has_headroom(make_headroom(0))
    assert not has_headroom(Effects.of(site=["a"]))
