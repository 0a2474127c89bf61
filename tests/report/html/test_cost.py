"""The cost of an audit: predicted, measured, saved, in words and as bars."""

import pytest
from oracles.reports import read_fragment, text_of

from neurodemon.report.html.cost import WIDTH, cost, cost_card
from neurodemon.terms.audits import Work

WORK = Work(1400, 7.5, 30.0, 11, 1.3, 15000, 1500, "budget spent")
OLD = Work(15000, 40.0, 30.0, 1, 1.3)


def test_everything_is_said():
    said = text_of(read_fragment(cost(WORK)))
    for part in (
        "11 backward passes over all batches",
        "1,400 measurements (one unit on one example) of 15,000 that would be all",
        "7.5 forward passes of the whole model",
        "Saved: 75 % of what one whole pass for each unit would take (30).",
        "Time: 1.3 s. It ended because: budget spent. Allowed were 1,500 measurements.",
    ):
        assert part in said


def test_an_audit_without_a_budget_names_none():
    said = text_of(read_fragment(cost(OLD)))
    assert "15,000 measurements (one unit on one example), by" in said
    assert "Allowed" not in said
    assert "Saved" not in said


def test_bars_are_as_long_as_the_work():
    bars = list(read_fragment(cost(WORK)).iter("rect"))
    assert [float(bar.get("width")) for bar in bars] == [WIDTH, WIDTH / 4]


def test_no_work_at_all_has_bars_of_no_length():
    bars = list(read_fragment(cost(Work(0, 0.0, 0.0, 0, 0.0))).iter("rect"))
    assert [float(bar.get("width")) for bar in bars] == [0, 0]


@pytest.mark.parametrize(
    ("done", "expected"), [(7.5, "75 %"), (0.01, "over 99 %"), (30.0, "30.0 passes")]
)
def test_the_card_says_what_was_saved_but_never_all(done, expected):
    assert cost_card(Work(1, done, 30.0, 1, 0.1)).value == expected
