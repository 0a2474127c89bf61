"""What a found top k can have missed: against exact distributions, and where it must not lie."""

import itertools

import numpy as np
import pytest
import scipy.stats

from neurodemon.judge import certify as judge_certify
from neurodemon.judge.certify import (
    ASSUMES_CLT,
    ASSUMES_EB,
    ASSUMES_NOTHING_LEARNT,
    certify,
    certify_bounded,
    leaders,
    lowest_leader,
    most_events,
    outside_chances,
)
from neurodemon.judge.estimating import Estimate, tail_scale

NAN = np.nan
STUDENT = np.abs(
    scipy.stats.t.ppf(np.linspace(0.001, 0.999, 999), 3)
)  # scores as taken for granted


def known(value, error=None, n_drawn=8, scores=None):
    """An estimate of units; those without an error are exact."""
    value = np.array(value, float)
    error = np.zeros(len(value)) if error is None else np.array(error, float)
    scores = {n_drawn: STUDENT} if scores is None else scores
    return Estimate(value, error, np.full(len(value), n_drawn), error == 0, scores)


# The number of events


def quantile(chances, confidence):
    """By all outcomes: the least number that so many events do not exceed so surely."""
    numbers = np.zeros(len(chances) + 1)
    for outcome in itertools.product([False, True], repeat=len(chances)):
        numbers[sum(outcome)] += np.prod(np.where(outcome, chances, 1 - np.array(chances)))
    return int(np.argmax(np.cumsum(numbers) >= confidence - 1e-12))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999])
def test_most_events_equals_enumeration(seed, confidence):
    chances = np.random.default_rng(seed).uniform(0.001, 1, 9) ** 2
    chances[chances < 0.001] = 0.3
    assert most_events(chances, confidence) == quantile(chances, confidence)


@pytest.mark.parametrize(("n_events", "chance"), [(50, 0.02), (1000, 0.01), (30, 0.5)])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_most_of_equal_events_is_a_binomial_quantile(n_events, chance, confidence):
    expected = scipy.stats.binom.ppf(confidence, n_events, chance)
    assert most_events(np.full(n_events, chance), confidence) == expected


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n_events", [1, 10, 51, 52, 700, 2000, 9000])
def test_rare_events_are_counted_on_the_safe_side(n_events, confidence):
    chance = 0.000999
    expected = scipy.stats.binom.ppf(confidence, n_events, chance)
    assert expected <= most_events(np.full(n_events, chance), confidence) <= expected + 1


def test_rare_events_at_the_edge_are_not_rounded_away():
    """With the mean for Poisson's they would be: exp(−51.3·p) is above 0.95, (1−p)^51.3 below."""
    n_events, chance = 52, 1 - 0.95 ** (1 / 51.999)
    assert np.exp(-n_events * chance) > 0.95 > (1 - chance) ** n_events
    assert most_events(np.full(n_events, chance), 0.95) == 1


def test_sure_events_all_happen():
    assert most_events(np.array([1.0, 1.0, 1.0, 0.0]), 0.95) == 3


@pytest.mark.parametrize("chances", [[], [0.0], [0.0] * 1000])
def test_what_cannot_happen_does_not(chances):
    assert most_events(np.array(chances, float), 0.95) == 0


@pytest.mark.parametrize("chances", [[0.5, 0.25], [1e-4] * 3])
def test_certainty_counts_all_that_can_happen(chances):
    assert most_events(np.array(chances), 1.0) >= len(chances)


# Leaders


def test_leaders_are_largest_by_size_ties_in_their_order():
    assert leaders(known([1.0, -3.0, 2.0, 3.0, NAN]), 3).tolist() == [1, 3, 2]


def test_a_broken_unit_leads_only_where_no_other_is_left():
    assert leaders(known([NAN, 0.0, 1.0]), 3).tolist() == [2, 1, 0]


def test_the_cut_is_two_standard_errors_below_the_least_leader():
    estimate = known([10.0, 8.0, 1.0], [0.0, 1.5, 0.1])
    assert lowest_leader(estimate, leaders(estimate, 2)) == 5.0


def test_the_cut_is_never_below_zero():
    estimate = known([10.0, 1.0], [0.0, 3.0])
    assert lowest_leader(estimate, leaders(estimate, 2)) == 0.0


def test_the_cut_of_broken_leaders_or_none_is_zero():
    assert lowest_leader(known([NAN, 1.0]), np.array([0, 1])) == 0.0
    assert lowest_leader(known([1.0]), np.zeros(0, int)) == 0.0


# The certificate that rests on tails


def test_all_exact_proves_all():
    bound = certify(known([3.0, 2.0, 1.0]), 1, 0.95)
    assert (bound.kind, bound.missed, bound.n_undecided, bound.assumes) == ("exact", 0, 0, "")


def test_far_apart_units_are_decided():
    bound = certify(known([100.0, 0.1, 0.1], [0.0, 0.01, 0.01]), 1, 0.95)
    assert (bound.kind, bound.missed, bound.n_undecided) == ("clt", 0, 0)
    assert bound.assumes == ASSUMES_CLT


def test_units_as_large_as_the_least_leader_are_undecided():
    bound = certify(known([1.0, 0.99, 0.99], [0.0, 0.5, 0.5]), 1, 0.95)
    assert (bound.missed, bound.n_undecided) == (1, 2)


def test_chances_of_outsiders_are_students():
    estimate = known([2.0, 0.5], [0.0, 0.7])
    scale = 0.7 * tail_scale(STUDENT, 3.0)
    expected = scipy.stats.t.sf(1.5 / scale, 3) + scipy.stats.t.sf(2.5 / scale, 3)
    assert outside_chances(estimate, 1, 3.0)[1] == pytest.approx(expected, rel=1e-12)


