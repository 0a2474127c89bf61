"""The bootstrap over examples: intervals that hold, and None where nothing is defined."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from neurodemon.judge.bootstrap import MOST_WITHIN, spearman_interval, spearman_within


def noisy(seed, n_examples=60, n_units=25, noise=2.0):
    """Effects of examples about the mean of each unit, and a prediction of each, which errs."""
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal(n_units)
    measured = mean + noise * rng.standard_normal((n_examples, n_units))
    predicted = measured + noise * rng.standard_normal((n_examples, n_units))
    return predicted, measured


def all_signal(measured):
    """Every unit is above the noise."""
    return np.ones(measured.shape[1], bool)


def test_the_interval_is_about_the_correlation_of_the_means():
    predicted, measured = noisy(0)
    low, high = spearman_interval(predicted, measured, all_signal(measured), 0)
    assert low < spearmanr(predicted.mean(0), measured.mean(0)).statistic <= high + 0.02
    assert -1 <= low < high <= 1


def test_the_interval_is_that_of_resampling_examples_whole():
    """A slow twin: examples drawn with replacement, means, ranks."""
    predicted, measured = noisy(1)
    rng = np.random.default_rng(7)
    found = []
    for _ in range(2000):
        rows = rng.integers(0, 60, 60)
        found.append(spearmanr(predicted[rows].mean(0), measured[rows].mean(0)).statistic)
    expected = np.quantile(found, [0.025, 0.975])
    own = [spearman_interval(predicted, measured, all_signal(measured), s) for s in range(20)]
    assert np.mean(own, 0) == pytest.approx(expected, abs=0.03)


def test_more_examples_make_it_narrower():
    widths = [
        np.diff(spearman_interval(*noisy(0, n), np.ones(25, bool), 0)).item() for n in (10, 1000)
    ]
    assert widths[1] < widths[0] / 2


def test_the_same_seed_gives_the_same_interval_and_another_another():
    predicted, measured = noisy(0)
    one, same, other = (
        spearman_interval(predicted, measured, all_signal(measured), seed) for seed in (3, 3, 4)
    )
    assert one == same != other


def test_units_below_the_noise_count_as_ties():
    predicted, measured = noisy(0)
    some = np.arange(25) < 5
    assert spearman_interval(predicted, measured, some, 0) != spearman_interval(
        predicted, measured, all_signal(measured), 0
    )


def test_without_a_signal_there_is_no_interval():
    predicted, measured = noisy(0)
    assert spearman_interval(predicted, measured, np.zeros(25, bool), 0) is None


@pytest.mark.parametrize("shape", [(1, 10), (10, 2), (0, 10)])
def test_one_example_or_two_units_have_no_interval(shape):
    ones = np.ones(shape)
    assert spearman_interval(ones, ones, np.ones(shape[1], bool), 0) is None


def test_examples_that_do_not_count_are_left_out_of_the_means():
    predicted, measured = noisy(0)
    predicted[::2, 3] = measured[::2, 3] = np.nan
    low, high = spearman_interval(predicted, measured, all_signal(measured), 0)
    assert -1 <= low < high <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_unit_that_is_never_finite_leaves_no_interval(bad):
    predicted, measured = noisy(0)
    predicted[:, 3] = bad
    assert spearman_interval(predicted, measured, all_signal(measured), 0) is None


def test_a_unit_of_one_example_is_missing_in_a_third_of_resamples_only():
    predicted, measured = noisy(0)
    measured[1:, 3] = np.nan
    assert spearman_interval(predicted, measured, all_signal(measured), 0) is not None


def test_a_unit_missing_in_most_resamples_leaves_no_interval():
    """Negative control: three units of one example each."""
    predicted, measured = noisy(0)
    for unit in range(3):
        measured[np.arange(60) != unit, unit] = np.nan
    assert spearman_interval(predicted, measured, all_signal(measured), 0) is None


# Within one example


def test_ranks_within_are_the_mean_over_examples():
    predicted, measured = noisy(2, 30)
    expected = np.mean([
        spearmanr(a, b).statistic for a, b in zip(predicted, measured, strict=True)
    ])
    assert spearman_within(predicted, measured) == pytest.approx(expected, abs=1e-12)


def test_between_and_within_can_differ():
    rng = np.random.default_rng(0)
    mean = np.arange(10.0)
    noise = 100 * rng.standard_normal((200, 10))
    predicted, measured = mean + noise, mean - noise
    assert spearman_within(predicted, measured) < -0.9


def test_examples_with_a_number_that_is_not_finite_are_left_out():
    predicted, measured = noisy(2, 30)
    whole = spearman_within(predicted[1:], measured[1:])
    predicted[0, 4] = np.nan
    assert spearman_within(predicted, measured) == whole


def test_of_many_examples_some_are_taken_evenly():
    predicted, measured = noisy(2, 2 * MOST_WITHIN)
    assert spearman_within(predicted, measured) == spearman_within(predicted[::2], measured[::2])


@pytest.mark.parametrize("shape", [(5, 2), (0, 9)])
def test_two_units_or_no_examples_have_no_ranks(shape):
    assert spearman_within(np.ones(shape), np.ones(shape)) is None


def test_constant_effects_have_no_ranks():
    assert spearman_within(np.ones((5, 9)), np.ones((5, 9))) is None
