"""Correlations equal SciPy's, and are None where they are not defined."""

import numpy as np
import pytest
import scipy.stats

from neurodemon.judge.correlation import correlate, correlate_ranks, correlate_ranks_within


def drawn(seed: int = 0, shape: tuple[int, ...] = (20, 8)):
    """Two arrays with many ties, zeros among them."""
    rng = np.random.default_rng(seed)
    return tuple(np.maximum(rng.integers(-4, 5, shape), 0).astype(float) for _ in range(2))


def test_pooled_ranks_equal_those_of_scipy_with_many_ties():
    first, second = drawn()
    expected = scipy.stats.spearmanr(first.ravel(), second.ravel()).statistic
    assert correlate_ranks(first, second) == pytest.approx(expected, abs=1e-12)


def test_ranks_within_rows_are_the_mean_of_each_rows_own():
    first, second = drawn(1)
    second = second + 100.0 * np.arange(20)[:, None]  # between rows: no matter
    own = [scipy.stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert correlate_ranks_within(first, second) == pytest.approx(np.mean(own), abs=1e-12)


def test_pooled_and_within_can_have_opposite_signs():
    first = np.array([[1.0, 2.0, 3.0], [11.0, 12.0, 13.0]])
    second = np.array([[3.0, 2.0, 1.0], [13.0, 12.0, 11.0]])
    assert correlate_ranks_within(first, second) == -1.0
    assert correlate_ranks(first, second) > 0.5


def test_rows_without_a_correlation_are_left_out():
    steps = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert correlate_ranks_within(steps, np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])) == 1.0


def test_what_is_not_finite_is_left_out():
    first = np.array([1.0, 2.0, 3.0, np.nan, np.inf])
    assert correlate_ranks(first, np.array([3.0, 2.0, 1.0, 0.0, 9.0])) == -1.0


@pytest.mark.parametrize(
    "values", [np.zeros(5), np.full(5, np.nan), np.array([1.0, 2.0, np.nan, np.nan, np.nan])]
)
def test_a_constant_or_too_few_pairs_give_none(values):
    assert correlate_ranks(values, np.arange(5.0)) is None
    assert correlate_ranks_within(values[None], np.arange(5.0)[None]) is None


def test_linear_correlation_of_far_apart_numbers_neither_overflows_nor_vanishes():
    values = np.array([1e300, -1e300, 3e299])
    assert correlate(values, values * 1e-300) == pytest.approx(1.0)
