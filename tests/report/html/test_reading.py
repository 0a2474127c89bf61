"""Reading effects: what was measured counts, and older runs lack columns."""

import numpy as np
import pytest
from oracles.drawables import make_effects
from oracles.reports import make_budgeted_effects

from neurodemon.report.html.reading import demon_in_words, order_by_size, read
from neurodemon.terms.effects import Effects


def test_without_a_column_of_evidence_what_was_measured_is_exact():
    reading = read(make_effects(measured=[1.0] * 9 + [None]))
    assert reading.evidence == ["exact"] * 9 + ["predicted"]
    assert reading.effect[-1] == reading.predicted[-1]
    assert np.isnan(reading.low).all()
    assert reading.others == ()


def test_predictors_have_columns_of_their_own_and_the_chosen_one_is_no_other():
    reading = read(make_budgeted_effects())
    assert reading.predictor == "linear_logits"
    assert reading.others == ("tangent", "first_order")
    assert reading.baseline == "first_order"


def test_without_influence_there_is_nothing_to_set_beside():
    assert read(make_effects()).baseline == ""


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"measured": [1.0], "n_examples": [500]}, "measured on all 500 examples"),
        ({"measured": [1.0], "n_examples": [1]}, "measured on the one example"),
        ({"measured": [1.0]}, "measured"),
        ({"predicted": [1.0]}, "predicted only"),
        (
            {"measured": [1.0], "n_examples": [500], "evidence": ["sampled"], "n_measured": [120]},
            "estimated from 120 of 500 examples",
        ),
        ({"measured": [1.0], "evidence": ["sampled"]}, "estimated from some of all examples"),
        ({"measured": [1.0], "evidence": [None]}, "measured"),
    ],
)
def test_evidence_is_said_in_words(columns, expected):
    assert read(Effects.of(site=["fc1"], **columns)).how(0) == expected


def test_rows_without_a_finite_number_come_last():
    assert order_by_size(np.array([np.nan, 0.1, -2.0, np.inf])).tolist() == [2, 1, 0, 3]


def test_demons_are_put_into_words():
    assert demon_in_words("zero") == "set to zero"
    assert demon_in_words("add(-1)") == "under add(-1)"
    assert demon_in_words(None) == "under an unknown demon"


@pytest.mark.parametrize(("said", "expected"), [("measured", True), ("predicted", False)])
def test_it_is_known_whether_anything_was_measured(said, expected):
    assert read(Effects.of(site=["a"], **{said: [1.0]})).has_measured is expected
