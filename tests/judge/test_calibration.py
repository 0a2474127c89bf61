"""Calibration: how often intervals hold is counted, by units that did not make them."""

import numpy as np
import pytest

from neurodemon.judge.calibration import coverage
from neurodemon.judge.estimating import Estimate


def estimate_of(scores, n_drawn=10, n_units=50):
    """Units of which all have so many draws, or as told."""
    drawn = np.broadcast_to(n_drawn, n_units).copy()
    scores = scores if isinstance(scores, dict) else {n_drawn: scores}
    is_exact = ~np.isin(drawn, list(scores))
    return Estimate(np.ones(n_units), np.ones(n_units), drawn, is_exact, scores)


def rows(found):
    """The share covered by the nominal level."""
    return {row.nominal: row.covered for row in found}


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_each_level_is_a_row_in_ascending_order(confidence):
    scores = np.abs(np.random.default_rng(0).standard_t(2, 60))
    found = coverage(estimate_of(scores), confidence)
    assert [row.nominal for row in found] == sorted({0.5, 0.8, 0.9, confidence})
    assert {row.n_units for row in found} == {60}


def test_intervals_hold_as_often_as_they_say_on_the_mean():
    covered = []
    for seed in range(300):
        scores = 3 * np.abs(np.random.default_rng(seed).standard_t(2, 60))
        covered.append(list(rows(coverage(estimate_of(scores), 0.95)).values()))
    assert np.mean(covered, 0) == pytest.approx([0.5, 0.8, 0.9, 0.95], abs=0.03)


def test_intervals_that_are_too_narrow_for_the_other_half_are_told():
    """Negative control: every other unit is far off, which its own half only knows."""
    scores = np.tile([1.0, 100.0], 30)
    assert rows(coverage(estimate_of(scores), 0.95))[0.95] == 0.5


def test_each_unit_is_judged_by_the_others():
    """By its own half all would hold."""
    scores = np.arange(1.0, 61.0) + 10
    assert rows(coverage(estimate_of(scores), 0.95))[0.95] < 1


def test_small_scores_lie_within_students_interval_at_the_least():
    scores = np.tile([0.01, 0.5], 30)
    assert rows(coverage(estimate_of(scores), 0.95))[0.5] == 1.0


def test_a_level_that_a_half_cannot_calibrate_is_left_out():
    found = coverage(estimate_of(np.arange(1.0, 21.0)), 0.95)
    assert [row.nominal for row in found] == [0.5, 0.8, 0.9]
    assert coverage(estimate_of(np.ones(1)), 0.95) == ()


def test_it_is_asked_at_the_number_of_draws_that_most_have():
    n_drawn = np.r_[np.zeros(30), np.full(20, 8)].astype(int)
    scores = {0: np.full(40, 1e9), 8: np.full(40, 1.0)}
    scores[0][::2] = 0.0
    found = coverage(estimate_of(scores, n_drawn), 0.95)
    assert rows(found)[0.5] == 0.5
    n_drawn[:15] = 8
    assert rows(coverage(estimate_of(scores, n_drawn), 0.95))[0.5] == 1.0


def test_where_all_is_measured_there_is_nothing_to_cover():
    assert coverage(estimate_of({}), 0.95) == ()
