"""Chapter 3: one sigmoid neuron that learns slowly because it is badly wrong.

Input 1, target 0, quadratic cost. From (2, 2) it is more wrong than from (.6, .9), and its
"error" δ is seven times smaller: it has to get better before its δ can grow, up to 4/27 at
a = 2/3. Source: Nielsen ch. 3, "The cross-entropy cost function", first two experiments.
"""

from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import QUADRATIC
from neurodemon.book.demon import Neuron, Nudge, nudge
from neurodemon.book.figures import Figure, as_printed
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.book.training import Sgd, step
from neurodemon.terms.shapes import Float

STARTS = ((0.6, 0.9), (2.0, 2.0))  # (w, b)
N_STEPS = 300
HALF_WAY = 150
SGD = Sgd(QUADRATIC, eta=0.15, mini_batch=1)
NEURON = Neuron(2, 0)
DZ = -1.0  # the demon's Δz
FAR_DZ = -4.0

# By start: each figure of the book's neuron as it is printed.
BOOK = {
    (0.6, 0.9): {
        "a at step 0": "0.817574",
        "δ at step 0": "0.121938",
        "C at step 0": "0.334214",
        "a at step 300": "0.093956",
        "Spearman(|δ|, C)": "0.998",
        "predicted at Δz = −1": "-0.121938",
        "measured at Δz = −1": "-0.140486",
        "measured/predicted at Δz = −4": "0.679",
    },
    (2.0, 2.0): {
        "a at step 0": "0.982014",
        "δ at step 0": "0.017345",
        "C at step 0": "0.482176",
        "a at step 150": "0.933417",
        "a at step 300": "0.202848",
        "largest |δ|": "0.148139",
        "step of the largest |δ|": "215",
        "Spearman(|δ|, C)": "-0.754",
        "Spearman(|δ|, C) to step 150": "-1.000",
        "predicted at Δz = −1": "-0.017345",
        "measured at Δz = −1": "-0.028477",
        "measured/predicted at Δz = −4": "5.148",
    },
}


@dataclass(frozen=True, eq=False)
class Learning:
    """The neuron's way through training; entry s is what stands before step s.

    Attributes:
        start: (w, b).
        a: its output.
        delta: δ, its "error" in the book.
        cost: C.
        figures: ours beside the book's.
    """

    start: tuple[float, float]
    a: Float[Array, " step"]
    delta: Float[Array, " step"]
    cost: Float[Array, " step"]
    figures: tuple[Figure, ...]


def make_neuron(weight: float, bias: float) -> Problem:
    """Make the neuron with its one example.

    Args:
        weight: w.
        bias: b.

    Returns:
        The problem: input 1, target 0, quadratic cost.
    """
    network = Network((np.array([[weight]]),), (np.array([bias]),))
    return Problem(network, np.ones((1, 1)), np.zeros((1, 1)), QUADRATIC)


def learn(start: tuple[float, float]) -> Learning:
    """Train the neuron for 300 steps and compare it with the book's.

    Args:
        start: (w, b); the book's are (.6, .9) and (2, 2), others have no figures.

    Returns:
        Its way, with the figures.

    Example:
        >>> found = learn((2.0, 2.0))
        >>> found.a[[0, 150, 300]].round(6).tolist()
        [0.982014, 0.933417, 0.202848]
        >>> all(figure.agrees for figure in found.figures)
        True
    """
    problem = make_neuron(*start)
    way = []
    for _ in range(N_STEPS + 1):
        found = backpropagate(problem)
        way.append((found.forward.output[0, 0], found.delta[0][0, 0], problem.costs()[0]))
        network = step(problem, found, SGD, n_images=1)
        problem = Problem(network, problem.inputs, problem.target, QUADRATIC)
    a, delta, cost = np.array(way).T
    ours = {**_follow(a, delta, cost), **_ask_the_demon(start)}
    figures = tuple(
        as_printed(name, ours[name], float(book), decimals=len(book.partition(".")[2]))
        for name, book in BOOK.get(start, {}).items()
    )
    return Learning(start, a, delta, cost, figures)


def rank_correlation(x: Float[Array, " step"], y: Float[Array, " step"]) -> float:
    """Correlate ranks (Spearman); ties share their mean rank.

    Args:
        x: numbers that are not all equal.
        y: likewise.

    Returns:
        The correlation, in [−1, 1].

    Example:
        >>> rank_correlation(np.array([1.0, 5.0, 2.0]), np.array([10.0, 30.0, 20.0]))
        1.0
    """
    both = np.corrcoef(_ranks(x), _ranks(y))
    return float(np.clip(both[0, 1], -1.0, 1.0).round(15))


def _follow(
    a: Float[Array, " step"],
    delta: Float[Array, " step"],
    cost: Float[Array, " step"],
) -> dict[str, float]:
    """Read the figures off the way."""
    size = np.abs(delta)
    half = slice(HALF_WAY + 1)
    return {
        "a at step 0": float(a[0]),
        "δ at step 0": float(delta[0]),
        "C at step 0": float(cost[0]),
        "a at step 150": float(a[HALF_WAY]),
        "a at step 300": float(a[N_STEPS]),
        "largest |δ|": float(size.max()),
        "step of the largest |δ|": float(size.argmax()),
        "Spearman(|δ|, C)": rank_correlation(size, cost),
        "Spearman(|δ|, C) to step 150": rank_correlation(size[half], cost[half]),
    }


def _ask_the_demon(start: tuple[float, float]) -> dict[str, float]:
    """Let the demon move the neuron before training."""
    problem = make_neuron(*start)
    near, far = nudge(problem, NEURON, DZ), nudge(problem, NEURON, FAR_DZ)
    return {
        "predicted at Δz = −1": float(near.predicted[0]),
        "measured at Δz = −1": float(near.measured[0]),
        "measured/predicted at Δz = −4": _ratio(far),
    }


def _ratio(done: Nudge) -> float:
    """Divide the outcome by the promise."""
    return float(done.measured[0] / done.predicted[0])


def _ranks(values: Float[Array, " step"]) -> Float[Array, " step"]:
    """Rank from 1; ties share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places])
