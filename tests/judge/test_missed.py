"""False negatives: which leaders were ranked low, and why; each cause by a case made for it."""

import numpy as np
import pytest

from neurodemon.judge.missed import cause_of, find_missed

EXACT = np.ones(30, bool)


def columns():
    """Thirty units, predicted as measured: 30, 29, … 1."""
    measured = np.arange(30.0, 0, -1)
    return measured.copy(), measured


def test_a_perfect_predictor_misses_nothing():
    predicted, measured = columns()
    places, by_prediction, by_effect = find_missed(predicted, measured, EXACT, 50)
    assert places.tolist() == []
    assert by_prediction.tolist() == by_effect.tolist() == list(range(1, 31))


def test_leaders_that_were_ranked_low_are_found_the_largest_first():
    predicted, measured = columns()
    predicted[[0, 2]] = 0.5, -0.1
    places, by_prediction, by_effect = find_missed(predicted, measured, EXACT, 50)
    assert places.tolist() == [0, 2]
    assert (by_prediction[0], by_effect[0], by_prediction[2], by_effect[2]) == (29, 1, 30, 3)


def test_the_sign_of_an_effect_does_not_matter():
    predicted, measured = columns()
    predicted[0] = 0.5
    assert find_missed(-predicted, measured, EXACT, 50)[0].tolist() == [0]
    assert find_missed(predicted, -measured, EXACT, 50)[0].tolist() == [0]


def test_a_leader_a_little_down_is_not_missed():
    predicted, measured = columns()
    predicted[0] = 24.5  # place 6 of twice three leaders
    assert find_missed(predicted, measured, EXACT, 50)[0].tolist() == []
    predicted[0] = 23.5
    assert find_missed(predicted, measured, EXACT, 50)[0].tolist() == [0]


def test_no_more_are_looked_at_than_the_top_that_was_asked_for():
    predicted, measured = columns()
    predicted[1] = 0.5
    assert find_missed(predicted, measured, EXACT, 2)[0].tolist() == [1]
    assert find_missed(predicted, measured, EXACT, 1)[0].tolist() == []


def test_an_estimate_is_not_found_out():
    predicted, measured = columns()
    predicted[0] = 0.5
    assert find_missed(predicted, measured, np.arange(30) > 0, 50)[0].tolist() == []


def test_where_nothing_has_an_effect_nothing_is_missed():
    places, _, _ = find_missed(np.arange(30.0), np.zeros(30), EXACT, 50)
    assert places.tolist() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_comes_last(bad):
    predicted, measured = columns()
    predicted[0], measured[5] = bad, bad
    places, by_prediction, by_effect = find_missed(predicted, measured, EXACT, 50)
    assert places.tolist() == [0]
    assert (by_prediction[0], by_effect[5]) == (30, 30)


def test_one_unit_leads_alone():
    places, by_prediction, _ = find_missed(np.zeros(1), np.ones(1), EXACT[:1], 50)
    assert (places.tolist(), by_prediction.tolist()) == ([], [1])


def test_no_units_miss_nothing():
    none = np.zeros(0)
    assert len(find_missed(none, none, none.astype(bool), 5)[0]) == 0


ALTERNATING = np.tile([1.0, -1.0], 10)
CASES = [
    ("saturation", np.zeros(20), np.zeros(20), np.ones(20)),
    ("saturation", np.full(20, 0.05), np.full(20, 0.05), np.ones(20)),
    ("cancellation", ALTERNATING, ALTERNATING, ALTERNATING + 0.5),
    ("curvature", np.full(20, 0.2), np.full(20, 0.2), np.ones(20)),
    ("unexplained", np.full(20, 0.5), np.full(20, 0.5), 0.5 + 3 * ALTERNATING + 0.1),
]


@pytest.mark.parametrize(("cause", "slope", "predicted", "measured"), CASES)
def test_each_cause_is_told(cause, slope, predicted, measured):
    assert cause_of(slope, predicted, measured) == cause


@pytest.mark.parametrize(("cause", "slope", "predicted", "measured"), CASES)
def test_the_sign_and_the_size_of_all_do_not_change_a_cause(cause, slope, predicted, measured):
    assert cause_of(-1e-9 * slope, -1e-9 * predicted, -1e-9 * measured) == cause


def test_silence_is_told_before_cancellation():
    assert cause_of(0.01 * ALTERNATING, ALTERNATING, ALTERNATING + 0.5) == "saturation"


def test_a_quiet_prediction_that_cancels_is_not_called_cancellation():
    assert cause_of(ALTERNATING, 0.2 * ALTERNATING, np.ones(20)) == "curvature"


def test_examples_that_do_not_count_do_not_tell():
    slope = np.r_[np.full(20, 0.2), np.nan]
    assert cause_of(slope, slope, np.r_[np.ones(20), np.nan]) == "curvature"
