"""A small network with one example, drawn from a seed: what `steps` spells out."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from neurodemon.book.costs import Cost
from neurodemon.book.network import Network, draw_large
from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError

SIZES = (2, 3, 1)
LARGEST = 1_000_000  # weights: more can be computed, but not read


def draw_network(sizes: Sequence[int], rng: np.random.RandomState) -> Network:
    """Draw a network of the book's first chapters: all N(0, 1).

    Args:
        sizes: the number of inputs, then of neurons in each layer.
        rng: where the numbers come from; it moves on.

    Returns:
        The network.

    Raises:
        SubjectError: these are no sizes, or too large ones to be spelled out.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise SubjectError(
            f"Sizes {list(sizes)} make no network; expected the number of inputs, then of "
            "neurons in each layer, at least 1 each: 2,3,1."
        )
    n_weights = sum(before * after for before, after in pairwise(sizes))
    if n_weights > LARGEST:
        raise SubjectError(
            f"Sizes {list(sizes)} have {n_weights:,} weights; expected {LARGEST:,} at most, so "
            "that they can be spelled out."
        )
    return draw_large(sizes, rng)


def give_example(
    network: Network,
    cost: Cost,
    rng: np.random.RandomState,
    *,
    x: Sequence[float] | None = None,
    y: Sequence[float] | None = None,
) -> Problem:
    """Give a network its one example.

    Args:
        network: the network.
        cost: the cost.
        rng: draws what is left out; it moves on alike in each case.
        x: the inputs; left out, drawn from [0, 1).
        y: the targets; left out, each 0 or 1.

    Returns:
        The problem; what does not fit the network is refused with a `SubjectError`.

    Example:
        >>> from neurodemon.book.costs import QUADRATIC
        >>> rng = np.random.RandomState(0)
        >>> problem = give_example(draw_network(SIZES, rng), QUADRATIC, rng, x=(0.5, 1.0))
        >>> problem.inputs.tolist(), problem.target.tolist()
        ([[0.5, 1.0]], [[1.0]])
    """
    drawn_x = rng.rand(network.sizes[0])
    drawn_y = rng.randint(0, 2, network.sizes[-1])
    inputs = np.array([drawn_x if x is None else x], np.float64)
    target = np.array([drawn_y if y is None else y], np.float64)
    return Problem(network, inputs, target, cost)
