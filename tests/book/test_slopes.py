"""The demon's own slope equals δ in many random networks, and tells a wrong δ."""

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book import slopes
from neurodemon.book.backprop import Backprop, backpropagate
from neurodemon.book.chain import make_chain
from neurodemon.book.costs import CROSS_ENTROPY, QUADRATIC, Cost
from neurodemon.book.demon import Neuron
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.book.slopes import measure_slope, slope_figures

SIZES = [(1, 1), (3, 4, 2), (2, 5, 3, 4, 1), (4, 3, 3, 3, 3, 2)]


def scaled(problem: Problem, factor: float) -> Problem:
    network = problem.network
    weights = tuple(factor * weight for weight in network.weights)
    return Problem(Network(weights, network.biases), problem.inputs, problem.target, problem.cost)


@pytest.mark.parametrize("cost", [QUADRATIC, CROSS_ENTROPY], ids=lambda cost: cost.name)
@pytest.mark.parametrize("factor", [1.0, 10.0], ids=["usual", "saturated"])
def test_the_measured_slope_is_delta_in_random_networks(cost: Cost, factor: float):
    for seed in range(8):
        for sizes in SIZES:
            problem = scaled(draw_problem(sizes, cost, seed=seed, n=1 + seed % 3), factor)
            figures = list(slope_figures(problem))
            assert len(figures) == sum(sizes[1:])
            assert [figure for figure in figures if not figure.agrees] == []


def test_a_usual_network_is_measured_to_nine_digits():
    for figure in slope_figures(draw_problem((3, 4, 2), QUADRATIC)):
        assert figure.ours == pytest.approx(figure.book, rel=1e-9, abs=1e-12)


def test_a_chain_whose_slope_explodes_is_measured_too():
    slope = measure_slope(make_chain(), Neuron(2, 0), noise=1e-16)
    assert slope.value == pytest.approx(1953.125, rel=1e-8)
    assert slope.doubt < 1e-4


def test_a_delta_without_its_sigma_prime_is_told(monkeypatch: pytest.MonkeyPatch):
    def wrong(problem: Problem) -> Backprop:
        found = backpropagate(problem)
        return Backprop(found.forward, tuple(1.00001 * delta for delta in found.delta))

    monkeypatch.setattr(slopes, "backpropagate", wrong)
    figures = list(slope_figures(draw_problem((3, 4, 2), QUADRATIC)))
    assert not any(figure.agrees for figure in figures)


def test_an_infinite_cost_has_no_slope_and_does_not_agree():
    network = Network((np.array([[100.0]]),), (np.array([0.0]),))
    problem = Problem(network, np.ones((1, 1)), np.zeros((1, 1)), CROSS_ENTROPY)
    [figure] = slope_figures(problem)
    assert np.isnan(figure.ours)
    assert not figure.agrees
