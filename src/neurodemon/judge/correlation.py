"""Correlation, linear and of ranks, that is None where it is not defined and never NaN.

Ties are averaged: dead ReLUs make exact zeros the norm. The sums are scaled by powers of two,
so that numbers as far apart as floats go neither overflow nor vanish.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from neurodemon.terms.shapes import Float

PAIRS_NEEDED = 3  # two pairs always rank perfectly, right or wrong


def correlate(first: Float[np.ndarray, " any"], second: Float[np.ndarray, " any"]) -> float | None:
    """Correlate linearly.

    Args:
        first: finite numbers.
        second: as many.

    Returns:
        Pearson's correlation; None if either is constant.

    Example:
        >>> correlate(np.array([1.0, 2.0, 4.0]), np.array([-1.0, -2.0, -4.0]))
        -1.0
        >>> correlate(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    """
    if _is_constant(first) or _is_constant(second):
        return None
    first, second = _centred(first), _centred(second)
    ratio = (first @ second) / np.sqrt((first @ first) * (second @ second))
    return float(np.clip(ratio, -1.0, 1.0))


def correlate_ranks(
    first: Float[np.ndarray, "*any"], second: Float[np.ndarray, "*any"]
) -> float | None:
    """Correlate ranks (Spearman), all entries pooled.

    Args:
        first: numbers of any shape; pairs with one that is not finite are left out.
        second: as many.

    Returns:
        The correlation, ties averaged; None if fewer than three pairs are left or either is
        constant.

    Example:
        >>> correlate_ranks(np.array([1.0, 2.0, 9.0]), np.array([0.0, 5.0, 6.0]))
        1.0
    """
    is_compared = np.isfinite(first) & np.isfinite(second)
    if is_compared.sum() < PAIRS_NEEDED:
        return None
    return correlate(rankdata(first[is_compared]), rankdata(second[is_compared]))


def correlate_ranks_within(
    first: Float[np.ndarray, "row unit"], second: Float[np.ndarray, "row unit"]
) -> float | None:
    """Correlate ranks within each row, and take the mean over the rows.

    Pooled ranks mix what differs between units with what differs between examples; within an
    example only the units differ (theory.md §1.2).

    Args:
        first: numbers per example and unit.
        second: likewise.

    Returns:
        The mean over the rows that have a correlation; None if none has.

    Example:
        >>> steps = np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]])
        >>> correlate_ranks_within(steps, np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
        0.0
    """
    found = [correlate_ranks(*row) for row in zip(first, second, strict=True)]
    defined = [value for value in found if value is not None]
    return float(np.mean(defined)) if defined else None


def scaled(values: Float[np.ndarray, " any"]) -> NDArray[np.float64]:
    """Divide by a power of two, which is exact, so that the largest is between ½ and 1."""
    return np.asarray(np.ldexp(values, -exponent(values)))


def exponent(values: Float[np.ndarray, " any"]) -> int:
    """Find the power of two just above the largest value."""
    return int(np.frexp(np.abs(values).max())[1])


def _is_constant(values: NDArray[np.float64]) -> bool:
    """Whether there are no two different values."""
    return bool((values == values[:1]).all())


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the mean off, and scale so that squares neither overflow nor vanish."""
    near_one = scaled(values)
    # Differences of neighbours are exact; a mean far from 0 would round them away.
    differences = scaled(near_one - near_one[0])
    return scaled(differences - differences.mean())
