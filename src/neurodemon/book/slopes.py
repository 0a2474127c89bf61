"""A demon in each neuron: the slope that it feels, measured, beside the δ that BP1 and BP2 give.

Measured by really moving Δz to both sides, ever less far, and extrapolating to no distance at
all: no derivative enters but into how far rounding may spoil it. Source: Nielsen ch. 2, the
little demon.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodemon.book.backprop import Backprop, backpropagate
from neurodemon.book.demon import Neuron, curve
from neurodemon.book.figures import Figure, within
from neurodemon.book.network import FIRST_LAYER
from neurodemon.book.problem import Problem

WIDEST = 0.1  # the first Δz; each one is half of the one before
N_STEPS = 24
RELATIVE = 1e-6  # δ and a measured slope may differ by so much of δ
MARGIN = 10.0  # and by so many times what the measurement itself can tell


@dataclass(frozen=True)
class Slope:
    """What a demon measures.

    Attributes:
        value: how the mean cost changes with Δz, at Δz = 0.
        doubt: how far rounding and the last halving of Δz leave it open.
    """

    value: float
    doubt: float


def slope_figures(problem: Problem) -> Iterator[Figure]:
    """Let a demon measure the slope at each neuron, and put δ beside it.

    Args:
        problem: a network, its examples and the cost; δ and slope are means over the examples.

    Yields:
        One figure for each neuron: ours is what the demon measures, the book's is δ. It agrees
        within what the measurement can tell.

    Example:
        >>> from neurodemon.book.saturated import make_neuron
        >>> [figure] = slope_figures(make_neuron(2.0, 2.0))
        >>> figure.name, round(figure.ours, 6), round(figure.book, 6), figure.agrees
        ('δ^2[0]', 0.017345, 0.017345, True)
    """
    found = backpropagate(problem)
    noise = _bound_noise(problem, found)
    for place, delta in enumerate(found.delta):
        layer = place + FIRST_LAYER
        for index, of_neuron in enumerate(delta.mean(axis=0).tolist()):
            slope = measure_slope(problem, Neuron(layer, index), noise=noise)
            slack = RELATIVE * abs(of_neuron) + MARGIN * slope.doubt
            yield within(f"δ^{layer}[{index}]", slope.value, of_neuron, slack=slack)


def measure_slope(problem: Problem, neuron: Neuron, *, noise: float) -> Slope:
    """Measure how the mean cost changes with Δz, at Δz = 0.

    Args:
        problem: the network, its examples and the cost.
        neuron: where the demon sits.
        noise: how far rounding may move the mean cost.

    Returns:
        The slope, at that Δz which leaves the least doubt.
    """
    dz = WIDEST * 0.5 ** np.arange(N_STEPS)
    costs = curve(problem, neuron, np.concatenate([dz, -dz])).mean(axis=1)
    with np.errstate(invalid="ignore"):  # infinite costs have no slope
        central = (costs[:N_STEPS] - costs[N_STEPS:]) / (2 * dz)
        better = (4.0 * central[1:] - central[:-1]) / 3.0  # Richardson: without the term in Δz²
        doubt = np.abs(np.diff(better)) + noise / dz[2:]
    best = int(np.argmin(np.where(np.isfinite(doubt), doubt, np.inf)))
    return Slope(float(better[best + 1]), float(doubt[best]))


def _bound_noise(problem: Problem, found: Backprop) -> float:
    """Bound how far rounding may move the mean cost: of each z, of each output, of C."""
    network, forward = problem.network, found.forward
    moved = problem.costs()
    layers = zip(network.weights, network.biases, forward.a, found.delta, strict=False)
    for weight, bias, a, delta in layers:  # the last a feeds nothing
        size = a @ np.abs(weight.T) + np.abs(bias)
        moved = moved + (np.abs(delta) * size).sum(axis=1)
    slope = problem.cost.slope(forward.output, problem.target)
    moved = moved + np.abs(slope).sum(axis=1)  # not times a: 1 − a is rounded, too
    return float(np.finfo(np.float64).eps * moved.mean())
