"""Draws without replacement, and what they say of the mean: by exact enumeration and by count."""

import itertools

import numpy as np
import pytest

from neurodemon.judge.sampling import (
    SMALLEST_SIZE,
    UNIFORM,
    draw_order,
    draw_probabilities,
    ordered_terms,
    positive_sizes,
    stratified_sample,
)

CLOSE = 1e-12  # float64, sums of 24 orders
GAPS = np.array([5.0, -1.0, 0.5, 20.0])
PROBABILITIES = np.array([0.4, 0.3, 0.2, 0.1])


def every_order(probabilities):
    """Each order of successive draws without replacement, and its chance."""
    orders, chances = [], []
    for order in itertools.permutations(range(len(probabilities))):
        chance, left = 1.0, 1.0
        for example in order:
            chance *= probabilities[example] / left
            left -= probabilities[example]
        orders.append(order)
        chances.append(chance)
    return np.array(orders).T, np.array(chances)


def terms_of(orders, gaps, probabilities):
    """The terms of each order, one column each."""
    n_examples = np.full(orders.shape[1], float(len(gaps)))
    return ordered_terms(gaps[orders], probabilities[orders], n_examples)


# The terms of Des Raj


def test_each_term_has_the_mean_gap_as_its_expectation():
    orders, chances = every_order(PROBABILITIES)
    assert terms_of(orders, GAPS, PROBABILITIES) @ chances == pytest.approx(
        np.full(4, GAPS.mean()), abs=CLOSE
    )


def test_each_term_is_unbiased_given_the_draws_before_it():
    orders, chances = every_order(PROBABILITIES)
    terms = terms_of(orders, GAPS, PROBABILITIES)
    for first, second in itertools.permutations(range(4), 2):
        here = (orders[0] == first) & (orders[1] == second)
        mean = terms[2, here] @ chances[here] / chances[here].sum()
        assert mean == pytest.approx(GAPS.mean(), abs=CLOSE)


def test_terms_are_uncorrelated():
    orders, chances = every_order(PROBABILITIES)
    off = terms_of(orders, GAPS, PROBABILITIES) - GAPS.mean()
    covariance = (off * chances) @ off.T
    assert covariance - np.diag(np.diag(covariance)) == pytest.approx(np.zeros((4, 4)), abs=1e-10)


def test_the_mean_of_the_gaps_drawn_first_is_biased():
    """Negative control: unequal chances need their weights."""
    orders, chances = every_order(PROBABILITIES)
    assert abs(GAPS[orders[0]] @ chances - GAPS.mean()) > 1.0


def test_terms_of_wrong_probabilities_are_biased():
    """Negative control."""
    orders, chances = every_order(PROBABILITIES)
    terms = terms_of(orders, GAPS, np.full(4, 0.25))
    assert abs(terms[0] @ chances - GAPS.mean()) > 1.0


def test_the_first_term_is_that_of_hansen_and_hurwitz():
    orders, _ = every_order(PROBABILITIES)
    expected = GAPS[orders[0]] / (4 * PROBABILITIES[orders[0]])
    assert terms_of(orders, GAPS, PROBABILITIES)[0] == pytest.approx(expected, abs=CLOSE)


def test_gaps_in_proportion_to_probabilities_give_terms_without_variance():
    orders, _ = every_order(PROBABILITIES)
    terms = terms_of(orders, 8 * PROBABILITIES, PROBABILITIES)
    assert terms == pytest.approx(np.full(terms.shape, 2.0), abs=CLOSE)


def test_the_last_term_of_all_is_the_mean_itself():
    orders, _ = every_order(PROBABILITIES)
    assert terms_of(orders, GAPS, PROBABILITIES)[3] == pytest.approx(
        np.full(24, GAPS.mean()), abs=CLOSE
    )


# The order of draws


def test_orders_are_as_frequent_as_successive_draws_make_them():
    probabilities = np.array([0.6, 0.3, 0.1])
    n_drawn = 40_000
    drawn = draw_order(np.tile(probabilities[:, None], n_drawn), np.random.default_rng(0))
    orders, chances = every_order(probabilities)
    counts = (drawn[:, :, None] == orders[:, None]).all(0).mean(0)
    assert np.all(np.abs(counts - chances) < 4 * np.sqrt(chances * (1 - chances) / n_drawn))


