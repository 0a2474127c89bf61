"""The norm of the mean never exceeds the mean of the norms; cancelling is what lies between."""

import numpy as np
import pytest

from neurodemon.judge.norms import mean_of_norms, norm_of_mean


def test_both_equal_slow_loops():
    deltas = np.random.default_rng(0).normal(size=(7, 3))
    mean = [sum(deltas[i][u] for i in range(7)) / 7 for u in range(3)]
    assert norm_of_mean(deltas) == pytest.approx(sum(m * m for m in mean) ** 0.5, abs=1e-14)
    norms = [sum(d * d for d in row) ** 0.5 for row in deltas]
    assert mean_of_norms(deltas) == pytest.approx(sum(norms) / 7, abs=1e-14)


def test_slopes_that_cancel_have_no_mean_and_keep_their_norms():
    deltas = np.array([[1.0, 2.0], [-1.0, -2.0]])
    assert norm_of_mean(deltas) == 0.0
    assert mean_of_norms(deltas) == pytest.approx(5**0.5)


def test_equal_slopes_do_not_cancel():
    deltas = np.ones((4, 9))
    assert norm_of_mean(deltas) == mean_of_norms(deltas) == 3.0


def test_units_that_are_not_finite_are_left_out():
    deltas = np.array([[3.0, np.nan], [3.0, 1.0]])
    assert norm_of_mean(deltas) == mean_of_norms(deltas) == 3.0
    assert norm_of_mean(deltas[:, 1:]) == mean_of_norms(deltas[:, 1:]) == 0.0
