"""The page of effects without a judgement: what was measured or predicted, and odd units."""

import numpy as np
import pytest
from oracles.drawables import make_effects
from oracles.reports import make_manifest, read_fragment, text_of

from neurodemon.report.html.effects import effects_sections, question_in_words, remarks
from neurodemon.terms.effects import Effects


def sections_of(effects):
    return read_fragment(effects_sections(effects, 50))


def test_measurements_are_listed_and_drawn():
    made = sections_of(make_effects(predicted=[None] * 10, predictor=[None] * 10))
    heads = [text_of(one) for one in made.iter("h2")]
    assert heads == ["The answer", "The units that matter most", "The effects at each site"]
    said = text_of(made)
    assert "measured; 5 raise the cost, 5 lower it" in said
    assert "Nothing was measured" not in said


@pytest.mark.parametrize(("predictor", "who"), [("link", "link"), (None, "nobody")])
def test_predictions_say_that_nothing_was_measured(predictor, who):
    effects = make_effects(
        1, 2, measured=[None] * 2, predicted=[0.0, 1.0], predictor=[predictor] * 2
    )
    said = text_of(sections_of(effects))
    assert f"predicted by {who}; 1 raise the cost, 0 lower it, 1 do neither" in said
    assert "These are predictions. Nothing was measured" in said


def test_without_a_finite_number_there_is_no_typical_effect():
    made = sections_of(Effects.of(site=["a"], unit=[0], measured=[np.nan]))
    assert [text_of(one) for one in made.iterfind(".//dd[@class='value']")] == ["–", "1"]


def test_no_rows_at_all_are_a_page_too():
    assert "0 units" in text_of(sections_of(Effects.of())).replace("The 0 units", "0 units")


def test_the_question_is_said_in_words():
    effects = make_effects(n_examples=[500] * 10)
    assert question_in_words(effects) == (
        "What happens to the cost of a model when a unit is set to zero? "
        "(10 units at 2 sites; 500 examples)"
    )
    named = Effects(make_effects().table, manifest=make_manifest())
    assert "the cost of digits" in question_in_words(named)


def test_odd_units_and_notes_are_listed_with_what_to_do():
    effects = make_effects(1, 3, status=["ok", "no_change", None])
    lines = [text_of(one) for one in read_fragment(remarks(effects, ("by <hooks>",))).iter("li")]
    assert lines[0].startswith("1 unit: no_change. No example's cost changed")
    assert lines[1] == "by <hooks>"
    assert remarks(None, ()) == ""
    assert remarks(make_effects(status=["new"] * 10), ()).startswith("<ul><li>10 units: new. </li>")
