"""Intervals hold as often as they say: by simulation, by brute force, and where they must break."""

import math

import numpy as np
import pytest

from neurodemon.judge.intervals import (
    UNITS_OF_CONFORMAL,
    bernstein,
    conformal_multiplier,
    missed_by_counting,
    student_multiplier,
)

SEEDS = 4000


def scores_of(rng, n_units):
    """Scores with tails as heavy as t with 2 degrees of freedom, of units of log-normal sizes."""
    size = rng.lognormal(0, 1, (SEEDS, n_units))
    return np.abs(rng.standard_t(2, (SEEDS, n_units))) * size


def share_held(calibration, fresh, confidence):
    """How often the interval that the others calibrate holds for one more unit."""
    multipliers = [conformal_multiplier(own, confidence) for own in calibration]
    return np.mean(fresh <= np.array(multipliers))


# Conformal


@pytest.mark.parametrize(("n_units", "confidence"), [(19, 0.95), (60, 0.95), (25, 0.8), (9, 0.5)])
def test_conformal_intervals_hold_as_often_as_they_say_whatever_the_tails(n_units, confidence):
    scores = scores_of(np.random.default_rng(0), n_units + 1)
    error = 3 * math.sqrt(confidence * (1 - confidence) / SEEDS)
    held = share_held(scores[:, 1:], scores[:, 0], confidence)
    assert confidence - error <= held <= confidence + 1 / (n_units + 1) + error


def test_units_that_are_not_drawn_at_random_break_conformal_intervals():
    """Negative control: the 25 of 50 units that are predicted best calibrate."""
    scores = scores_of(np.random.default_rng(0), 51)
    best = np.sort(scores[:, 1:], 1)[:, :25]
    assert share_held(best, scores[:, 0], 0.95) < 0.6


def test_normal_quantiles_break_where_tails_are_heavy():
    """Negative control: what conformal intervals are for."""
    scores = scores_of(np.random.default_rng(0), 1)
    assert np.mean(scores[:, 0] <= 1.96) < 0.85


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_too_few_units_give_no_interval(confidence):
    least = math.ceil(round(confidence / (1 - confidence), 9))
    assert conformal_multiplier(np.ones(least - 1), confidence) is None
    assert conformal_multiplier(np.ones(least), confidence) == 1.0


def test_nineteen_units_are_the_least_at_95_percent():
    assert conformal_multiplier(np.ones(UNITS_OF_CONFORMAL - 1), 0.95) is None
    assert conformal_multiplier(np.ones(UNITS_OF_CONFORMAL), 0.95) == 1.0


def test_certainty_has_no_interval():
    assert conformal_multiplier(np.ones(1000), 1.0) is None


# Student


@pytest.mark.parametrize(
    ("n_draws", "expected"), [(1, 3.182), (2, 3.182), (4, 3.182), (5, 2.776), (10**6, 1.960)]
)
def test_multipliers_are_those_of_the_printed_tables(n_draws, expected):
    assert student_multiplier(n_draws, 0.95) == pytest.approx(expected, abs=5e-4)


# Empirical Bernstein

RARE, OFTEN, CHANCE = 0.9, -0.02, 0.03  # bounded by 1, nearly always small: a hard case
MEAN = CHANCE * RARE + (1 - CHANCE) * OFTEN


def ever_failed(limit, failure, n_draws=80):
    """Which of many sequences leave their interval at any number of draws."""
    rng = np.random.default_rng(0)
    terms = np.where(rng.random((n_draws, SEEDS)) < CHANCE, RARE, OFTEN)
    failed = np.zeros(SEEDS, bool)
    for n_drawn in range(1, n_draws + 1):
        low, high = bernstein(terms[:n_drawn], np.full(SEEDS, limit), failure)
        failed |= (low > MEAN) | (high < MEAN)
    return failed.mean()


@pytest.mark.parametrize("failure", [0.1, 0.3])
def test_the_sequence_holds_at_all_numbers_of_draws_at_once(failure):
    assert ever_failed(1.0, failure) <= failure + 3 * math.sqrt(failure * (1 - failure) / SEEDS)


def test_a_range_that_is_too_small_breaks_the_sequence():
    """Negative control: rare terms lie outside of it."""
    assert ever_failed(0.03, 0.1) > 0.3


def test_the_interval_shrinks_to_the_mean():
    rng = np.random.default_rng(0)
    terms = rng.uniform(-0.4, 0.6, (3000, 20))
    widths = []
    for n_drawn in (10, 100, 1000, 3000):
        low, high = bernstein(terms[:n_drawn], np.ones(20), 0.05)
        widths.append((high - low).mean())
    assert np.all(np.diff(widths) < 0)
    assert widths[-1] < 0.08


def test_terms_that_vary_little_have_narrower_intervals():
    rng = np.random.default_rng(0)
    calm, wild = rng.normal(0, 0.01, (200, 1)), rng.choice([-1.0, 1.0], (200, 1))
    low, high = bernstein(np.hstack([calm, wild]), np.ones(2), 0.05)
    assert high[0] - low[0] < 0.5 * (high[1] - low[1])


def test_one_draw_tells_nothing_beyond_the_range():
    low, high = bernstein(np.array([[0.5]]), np.array([2.0]), 0.05)
    assert (low.item(), high.item()) == (-2.0, 2.0)


def test_a_range_of_zero_leaves_nothing_open():
    low, high = bernstein(np.zeros((3, 1)), np.zeros(1), 0.05)
    assert (low.item(), high.item()) == (0.0, 0.0)


def test_intervals_scale_with_the_terms():
    terms = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    ends = np.array(bernstein(terms, np.ones(3), 0.05))
    scaled = np.array(bernstein(1e-6 * terms, np.full(3, 1e-6), 0.05))
    assert scaled == pytest.approx(1e-6 * ends, rel=1e-9)


# Counting


def chance_of_at_most(n_found, n_rest, n_leaders, n_random):
    """The hypergeometric distribution, by counting samples."""
    return sum(
        math.comb(n_leaders, k) * math.comb(n_rest - n_leaders, n_random - k)
        for k in range(n_found + 1)
    ) / math.comb(n_rest, n_random)


@pytest.mark.parametrize("n_rest", [1, 5, 12, 30])
@pytest.mark.parametrize("confidence", [0.57, 0.95])  # no chance is just so
def test_missed_by_counting_equals_brute_force(n_rest, confidence):
    for n_random in range(1, n_rest + 1):
        for n_found in range(n_random + 1):
            possible = [
                n_leaders - n_found
                for n_leaders in range(n_found, n_rest - n_random + n_found + 1)
                if chance_of_at_most(n_found, n_rest, n_leaders, n_random) > 1 - confidence
            ]
            found = missed_by_counting(n_rest, n_random, n_found, confidence)
            assert found == max(possible), (n_random, n_found)


def test_none_found_among_many_leaves_about_three_parts():
    assert missed_by_counting(100_000, 1000, 0, 0.95) == pytest.approx(3 * 100_000 / 1000, rel=0.02)
