"""A chain of sigmoid neurons: δ explodes backwards with large weights, and how rarely it can.

Each step back multiplies δ by w σ′(z). σ′ is at most ¼, so |w| must be above 4, and then only a
narrow range of activations keeps the product above 1. Source: Nielsen ch. 5, "The exploding
gradient problem", and its problem with eq. 123.
"""

from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import QUADRATIC
from neurodemon.book.figures import Figure, as_printed
from neurodemon.book.network import Network, sigmoid_slope
from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float

N_NEURONS = 4
WEIGHT = 100.0
BOOK_DELTA = (1953.125, 78.125, 3.125, 0.125)  # from the first neuron to the last
LEAST_WEIGHT = 4.0  # below it |w| σ′ is under 1 everywhere


@dataclass(frozen=True, eq=False)
class Chain:
    """The chain beside the book's numbers.

    Attributes:
        delta: δ from the first neuron to the last.
        widest: the widest range of activations that eq. 123 allows.
        widest_weight: the |w| that allows it.
        steepest: the largest σ′.
        figures: ours beside the book's.
    """

    delta: Float[Array, " neuron"]
    widest: float
    widest_weight: float
    steepest: float
    figures: tuple[Figure, ...]


def make_chain(weight: float = WEIGHT, n_neurons: int = N_NEURONS) -> Problem:
    """Make a chain whose biases hold each neuron at z = 0, where σ′ is largest.

    Args:
        weight: w of each neuron.
        n_neurons: how many.

    Returns:
        The problem: input ½, target 0, quadratic cost; so a − y = ½ at the end.

    Raises:
        SubjectError: there is no neuron.
    """
    if n_neurons < 1:
        raise SubjectError(f"A chain of {n_neurons} neurons was asked for; expected 1 or more.")
    bias = -weight / 2  # z = w · ½ + b = 0
    network = Network(
        tuple(np.full((1, 1), weight) for _ in range(n_neurons)),
        tuple(np.full(1, bias) for _ in range(n_neurons)),
    )
    return Problem(network, np.full((1, 1), 0.5), np.zeros((1, 1)), QUADRATIC)


def width_bound(weight: Float[Array, " weight"]) -> Float[Array, " weight"]:
    """Bound the width of the activations with |w σ′(w a + b)| ≥ 1, eq. 123.

    (2/|w|) ln(|w| (1 + √(1 − 4/|w|)) / 2 − 1)

    Args:
        weight: |w|, each at least 4.

    Returns:
        The width of the widest range of a that keeps the product at 1 or above.

    Example:
        >>> width_bound(np.array([4.0, 6.9])).round(5).tolist()
        [0.0, 0.44774]
    """
    root = np.sqrt(1.0 - LEAST_WEIGHT / weight)
    return np.asarray(2.0 / weight * np.log(weight * (1.0 + root) / 2.0 - 1.0))


def follow_chain() -> Chain:
    """Compute the chain's δ and the bound of eq. 123, and compare.

    Returns:
        What comes out, with the figures.

    Example:
        >>> follow_chain().delta.tolist()
        [1953.125, 78.125, 3.125, 0.125]
    """
    delta = np.array([layer[0, 0] for layer in backpropagate(make_chain()).delta])
    weight, widest = _find_widest()
    steepest = float(sigmoid_slope(np.linspace(-8.0, 8.0, 1601)).max())
    figures = (
        *(
            as_printed(f"δ of neuron {number}", float(ours), book, decimals=3)
            for number, (ours, book) in enumerate(zip(delta, BOOK_DELTA, strict=True), start=1)
        ),
        as_printed("widest range, eq. 123", widest, 0.44774, decimals=5),
        as_printed("|w| of the widest range", weight, 6.894, decimals=3),
        as_printed("largest σ′", steepest, 0.25, decimals=2),
    )
    return Chain(delta, widest, weight, steepest, figures)


def _find_widest() -> tuple[float, float]:
    """Find the |w| with the widest range on finer and finer grids; there is one peak."""
    low, high = LEAST_WEIGHT, 100.0
    for _ in range(4):
        grid = np.linspace(low, high, 1001)
        best = int(width_bound(grid).argmax())
        low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 1000)])
    return float(grid[best]), float(width_bound(grid)[best])
