"""The table of units and their pictures: largest first, with what each number rests on."""

import numpy as np
import pytest
from oracles.drawables import make_effects, make_headroom
from oracles.reports import heads_of, make_budgeted_effects, read_fragment, rows_of, text_of

from neurodemon.report.html.reading import read
from neurodemon.report.html.units import largest_card, name_rows, pictures, top_units
from neurodemon.terms.effects import Effects


def table_of(effects, top=50):
    return read_fragment(top_units(read(effects), top))


def test_the_largest_come_first_and_the_rest_is_counted():
    made = table_of(make_budgeted_effects(), top=4)
    assert [row[:3] for row in rows_of(made)] == [
        ["1", "fc1[0]", "−1.000"],
        ["2", "fc1[1]", "+0.728"],
        ["3", "fc1[2]", "+0.530"],
        ["4", "fc1[3]", "−0.386"],
    ]
    assert "26 more units are not listed: --top 30 lists all." in text_of(made)


def test_what_is_exact_needs_no_interval_and_estimates_have_one():
    made = table_of(make_budgeted_effects())
    place = heads_of(made).index("interval")
    rows = rows_of(made)
    assert rows[0][place : place + 2] == ["exact", "measured on all 500 examples"]
    assert rows[15][place : place + 2] == [
        "−0.019 … +0.001",
        "estimated from 120 of 500 examples",
    ]
    assert "Lines over bars: intervals." in text_of(made)
    whiskers = [path for path in made.iter("path") if path.get("class") == "whisker"]
    assert len(whiskers) == 20


def test_effects_of_an_older_run_have_neither_intervals_nor_empty_columns():
    made = table_of(make_effects())
    assert heads_of(made) == [
        "rank", "unit", "effect", "evidence", "predicted (link)", "gap", "standard error",
    ]  # fmt: skip
    assert "intervals" not in text_of(made)


def test_predictions_of_nobody_are_just_predicted():
    made = table_of(make_effects(predictor=[None] * 10, se=[None] * 10))
    assert heads_of(made)[-2:] == ["predicted", "gap"]


def test_an_audit_without_any_estimate_has_no_column_of_intervals():
    made = table_of(make_budgeted_effects(evidence=["exact"] * 30))
    assert "interval" not in heads_of(made)


def test_statuses_are_shown_where_one_is_not_ok():
    assert "status" not in heads_of(table_of(make_budgeted_effects()))
    odd = table_of(make_budgeted_effects(status=["ok"] * 29 + ["no_change"]))
    assert [row[-1] for row in rows_of(odd)][-1] == "no_change"


def test_numbers_that_are_none_come_last_and_are_a_dash():
    made = table_of(make_effects(1, 3, measured=[np.nan, 1.0, -2.0], predicted=[None] * 3))
    assert [row[2] for row in rows_of(made)] == ["−2.000", "+1.000", "–"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_card_of_the_largest_effect_needs_a_number(value):
    assert largest_card(read(Effects.of(site=["a"], unit=[0], measured=[value]))) == []
    (card,) = largest_card(read(make_budgeted_effects()))
    assert (card.value, card.meaning) == ("−1.000", "fc1[0], measured on all 500 examples")


def test_rows_of_one_unit_are_told_apart():
    effects = make_headroom(2, unit=[3, 3]).with_columns({
        "scope": ["each", "shared"],
        "step": [0, 9],
    })
    assert name_rows(effects) == ["fc1[3], scope each, step 0", "fc1[3], scope shared, step 9"]


def test_pictures_have_a_key_of_what_is_in_them():
    made = read_fragment(pictures(read(make_budgeted_effects()), {"fc1": "below"}))
    key = [text_of(one) for one in made.find("ul")]
    assert [line[0] for line in key] == ["●", "○", "◇", "□", "O"]
    assert "effect, measured or estimated" in text_of(made)
    assert "fc1 below" in [text_of(one) for one in made.iter("figcaption")]


@pytest.mark.parametrize(
    ("columns", "key", "word"),
    [
        ({"predicted": [None] * 10}, ["● measured on all examples"], "measured effect"),
        ({"measured": [None] * 10}, ["◇ predicted"], "predicted effect"),
    ],
)
def test_what_is_only_measured_or_only_predicted_has_no_diagonal(columns, key, word):
    made = read_fragment(pictures(read(make_effects(**columns)), {}))
    assert [text_of(one) for one in made.find("ul")] == key
    assert word in text_of(made)
    assert "units, in the order of the run" in text_of(made)
    assert "equal" not in [one.get("class") for one in made.iter("path")]