def test_orders_of_other_probabilities_are_told_apart():
    """Negative control of the test above."""
    drawn = draw_order(np.full((3, 40_000), 1 / 3), np.random.default_rng(0))
    orders, chances = every_order(np.array([0.6, 0.3, 0.1]))
    counts = (drawn[:, :, None] == orders[:, None]).all(0).mean(0)
    assert np.abs(counts - chances).max() > 0.1


def test_examples_that_do_not_count_come_last():
    sizes = positive_sizes(np.ones((6, 500)), np.arange(6)[:, None] < np.full(500, 4))
    drawn = draw_order(draw_probabilities(sizes), np.random.default_rng(0))
    assert set(drawn[:4].ravel().tolist()) == {0, 1, 2, 3}


def test_each_example_is_drawn_once():
    drawn = draw_order(np.random.default_rng(1).random((9, 50)), np.random.default_rng(0))
    assert np.array_equal(np.sort(drawn, 0), np.tile(np.arange(9)[:, None], 50))


# Sizes and probabilities


def test_probabilities_sum_to_one_and_keep_a_uniform_share():
    sizes = positive_sizes(np.array([[100.0, 0.0], [0.0, 0.0]]), np.ones((2, 2), bool))
    found = draw_probabilities(sizes)
    assert found.sum(0) == pytest.approx([1.0, 1.0], abs=CLOSE)
    assert found.min() >= UNIFORM / 2


def test_without_any_prediction_all_examples_are_alike():
    sizes = positive_sizes(np.zeros((4, 2)), np.ones((4, 2), bool))
    assert draw_probabilities(sizes) == pytest.approx(np.full((4, 2), 0.25), abs=CLOSE)


def test_a_unit_without_an_example_has_no_probability():
    sizes = positive_sizes(np.ones((3, 2)), np.array([[True, False]] * 3))
    assert draw_probabilities(sizes)[:, 1].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_size_that_is_no_number_counts_as_the_largest_of_its_unit(bad):
    counted = np.ones((3, 1), bool)
    found = positive_sizes(np.array([[1.0], [bad], [7.0]]), counted)
    assert found[1] == found[2]


def test_what_does_not_count_does_not_make_a_size_larger():
    sizes = np.array([[1.0], [np.nan], [99.0]])
    found = positive_sizes(sizes, np.array([[True], [True], [False]]))
    assert found.ravel() == pytest.approx([1.001, 1.001, 0.0], abs=CLOSE)


def test_the_floor_is_a_part_of_the_median_units_size():
    found = positive_sizes(np.array([[1.0, 2.0, 30.0, 0.0]]), np.ones((1, 4), bool))
    assert found[0, 3] == pytest.approx(2 * SMALLEST_SIZE, abs=CLOSE)


# Units drawn at random

STRATA = np.repeat([0, 1, 2], [7, 13, 20])


def test_each_unit_has_the_same_chance():
    rng = np.random.default_rng(0)
    n_times = 4000
    drawn = np.concatenate([stratified_sample(STRATA, 10, rng) for _ in range(n_times)])
    chances = np.bincount(drawn, minlength=40) / n_times
    assert np.abs(chances - 0.25).max() < 4.5 * np.sqrt(0.25 * 0.75 / n_times)


@pytest.mark.parametrize("count", [1, 3, 10, 39])
def test_strata_keep_their_shares_to_one_unit(count):
    rng = np.random.default_rng(0)
    for _ in range(50):
        drawn = np.bincount(STRATA[stratified_sample(STRATA, count, rng)], minlength=3)
        assert np.abs(drawn - count * np.array([7, 13, 20]) / 40).max() < 1


def test_a_draw_without_strata_does_not_keep_shares():
    """Negative control of the test above."""
    rng = np.random.default_rng(0)
    off = [
        abs((STRATA[stratified_sample(np.zeros(40, int), 10, rng)] == 2).sum() - 5)
        for _ in range(50)
    ]
    assert max(off) >= 2


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (40, 40), (41, 40), (10**9, 40)])
def test_so_many_units_are_drawn_none_twice_in_ascending_order(count, expected):
    drawn = stratified_sample(STRATA, count, np.random.default_rng(0))
    assert len(drawn) == expected
    assert np.all(np.diff(drawn) > 0)


def test_of_no_units_none_is_drawn():
    assert len(stratified_sample(np.zeros(0, int), 3, np.random.default_rng(0))) == 0
