"""The two costs: by hand, at the ends of the sigmoid, and their δ against differences."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from neurodemon.book.costs import COSTS, CROSS_ENTROPY, QUADRATIC, Cost, find_cost
from neurodemon.book.network import sigmoid, sigmoid_slope
from neurodemon.errors import SubjectError

STEP = 1e-6
NUMERICAL = 1e-9  # central differences at this step, float64

each_cost = pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)


def test_the_quadratic_cost_is_half_the_sum_of_squares_not_the_mean():
    a, y = np.array([[0.5, 0.75]]), np.array([[1.0, 0.0]])
    assert QUADRATIC.per_example(a, y).tolist() == [0.5 * (0.25 + 0.5625)]


def test_the_cross_entropy_is_a_sum_of_binary_ones():
    rng = np.random.default_rng(0)
    a, y = rng.random((6, 4)), rng.random((6, 4))
    theirs = binary_cross_entropy(torch.tensor(a), torch.tensor(y), reduction="none").sum(1)
    np.testing.assert_allclose(CROSS_ENTROPY.per_example(a, y), theirs.numpy(), rtol=1e-14)


def test_zero_times_the_logarithm_of_zero_counts_as_zero():
    a = np.array([[0.0, 1.0]])
    assert CROSS_ENTROPY.per_example(a, a).tolist() == [0.0]


def test_certainty_that_is_right_still_has_a_slope():
    a = np.array([[0.0, 1.0]])
    assert CROSS_ENTROPY.slope(a, a).tolist() == [[1.0, -1.0]]


def test_certainty_that_is_wrong_costs_without_end():
    assert CROSS_ENTROPY.per_example(np.array([[1.0]]), np.array([[0.0]])).tolist() == [np.inf]


def test_one_target_serves_many_rows():
    a = np.random.default_rng(0).random((3, 5, 2))
    y = np.eye(2)[[0, 1, 1, 0, 1]]
    whole = QUADRATIC.per_example(a, y)
    np.testing.assert_array_equal(whole[2], QUADRATIC.per_example(a[2], y))


@each_cost
def test_delta_and_slope_are_the_derivatives(cost: Cost):
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 3)).astype(float)
    by_z = (cost.per_output(sigmoid(z + STEP), y) - cost.per_output(sigmoid(z - STEP), y)) / (
        2 * STEP
    )
    a = sigmoid(z)
    np.testing.assert_allclose(cost.delta(z, a, y), by_z, atol=NUMERICAL)
    np.testing.assert_allclose(cost.slope(a, y) * sigmoid_slope(z), by_z, atol=NUMERICAL)


def test_with_the_cross_entropy_the_influence_is_the_error():
    z, y = np.array([[40.0, -1e4, 0.3]]), np.array([[0.0, 1.0, 1.0]])
    a = sigmoid(z)
    np.testing.assert_array_equal(CROSS_ENTROPY.delta(z, a, y), a - y)
    assert QUADRATIC.delta(z, a, y)[0, 1] == 0.0  # the control: there a saturated one is mute


@each_cost
def test_a_cost_is_found_by_both_its_names(cost: Cost):
    assert find_cost(cost.name) is cost
    assert find_cost(cost.book_name) is cost


def test_another_cost_is_refused_with_those_there_are():
    with pytest.raises(SubjectError, match=r"no cost 'hinge'; expected 'quadratic' \(Quad"):
        find_cost("hinge")
