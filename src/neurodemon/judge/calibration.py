"""Calibration: do intervals hold as often as they say? Asked of units whose truth is known."""

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.estimating import UNDRAWN, Estimate
from neurodemon.judge.intervals import conformal_multiplier, student_multiplier
from neurodemon.terms.audits import Coverage

NOMINAL = (0.5, 0.8, 0.9)


def coverage(estimate: Estimate, confidence: float) -> tuple[Coverage, ...]:
    """Count how often intervals hold that were made without the unit they are for.

    The random units are cut in two; those of each half are judged by intervals that the other
    half calibrates. Taken is the number of draws that most of the other units have.

    Args:
        estimate: what is known of each unit.
        confidence: the level that was asked for, beside 0.5, 0.8 and 0.9.

    Returns:
        One row per level that the half can calibrate; none if all is measured, or little.
    """
    counts = {
        n_drawn: int(((estimate.n_drawn == n_drawn) & ~estimate.is_exact).sum())
        for n_drawn in estimate.scores
    }
    if not counts:
        return ()
    n_drawn = max(counts, key=lambda key: counts[key])
    scores = estimate.scores[n_drawn]
    halves = (scores[::2], scores[1::2])
    found = []
    for nominal in sorted({*NOMINAL, confidence}):
        held = [_held(own, other, n_drawn, nominal) for own, other in (halves, halves[::-1])]
        if all(one is not None for one in held):
            joined = np.concatenate([one for one in held if one is not None])
            found.append(Coverage(nominal, float(joined.mean()), len(joined)))
    return tuple(found)


def _held(
    own: NDArray[np.float64], other: NDArray[np.float64], n_drawn: int, nominal: float
) -> NDArray[np.bool_] | None:
    """Which units' intervals hold, calibrated on others; None if these are too few."""
    multiplier = conformal_multiplier(other, nominal)
    if multiplier is None:
        return None
    least = student_multiplier(n_drawn, nominal) if n_drawn else UNDRAWN * nominal
    return np.asarray(own <= max(multiplier, least))
