"""BP1–BP4 against finite differences and against torch's autograd on the same weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.book_problems import draw_problem
from torch.nn.functional import binary_cross_entropy

from neurodemon.book import backprop
from neurodemon.book.backprop import backpropagate, bp2, bp4
from neurodemon.book.costs import COSTS, CROSS_ENTROPY, QUADRATIC, Cost
from neurodemon.book.network import Network, feed_on
from neurodemon.book.problem import Problem

STEP = 1e-6
NUMERICAL = 1e-8  # central differences at this step, float64
AUTOGRAD = 1e-12

each_cost = pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
each_depth = pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (6, 5, 4, 3, 2)], ids=str)


def differentiate(problem: Problem, layer: int) -> np.ndarray:
    """Differentiate the cost by each weighted input of a layer, each example by itself."""
    z = problem.forward().z[layer - 2]
    moves = STEP * np.eye(z.shape[1])[:, None, :]
    above, below = (
        problem.cost.per_example(feed_on(problem.network, layer, z + sign * moves), problem.target)
        for sign in (1, -1)
    )
    return ((above - below) / (2 * STEP)).T


def autograd(problem: Problem) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Find each layer's δ, and the gradients of weights and biases, by torch."""
    weights = [torch.tensor(weight, requires_grad=True) for weight in problem.network.weights]
    biases = [torch.tensor(bias, requires_grad=True) for bias in problem.network.biases]
    a, z = torch.tensor(problem.inputs), []
    for weight, bias in zip(weights, biases, strict=True):
        z.append(torch.nn.functional.linear(a, weight, bias))
        a = z[-1].sigmoid()
    y = torch.tensor(problem.target)
    if problem.cost is QUADRATIC:
        cost = 0.5 * (y - a).square().sum()
    else:
        cost = binary_cross_entropy(a, y, reduction="sum")
    found = torch.autograd.grad(cost, [*z, *weights, *biases])
    return list(found[: len(z)]), list(found[len(z) :])


@each_cost
@each_depth
def test_delta_is_the_derivative_by_the_weighted_input(sizes: tuple[int, ...], cost: Cost):
    problem = draw_problem(sizes, cost)
    for place, delta in enumerate(backpropagate(problem).delta):
        np.testing.assert_allclose(delta, differentiate(problem, place + 2), atol=NUMERICAL)


@each_cost
@each_depth
@pytest.mark.parametrize("seed", range(3))
def test_delta_and_gradients_are_those_of_autograd(sizes: tuple[int, ...], cost: Cost, seed: int):
    problem = draw_problem(sizes, cost, seed=seed, n=11)
    found = backpropagate(problem)
    deltas, gradients = autograd(problem)
    for ours, theirs in zip(found.delta, deltas, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=AUTOGRAD, atol=AUTOGRAD)
    ours_all = (*found.weight_gradients(), *found.bias_gradients())
    for ours, theirs in zip(ours_all, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=AUTOGRAD, atol=AUTOGRAD)


def test_a_backward_pass_that_forgets_a_slope_does_not_equal_autograd(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(backprop, "sigmoid_slope", np.ones_like)
    problem = draw_problem((3, 4, 2))
    gap = np.abs(backpropagate(problem).delta[0] - autograd(problem)[0][0].numpy())
    assert gap.max() > 0.01


def test_gradients_are_sums_over_the_examples_of_bp3_and_bp4():
    problem = draw_problem((3, 4, 2))
    found = backpropagate(problem)
    by_example = bp4(found.delta[1], found.forward.a[1])
    assert by_example.shape == (5, 2, 4)
    np.testing.assert_allclose(found.weight_gradients()[1], by_example.sum(0), rtol=1e-14)
    np.testing.assert_array_equal(found.bias_gradients()[0], found.delta[0].sum(0))


def test_one_weight_by_finite_differences():
    problem = draw_problem((3, 4, 2))
    slope = backpropagate(problem).weight_gradients()[0][1, 2]
    costs = []
    for sign in (1, -1):
        first = problem.network.weights[0].copy()
        first[1, 2] += sign * STEP
        moved = Network((first, problem.network.weights[1]), problem.network.biases)
        costs.append(replace(problem, network=moved).costs().sum())
    assert (costs[0] - costs[1]) / (2 * STEP) == pytest.approx(slope, abs=NUMERICAL)


def test_examples_do_not_see_each_other():
    problem = draw_problem((3, 4, 2))
    alone = Problem(problem.network, problem.inputs[2:3], problem.target[2:3], problem.cost)
    np.testing.assert_allclose(
        backpropagate(problem).delta[0][2], backpropagate(alone).delta[0][0], rtol=1e-13
    )


def test_at_the_output_the_cross_entropys_influence_is_the_error():
    problem = draw_problem((3, 4, 2), CROSS_ENTROPY)
    found = backpropagate(problem)
    np.testing.assert_array_equal(found.delta[-1], found.forward.output - problem.target)


def test_bp2_goes_through_the_transpose():
    weight, delta = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[1.0, -1.0]])
    np.testing.assert_array_equal(bp2(weight, delta, np.zeros((1, 3))), [[-0.75, -0.75, -0.75]])
