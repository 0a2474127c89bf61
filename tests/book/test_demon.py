"""The demon: its promise is δ Δz, its deed is a real run; nothing comes of nothing."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import COSTS, Cost
from neurodemon.book.demon import Neuron, curve, nudge
from neurodemon.book.network import Network
from neurodemon.errors import PerturbationError, UnitIndexError

SIZES = (3, 4, 5, 2)
EACH_NEURON = [Neuron(layer, index) for layer in (2, 3, 4) for index in (0, SIZES[layer - 1] - 1)]

each_neuron = pytest.mark.parametrize("neuron", EACH_NEURON, ids=str)


@each_neuron
def test_no_nudge_has_no_effect(neuron: Neuron):
    done = nudge(draw_problem(SIZES), neuron, 0.0)
    assert not done.measured.any()
    assert not done.predicted.any()


@each_neuron
@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_a_shared_nudge_is_a_move_of_the_bias(neuron: Neuron, cost: Cost):
    problem = draw_problem(SIZES, cost)
    biases = [bias.copy() for bias in problem.network.biases]
    biases[neuron.layer - 2][neuron.index] += 0.7
    moved = replace(problem, network=Network(problem.network.weights, tuple(biases)))
    done = nudge(problem, neuron, 0.7)
    np.testing.assert_allclose(done.after, moved.costs(), rtol=1e-14)
    np.testing.assert_array_equal(done.before, problem.costs())


@each_neuron
def test_the_promise_is_delta_times_dz_and_errs_by_the_square(neuron: Neuron):
    problem = draw_problem(SIZES)
    delta = backpropagate(problem).delta[neuron.layer - 2][:, neuron.index]
    dz = np.linspace(-1, 1, len(delta))
    gaps = []
    for size in (1e-2, 1e-3):
        done = nudge(problem, neuron, size * dz)
        np.testing.assert_array_equal(done.predicted, delta * (size * dz))
        gaps.append(np.abs(done.measured - done.predicted).max())
    assert gaps[1] < gaps[0] / 80  # a hundredth, where the curvature is all there is
    assert gaps[0] > 0


def test_each_example_can_have_its_own_nudge():
    problem, neuron = draw_problem(SIZES), Neuron(3, 1)
    dz = np.array([0.5, 0.0, -1.0, 2.0, 0.0])
    done = nudge(problem, neuron, dz)
    for place, own in enumerate(dz):
        shared = nudge(problem, neuron, float(own))
        assert done.after[place] == pytest.approx(shared.after[place], rel=1e-14)
    assert not done.measured[[1, 4]].any()


def test_the_curve_passes_through_each_nudge():
    problem, neuron = draw_problem(SIZES), Neuron(2, 3)
    dz = np.linspace(-3, 3, 7)
    costs = curve(problem, neuron, dz)
    assert costs.shape == (7, 5)
    for row, own in zip(costs, dz, strict=True):
        np.testing.assert_allclose(row, nudge(problem, neuron, float(own)).after, rtol=1e-14)


@pytest.mark.parametrize("dz", [np.zeros(4), np.zeros(6), np.zeros(1)], ids=len)
def test_a_dz_for_other_examples_is_refused(dz: np.ndarray):
    with pytest.raises(PerturbationError, match="expected one number, or 5, one for each"):
        nudge(draw_problem(SIZES), Neuron(2, 0), dz)


@pytest.mark.parametrize(
    "neuron", [Neuron(1, 0), Neuron(5, 0), Neuron(2, 4), Neuron(2, -1)], ids=str
)
def test_a_neuron_that_is_not_there_is_refused(neuron: Neuron):
    with pytest.raises(UnitIndexError, match=r"is not in the network \[3, 4, 5, 2\]"):
        nudge(draw_problem(SIZES), neuron, 1.0)
