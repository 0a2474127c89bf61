"""Random small networks with examples, for tests of the book and against it."""

from collections.abc import Sequence

import numpy as np

from neurodemon.book.costs import CROSS_ENTROPY, Cost
from neurodemon.book.network import draw_large
from neurodemon.book.problem import Problem


def draw_problem(
    sizes: Sequence[int] = (3, 4, 2), cost: Cost = CROSS_ENTROPY, *, seed: int = 0, n: int = 5
) -> Problem:
    """Draw a network, inputs in [0, 1) and targets of 0 and 1."""
    rng = np.random.RandomState(seed)
    network = draw_large(sizes, rng)
    inputs = rng.rand(n, sizes[0])
    target = rng.randint(0, 2, (n, sizes[-1])).astype(np.float64)
    return Problem(network, inputs, target, cost)
