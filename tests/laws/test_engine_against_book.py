"""The torch engine and the NumPy book are two oracles of each other: same weights, same numbers.

The book knows nothing of torch, the engine nothing of BP1–BP4: on random sigmoid networks of any
depth, under both costs, each δ and each demon's effect agree to 1e-12.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from oracles.book_problems import draw_problem

from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import COSTS, Cost
from neurodemon.book.demon import Neuron, nudge
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.predicting import delta, predict
from neurodemon.subjects.from_book import from_book
from neurodemon.subjects.subject import Subject
from neurodemon.terms.perturbations import Add

CLOSE = 1e-12
SIZES = [
    (1, 1),
    (4, 3),
    (3, 4, 2),
    (1, 5, 1),
    (2, 6, 3, 2),
    (5, 2, 7, 1),
    (3, 4, 4, 4, 2),
    (6, 2, 5, 3, 4, 2, 1),
]
DZ = (-1.0, 3.0)

each_net = pytest.mark.parametrize("sizes", SIZES, ids=str)
each_cost = pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)


def draw(sizes: tuple[int, ...], cost: Cost) -> Problem:
    seed = sum(place * size for place, size in enumerate(sizes, start=1))
    return draw_problem(sizes, cost, seed=seed, n=7)


@cache
def study(sizes: tuple[int, ...], cost: Cost) -> tuple[Problem, Subject]:
    """Draw a net once, and capture it once: nothing here writes on it."""
    problem = draw(sizes, cost)
    return problem, from_book(problem, name="net")


def names(problem: Problem) -> list[str]:
    """The sites of z, from layer 2 on."""
    return [f"fc{place}" for place in range(1, problem.network.depth)]


def deltas(subject: Subject, problem: Problem) -> list[np.ndarray]:
    return [delta(subject, name).numpy() for name in names(problem)]


def effects_by_book(problem: Problem, dz: float) -> list[np.ndarray]:
    """Each demon's effect, example by neuron, all layers beside each other."""
    neurons = [
        Neuron(layer, index)
        for layer, width in enumerate(problem.network.sizes[1:], start=2)
        for index in range(width)
    ]
    return [np.stack([nudge(problem, neuron, dz).measured for neuron in neurons], axis=1)]


def effects_by_engine(subject: Subject, problem: Problem, dz: float) -> list[np.ndarray]:
    return [np.asarray(measure(subject, ", ".join(names(problem)), Add(dz)).per_example)]


def largest_gap(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True))


@each_net
@each_cost
def test_the_same_weights_have_the_same_delta(sizes: tuple[int, ...], cost: Cost) -> None:
    problem, subject = study(sizes, cost)
    assert largest_gap(deltas(subject, problem), list(backpropagate(problem).delta)) <= CLOSE


@each_net
@each_cost
def test_a_demon_does_the_same_in_both(sizes: tuple[int, ...], cost: Cost) -> None:
    problem, subject = study(sizes, cost)
    for dz in DZ:
        gap = largest_gap(effects_by_engine(subject, problem, dz), effects_by_book(problem, dz))
        assert gap <= CLOSE, dz


@each_cost
def test_a_demon_promises_the_same_in_both(cost: Cost) -> None:
    problem, subject = study((3, 4, 4, 4, 2), cost)
    for layer, name in enumerate(names(problem), start=2):
        promised = predict(subject, name, Add(-0.5), predictor="tangent")["predicted"]
        expected = [
            nudge(problem, Neuron(layer, index), -0.5).predicted.mean()
            for index in range(problem.network.sizes[layer - 1])
        ]
        assert promised == pytest.approx(expected, abs=CLOSE)


@each_cost
def test_the_model_computes_the_books_outputs_and_costs(cost: Cost) -> None:
    problem, subject = study((3, 4, 4, 4, 2), cost)
    [(inputs, target)] = subject.batches
    output = subject.model(inputs)
    np.testing.assert_allclose(output.detach().numpy(), problem.forward().output, atol=CLOSE)
    found = subject.cost(output, target).detach().numpy()
    np.testing.assert_allclose(found, problem.costs(), atol=CLOSE)


def test_more_than_a_thousand_examples_come_in_batches() -> None:
    problem = draw_problem((2, 3, 1), n=2_300)
    subject = from_book(problem, name="net", seed=5)
    assert [len(target) for _, target in subject.batches] == [1000, 1000, 300]
    assert largest_gap(deltas(subject, problem), list(backpropagate(problem).delta)) <= CLOSE
    assert subject.seed == 5


def test_the_models_weights_are_copies() -> None:
    problem = draw_problem()
    with torch.no_grad():
        from_book(problem, name="net").model[0].weight.zero_()
    assert problem.network.weights[0].any()


# Negative controls: each comparison sees what is wrong


@each_cost
def test_a_weight_that_differs_by_1e_9_is_seen(cost: Cost) -> None:
    problem = draw((3, 4, 4, 2), cost)
    first, *rest = problem.network.weights
    moved = first.copy()
    moved[0, 0] += 1e-9
    other = replace(problem, network=Network((moved, *rest), problem.network.biases))
    subject = from_book(other, name="net")
    assert largest_gap(deltas(subject, problem), list(backpropagate(problem).delta)) > CLOSE
    gap = largest_gap(effects_by_engine(subject, problem, -1.0), effects_by_book(problem, -1.0))
    assert gap > CLOSE


def test_the_other_cost_is_seen() -> None:
    quadratic, entropy = (draw((3, 4, 2), cost) for cost in COSTS)
    subject = from_book(quadratic, name="net")
    assert largest_gap(deltas(subject, entropy), list(backpropagate(entropy).delta)) > 1e-3
