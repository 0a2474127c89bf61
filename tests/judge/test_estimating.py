"""Estimates from a few examples: unbiased, with intervals that hold, and where they must not."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from neurodemon.judge.estimating import (
    ENOUGH_DRAWS,
    UNDRAWN,
    Estimate,
    Sampled,
    estimate,
    learn,
    tail_scale,
)
from neurodemon.judge.sampling import draw_order, draw_probabilities, positive_sizes

CLOSE = 1e-12  # float64, means of some tens of numbers
N_EXAMPLES = 60


def population(seed, n_units=160, n_random=40, n_drawn=10, *, calibration=None, counted=None):
    """Units of heavy-tailed gaps and log-normal sizes; some measured whole, the others in part.

    Args:
        calibration: which units calibrate; the first ones, which are as any.
        n_drawn: of the others, a number or one of each.
    """
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 1, n_units)
    predicted = size * rng.normal(1, 0.5, (N_EXAMPLES, n_units))
    gaps = 0.3 * np.abs(predicted) * rng.standard_t(2, (N_EXAMPLES, n_units))
    gaps += 0.1 * size * rng.standard_t(2, n_units)
    counted = np.ones(gaps.shape, bool) if counted is None else counted
    sizes = positive_sizes(predicted, counted)
    probabilities = draw_probabilities(sizes)
    order = draw_order(probabilities, rng)
    n_examples = counted.sum(0)
    own = np.arange(n_random) if calibration is None else calibration(predicted, gaps, n_random)
    drawn = np.broadcast_to(n_drawn, n_units).copy()
    drawn[own] = n_examples[own]
    rank = np.argsort(order, 0)
    sampled = Sampled(
        predicted=np.where(counted, predicted, 0.0),
        probabilities=probabilities,
        order=order,
        n_examples=n_examples,
        sizes=sizes.sum(0) / np.maximum(n_examples, 1),
        gaps=np.where((rank < drawn) & counted, gaps, np.nan),
        n_drawn=np.minimum(drawn, n_examples),
        is_broken=np.zeros(n_units, bool),
        calibration=np.asarray(own, np.int64),
    )
    truth = np.where(counted, predicted + gaps, 0.0).sum(0) / np.maximum(n_examples, 1)
    return sampled, truth


def best_predicted(predicted, gaps, count):
    """The units whose gaps are smallest in proportion: not drawn at random."""
    return np.argsort((gaps**2).mean(0) / (predicted**2).mean(0))[:count]


def share_held(confidence, seeds=60, **given):
    """How often intervals of units that are measured in part hold, over many populations."""
    held = []
    for seed in range(seeds):
        sampled, truth = population(seed, **given)
        found = estimate(sampled)
        halves = found.half_widths(confidence)
        held.append((np.abs(found.value - truth) <= halves)[~found.is_exact].mean())
    return np.array(held)


# Intervals hold


@pytest.mark.parametrize("n_drawn", [0, 1, 2, 10, 40])
def test_intervals_hold_as_often_as_they_say_at_any_number_of_draws(n_drawn):
    held = share_held(0.9, n_drawn=n_drawn)
    assert held.mean() >= 0.9 - 3 * held.std() / math.sqrt(len(held))


def test_intervals_hold_at_95_percent_from_nineteen_units():
    held = share_held(0.95, n_random=19)
    assert held.mean() >= 0.95 - 3 * held.std() / math.sqrt(len(held))


@pytest.mark.parametrize("n_drawn", [0, 10])
def test_calibration_by_the_best_predicted_units_breaks_intervals(n_drawn):
    """Negative control: units that are not drawn at random say too little."""
    assert share_held(0.9, n_drawn=n_drawn, calibration=best_predicted, seeds=20).mean() < 0.85


def test_intervals_shrink_with_the_number_of_draws():
    widths = [
        np.median(estimate(population(0, n_drawn=n)[0]).half_widths(0.9)[40:])
        for n in (4, 8, 16, 32, 59)
    ]
    assert np.all(np.diff(widths) < 0)


# Estimates


def test_estimates_are_unbiased():
    off = []
    for seed in range(150):
        sampled, truth = population(seed, n_units=60, n_random=5, n_drawn=6)
        scale = sampled.sizes[5:]
        off.append(np.median((estimate(sampled).value - truth)[5:] / scale))
    assert abs(np.mean(off)) < 4 * np.std(off) / math.sqrt(len(off))


def test_units_measured_whole_are_exact():
    sampled, truth = population(0)
    found = estimate(sampled)
    assert found.value[:40] == pytest.approx(truth[:40], abs=CLOSE)
    assert found.error[:40].tolist() == [0.0] * 40
    assert found.half_widths(0.95)[:40].tolist() == [0.0] * 40


def test_a_unit_without_a_draw_is_as_predicted():
    sampled, _ = population(0, n_drawn=0)
    found = estimate(sampled)
    assert found.value[40:] == pytest.approx(sampled.predicted.mean(0)[40:], abs=CLOSE)
    assert np.all(found.error[40:] > 0)


def test_examples_that_do_not_count_change_nothing():
    counted = np.ones((N_EXAMPLES, 160), bool)
    counted[50:] = False
    sampled, truth = population(0, counted=counted, n_drawn=49)
    found = estimate(sampled)
    assert found.value[:40] == pytest.approx(truth[:40], abs=CLOSE)
    inside = np.abs(found.value - truth) <= found.half_widths(0.95)
    assert inside[40:].mean() > 0.9


def test_a_broken_unit_has_no_value_and_nothing_more_is_asked_of_it():
    sampled, _ = population(0)
    broken = np.arange(160) == 100
    found = estimate(replace(sampled, is_broken=broken))
    assert np.isnan(found.value[100])
    assert found.is_exact[100]
    assert np.isfinite(np.delete(found.value, 100)).all()


def test_units_of_one_number_of_draws_are_scored_at_that_number():
    n_drawn = np.r_[np.zeros(80), np.full(80, 12)].astype(np.int64)
    found = estimate(population(0, n_drawn=n_drawn)[0])
    assert sorted(found.scores) == [0, 12]
    assert {len(scores) for scores in found.scores.values()} == {40}


def test_two_units_measured_whole_do_not_calibrate():
    found = estimate(population(0, n_random=2)[0])
    assert found.scores == {}
    assert np.isnan(found.half_widths(0.95)[2:]).all()


def with_few_examples(n_units):
    """Which examples count, where every other unit has ten only."""
    counted = np.ones((N_EXAMPLES, n_units), bool)
    counted[10:, ::2] = False
    return counted


def test_units_with_fewer_examples_than_others_have_draws_do_not_score():
    """Their estimate from so many draws would be exact, and a score of 0."""
    found = estimate(population(0, n_drawn=20, counted=with_few_examples(160))[0])
    assert len(found.scores[20]) == 20
    assert found.scores[20].min() > 0


def test_intervals_hold_where_units_have_unlike_numbers_of_examples():
    held = share_held(0.9, n_drawn=20, counted=with_few_examples(160))
    assert held.mean() >= 0.9 - 3 * held.std() / math.sqrt(len(held))


def test_too_few_units_with_more_examples_score_nothing():
    found = estimate(population(0, n_random=4, n_drawn=20, counted=with_few_examples(160))[0])
    assert found.scores == {}


def test_a_perfect_predictor_has_scores_of_zero():
    sampled, _ = population(0)
    found = estimate(replace(sampled, gaps=0 * sampled.gaps))
    assert found.scores[10].tolist() == [0.0] * 40
    assert found.half_widths(0.95).tolist() == [0.0] * 160


def test_no_draw_and_no_calibration_leaves_the_size_itself_open():
    sampled, _ = population(0, n_random=0, n_drawn=0)
    assert estimate(sampled).error == pytest.approx(sampled.sizes, abs=CLOSE)


def test_where_all_is_measured_there_is_nothing_to_score():
    found = estimate(population(0, n_drawn=N_EXAMPLES)[0])
    assert found.is_exact.all()
    assert found.scores == {}


# What calibration units say


def test_the_common_variance_is_that_of_the_typical_unit():
    sampled, _ = population(0, n_units=400, n_random=400)
    q, gaps = sampled.probabilities, sampled.gaps
    terms = gaps / (q * N_EXAMPLES)
    ratios = (q * (terms - gaps.mean(0)) ** 2).sum(0) / sampled.sizes**2
    assert learn(sampled).variance == pytest.approx(np.exp(np.log(ratios).mean()), rel=1e-9)


def test_units_alike_lend_more_weight_than_units_apart():
    weights = []
    for spread in (0.7, 2.0):
        sampled, _ = population(0)
        factors = np.exp(spread * np.random.default_rng(1).standard_normal(160))
        weights.append(learn(replace(sampled, gaps=sampled.gaps * factors)).weight)
    assert weights[0] > weights[1] > 0


def test_the_weight_is_that_of_smyth_2004():
    """Trigamma(weight / 2) is the variance of the log variances."""
    sampled, _ = population(0)
    q, gaps = sampled.probabilities[:, :40], sampled.gaps[:, :40]
    terms = gaps / (q * N_EXAMPLES) - gaps.mean(0)
    spread = np.log((q * terms**2).sum(0) / sampled.sizes[:40] ** 2).var()
    assert scipy.special.polygamma(1, learn(sampled).weight / 2) == pytest.approx(spread, rel=1e-6)


def test_a_perfect_predictor_has_no_common_variance():
    sampled, _ = population(0)
    common = learn(replace(sampled, gaps=0 * sampled.gaps))
    assert (common.variance, common.gap) == (0.0, 0.0)


# Tails and chances


def test_the_scale_of_many_of_students_own_scores_is_one():
    scores = np.abs(scipy.stats.t.ppf(np.linspace(1e-6, 1 - 1e-6, 999_999), 3))
    assert tail_scale(scores, 3.0) == pytest.approx(1.0, abs=0.005)


def test_the_scale_of_few_scores_is_rather_too_large_than_too_small():
    scores = np.abs(np.random.default_rng(0).standard_t(3, (1000, 20)))
    assert np.mean([tail_scale(own, 3.0) < 1 for own in scores]) < 0.25


def test_one_unit_far_off_does_not_decide_the_scale():
    scores = np.abs(scipy.stats.t.ppf(np.linspace(0.001, 0.999, 20), 3))
    scores[0] = 1000.0
    assert tail_scale(scores, 3.0) < 25


def test_few_small_scores_count_as_what_they_should_be():
    assert tail_scale(np.full(18, 0.01), 3.0) == 1.0
    assert tail_scale(np.full(19, 0.01), 3.0) < 0.01


def few(value, error, n_drawn, scores, *, is_exact=False):
    """An estimate of one unit."""
    return Estimate(
        np.array([value]), np.array([error]), np.array([n_drawn]), np.array([is_exact]), scores
    )


def test_chances_are_zero_or_one_where_all_is_measured():
    above = few(-2.0, 0.0, 5, {}, is_exact=True)
    assert (above.chance_above(1.0, 3.0)[0], above.chance_above(2.0, 3.0)[0]) == (1.0, 0.0)


def test_a_broken_unit_is_above_nothing():
    assert few(np.nan, 0.0, 5, {}, is_exact=True).chance_above(1e-9, 3.0)[0] == 0.0


def test_without_scores_anything_may_be_above():
    assert few(0.0, 1e-9, 5, {}).chance_above(1e9, 3.0)[0] == 1.0


@pytest.mark.parametrize(("value", "expected"), [(2.0, 1.0), (-2.0, 1.0), (0.5, 0.0)])
def test_scores_of_zero_make_chances_certain(value, expected):
    assert few(value, 1.0, 5, {5: np.zeros(30)}).chance_above(1.0, 3.0)[0] == expected


def test_both_signs_may_be_above():
    scores = {5: np.abs(scipy.stats.t.ppf(np.linspace(1e-4, 1 - 1e-4, 9999), 3))}
    chance = few(0.0, 1.0, 5, scores).chance_above(1.0, 3.0)[0]
    expected = 2 * scipy.stats.t.sf(1 / tail_scale(scores[5], 3.0), 3)
    assert chance == pytest.approx(expected, rel=1e-12)


def test_a_chance_is_never_above_one():
    assert few(5.0, 1e-3, 5, {5: np.ones(30)}).chance_above(0.0, 3.0)[0] <= 1.0


@pytest.mark.parametrize(
    ("n_units", "n_drawn", "expected"),
    [
        (18, ENOUGH_DRAWS - 1, np.nan),  # too few to calibrate, too few draws for Student's
        (18, ENOUGH_DRAWS, scipy.stats.t.isf(0.025, ENOUGH_DRAWS - 1)),
        (19, 2, 9.0),
        (18, 0, np.nan),
        (19, 0, 9.0),
    ],
)
def test_half_widths_are_of_the_wider_kind_or_none(n_units, n_drawn, expected):
    found = few(1.0, 1.0, n_drawn, {n_drawn: np.full(n_units, 9.0)}).half_widths(0.95)[0]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("n_drawn", "expected"), [(0, UNDRAWN), (9, scipy.stats.t.isf(0.025, 8))])
def test_half_widths_are_never_below_students(n_drawn, expected):
    found = few(1.0, 1.0, n_drawn, {n_drawn: np.full(30, 1e-3)}).half_widths(0.95)[0]
    assert found == pytest.approx(expected)
