"""|x|: the slope says which way, never how far; at any distance from the kink it is 1.

The counterexample to "a small influence means a small error": the demon's promise is kept to
the last step, and it is the same promise at ½ and at 4. A demon walks each x here, and what it
finds is set beside what must come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.figures import Figure, within
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float

DISTANCES = (0.5, 1.0, 2.0, 4.0, -3.0)
N_STEPS = 1000  # to the kink; as many go beyond it
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Walk:
    """What a demon finds that walks from x to the kink, and as far again behind it.

    Attributes:
        x: where it starts; the cost there is |x|.
        dz: Δz, step by step.
        cost: |x + Δz|.
        tangent: |x| + δ Δz.
        delta: δ, the slope at x.
        best_dz: the Δz with the least cost.
        headroom: how much it wins there.
        shape: headroom / (|δ| |best_dz|): 1 where the promise is kept to the end.
        kept_to: how far the tangent stays exact, as a distance.
        figures: ours beside what must come out.
    """

    x: float
    dz: Float[Array, " step"]
    cost: Float[Array, " step"]
    tangent: Float[Array, " step"]
    delta: float
    best_dz: float
    headroom: float
    shape: float
    kept_to: float
    figures: tuple[Figure, ...]


def walk_all(distances: Sequence[float] = DISTANCES) -> tuple[Walk, ...]:
    """Walk from each of several x.

    Args:
        distances: where to start.

    Returns:
        The walks.

    Example:
        >>> [(walk.delta, walk.headroom) for walk in walk_all((0.5, 4.0))]
        [(1.0, 0.5), (1.0, 4.0)]
    """
    return tuple(walk(x) for x in distances)


def walk(x: float) -> Walk:
    """Walk from x to the kink of |x| and beyond.

    Args:
        x: where to start; not 0.

    Returns:
        What the demon finds.

    Raises:
        SubjectError: x is at the kink, where there is no slope, or not finite.
    """
    if x == 0 or not np.isfinite(x):
        raise SubjectError(f"|x| has no slope at x = {x}; expected a finite x other than 0.")
    delta = float(np.sign(x))
    dz = -x * np.arange(2 * N_STEPS + 1) / N_STEPS
    cost = np.abs(x + dz)
    tangent = np.abs(x) + delta * dz
    best = int(cost.argmin())
    best_dz, headroom = float(dz[best]), float(cost[0] - cost[best])
    is_kept = np.abs(cost - tangent) <= ROUNDING * abs(x)
    kept_to = float(np.abs(dz[is_kept]).max())
    shape = headroom / (abs(delta) * abs(best_dz))
    ours = {
        "|δ|": (abs(delta), 1.0),
        "best Δz": (best_dz, -x),
        "headroom": (headroom, abs(x)),
        "shape κ": (shape, 1.0),
        "tangent exact up to": (kept_to, abs(x)),
    }
    figures = tuple(_exactly(name, x, *pair) for name, pair in ours.items())
    return Walk(x, dz, cost, tangent, delta, best_dz, headroom, shape, kept_to, figures)


def _exactly(name: str, x: float, ours: float, book: float) -> Figure:
    """Compare to rounding."""
    slack = ROUNDING * max(1.0, abs(book))
    return within(f"{name} at x = {x:g}", ours, book, slack=slack)
