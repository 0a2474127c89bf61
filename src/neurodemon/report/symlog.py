"""Where numbers of all sizes and both signs lie on a symmetric-log axis: arithmetic alone.

Around 0 the axis is straight, further out it is logarithmic, so that small effects and large
ones are seen side by side. The figures of matplotlib and those of the page share this file.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HUGEST, TINIEST = 1e150, 1e-150  # sizes beyond them break the arithmetic of axes
SMALL_SHARE = 0.1  # of the numbers may lie in the straight part of a symmetric-log axis
MOST_DECADES = 4  # that a symmetric-log axis shows on each side
STRAIGHT_LENGTH = 0.8  # of the straight part, each side of 0, in decades
CLEAR = 0.3  # of the way from 0 to the end: nearer, two marks would touch
WIDER = 1.6  # the ends of an axis, times the largest number


def is_drawable(values: Array) -> NDArray[np.bool_]:
    """Tell which numbers have a place on an axis: the finite ones, but for absurd sizes."""
    return np.isfinite(values) & (np.abs(values) < HUGEST)


def symmetric_log_range(values: Array) -> tuple[float, float]:
    """Choose where a symmetric-log axis turns from straight to logarithmic, and its end.

    Args:
        values: finite numbers.

    Returns:
        (straight part, end), both above 0.

    Example:
        >>> symmetric_log_range(np.array([0.0, 0.01, -1.0]))
        (0.1, 1.6)
    """
    sizes = np.abs(values[np.abs(values) > TINIEST])
    if not len(sizes):
        return 1.0, WIDER
    largest = float(sizes.max())
    small = max(float(np.quantile(sizes, SMALL_SHARE)), largest * 10.0**-MOST_DECADES)
    return float(10 ** np.floor(np.log10(small))), WIDER * largest


def marked_powers(straight: float, end: float) -> list[int]:
    """Choose which powers of ten to mark on each side: those clear of 0 and of one another.

    Args:
        straight: where the axis turns logarithmic.
        end: the end of the axis.

    Returns:
        The exponents, the largest first.

    Example:
        >>> marked_powers(1e-4, 1.6)
        [0, -2]
    """
    last = int(np.floor(np.log10(end)))
    first = min(round(np.log10(straight)), last)
    clear = CLEAR * (np.log10(end) - first + STRAIGHT_LENGTH)
    marked = [last]
    for power in range(last - 1, first - 1, -1):
        if marked[-1] - power >= clear and power - first + STRAIGHT_LENGTH >= clear:
            marked.append(power)
    return marked


def place(values: Array, straight: float, end: float) -> Array:
    """Say where numbers lie: 0 in the middle, ±1 at the ends; what lies beyond stays there.

    Args:
        values: finite numbers.
        straight: where the axis turns logarithmic.
        end: the end of the axis.

    Returns:
        Numbers from −1 to 1.

    Example:
        >>> place(np.array([-10.0, 0.0, 0.1, 1.0]), 0.1, 1.0).round(3)
        array([-1.   ,  0.   ,  0.444,  1.   ])
    """

    def length(sizes: Array) -> Array:
        beyond = np.log10(np.maximum(sizes, straight) / straight)
        return np.asarray(STRAIGHT_LENGTH * np.minimum(sizes / straight, 1.0) + beyond)

    whole = length(np.array(end))
    return np.asarray(np.sign(values) * np.minimum(length(np.abs(values)) / whole, 1.0))
