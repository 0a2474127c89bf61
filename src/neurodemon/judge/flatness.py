"""Flat near the optimum, steeper further away? How far from it that stays true.

For windows about each unit's optimum t*: the rank correlation of the slope |Φ′(t)| with the
distance |t − t*|. Near it the curve is a parabola and the two rank alike; far away saturation
flattens it again (theory.md §4, E4).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.correlation import correlate_ranks
from neurodemon.terms.questions import WINDOWS
from neurodemon.terms.shapes import Float

POINTS_NEEDED = 5  # of a window; fewer rank by chance
INSIDE = 1 + 1e-9  # rounding must not throw a point off a window's edge


def flatness(
    dz: Float[np.ndarray, "point unit"],
    cost: Float[np.ndarray, "point unit"],
    std: Float[np.ndarray, " unit"],
) -> Mapping[str, float | None]:
    """Correlate slope and distance to the optimum, window by window.

    Args:
        dz: where the curve of each unit was measured, in ascending order, evenly spaced.
        cost: what it was there, the mean over the examples.
        std: of each unit's z.

    Returns:
        For each of `WINDOWS` (in std): the median over the units whose optimum is not at an
        end of its curve; None where no unit has one, or the curves do not reach so far.

    Example:
        >>> dz = np.linspace(-4.0, 4.0, 201)[:, None]
        >>> found = flatness(dz, (dz - 0.4) ** 2, np.ones(1))
        >>> round(found["0.25"], 1)
        1.0
    """
    found: dict[str, float | None] = {}
    has_inside = [bool(place) for place in map(_has_optimum_inside, cost.T)]
    for window in WINDOWS:
        values = [
            _rank_in_window(dz[:, place], cost[:, place], window * std[place])
            for place, has_one in enumerate(has_inside)
            if has_one and window * std[place] <= INSIDE * np.abs(dz[:, place]).max()
        ]
        defined = [value for value in values if value is not None]
        found[f"{window:g}"] = float(np.median(defined)) if defined else None
    return found


def _has_optimum_inside(cost: NDArray[np.float64]) -> bool:
    """Whether a curve is finite, not flat, and least between its ends."""
    if not np.isfinite(cost).all():
        return False
    return bool(cost.min() < min(cost[0], cost[-1]))


def _rank_in_window(
    dz: NDArray[np.float64], cost: NDArray[np.float64], width: float
) -> float | None:
    """Spearman of |slope| with the distance to the optimum, within a distance of it."""
    slopes = np.abs(np.gradient(cost, dz))
    distances = np.abs(dz - dz[cost.argmin()])
    is_near = distances <= INSIDE * width
    if is_near.sum() < POINTS_NEEDED:
        return None
    return correlate_ranks(slopes[is_near], distances[is_near])