def test_found_units_are_not_outside():
    assert outside_chances(known([2.0, 2.0], [0.1, 0.1]), 1, 3.0)[0] == 0


def test_without_calibration_nothing_is_excluded():
    bound = certify(known([9.0, 0.0, 0.0, 0.0], [0.0, 1e-9, 1e-9, 1e-9], scores={}), 2, 0.95)
    assert (bound.missed, bound.n_undecided) == (2, 2)
    assert bound.assumes == ASSUMES_NOTHING_LEARNT


def test_no_more_are_missed_than_are_looked_for():
    assert certify(known(np.ones(50), np.ones(50)), 3, 0.95).missed == 3


def test_a_unit_known_to_be_larger_than_a_leader_is_counted():
    """The value of the found ones may be overestimated: the cut is below."""
    estimate = known([5.0, 4.9], [2.0, 0.0])
    assert certify(estimate, 1, 0.95).missed == 1


# The certificate that rests on a range


def test_bounded_all_exact_proves_all():
    bound = certify_bounded([np.zeros(0)] * 2, known([2.0, 1.0]), np.ones(2), top=1, confidence=0.9)
    assert (bound.kind, bound.missed) == ("exact", 0)


def test_units_never_drawn_may_be_as_far_off_as_their_range():
    estimate, none = known([5.0, 1.0, 1.0], [0.0, 1.0, 1.0]), [np.zeros(0)] * 3
    for limits, missed in (([0, 3.9, 3.9], 0), ([0, 3.9, 4.1], 1)):
        bound = certify_bounded(none, estimate, np.array(limits), top=1, confidence=0.95)
        assert (bound.kind, bound.missed, bound.assumes) == ("eb", missed, ASSUMES_EB)


def test_a_range_on_either_side_counts():
    estimate, none = known([5.0, -1.0], [0.0, 1.0]), [np.zeros(0)] * 2
    bound = certify_bounded(none, estimate, np.array([0.0, 4.1]), top=1, confidence=0.95)
    assert bound.missed == 1


def test_many_draws_narrow_the_range():
    terms = [np.zeros(0), np.zeros(400)]
    estimate = known([0.5, 0.0], [0.0, 1.0])
    limits = np.ones(2)
    assert certify_bounded(terms, estimate, limits, top=1, confidence=0.95).missed == 0
    few = [np.zeros(0), np.zeros(4)]
    assert certify_bounded(few, estimate, limits, top=1, confidence=0.95).missed == 1


def test_leaders_that_are_sampled_lower_the_cut():
    terms = [np.zeros(50), np.zeros(0)]
    estimate = known([2.0, 1.5], [1.0, 0.0])
    bound = certify_bounded(terms, estimate, np.array([8.0, 0.0]), top=1, confidence=0.95)
    assert bound.missed == 1
    surely = certify_bounded(terms, estimate, np.array([0.1, 0.0]), top=1, confidence=0.95)
    assert surely.missed == 0


def test_of_nothing_looked_for_nothing_is_missed():
    bound = certify_bounded([np.zeros(0)], known([1.0], [1.0]), np.ones(1), top=1, confidence=0.95)
    assert (bound.missed, bound.n_undecided) == (0, 0)


def units_stopped_at_their_luck(seed):
    """Ten leaders of 0.61, all others of 0.6; of these stop, proved larger, those always drawn +1.

    Terms are −1 or +1. A unit is drawn until its lower end is above 0.61, or all are drawn.
    """
    n_units, n_draws, top = 100_000, 40, 10
    n_lucky = np.random.default_rng(seed).binomial(n_units - top, 0.8**n_draws)
    value = np.r_[np.full(top, 0.61), np.ones(n_lucky), np.full(n_units - top - n_lucky, 0.6)]
    error = np.zeros(n_units)
    error[top : top + n_lucky] = 1.0
    return [np.ones(n_draws if one else 0) for one in error], known(value, error), top


def claims_too_much(seed):
    """Whether fewer are said to be missed than are."""
    terms, estimate, top = units_stopped_at_their_luck(seed)
    bound = certify_bounded(terms, estimate, np.ones(len(terms)), top=top, confidence=0.5)
    return (leaders(estimate, top) >= top).sum() > bound.missed


def test_the_luckiest_of_many_small_units_are_not_proved_to_lead():
    assert not any(claims_too_much(seed) for seed in range(4))


def test_lower_ends_that_may_fail_as_often_as_upper_ends_prove_too_much(monkeypatch):
    """Negative control: shared among ten leaders, not among all that may be taken for one."""
    ends = judge_certify._ends
    monkeypatch.setattr(
        judge_certify, "_ends", lambda terms, limit, _: ends(terms, limit, 0.5 / 10)
    )
    assert np.mean([claims_too_much(seed) for seed in range(4)]) > 0.5


def test_the_bounded_certificate_holds_as_often_as_it_says():
    """Units of which some are leaders by little: misses beyond the bound are rare."""
    failed = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        means = np.r_[rng.uniform(-0.9, 0.9, 5), rng.uniform(-0.3, 0.3, 60)]
        terms = [np.where(rng.random(40) < (1 + mean) / 2, 1.0, -1.0) for mean in means]
        estimate = known([own.mean() for own in terms], np.ones(65))
        bound = certify_bounded(terms, estimate, np.ones(65), top=5, confidence=0.9)
        true = set(np.argsort(-np.abs(means))[:5].tolist())
        failed.append(len(true - set(leaders(estimate, 5).tolist())) > bound.missed)
    assert np.mean(failed) <= 0.1
