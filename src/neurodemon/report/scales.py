"""Scales: axes for numbers of all sizes, and points by the thousand."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

Array = NDArray[np.float64]
HUGEST, TINIEST = 1e150, 1e-150  # sizes beyond them break matplotlib's own arithmetic
MOST_VECTORS = 2000  # points of a picture drawn one by one in SVG; more become an image inside
SMALL_SHARE = 0.1  # of the numbers may lie in the straight part of a symmetric-log axis
MOST_DECADES = 4  # that a symmetric-log axis shows on each side
STRAIGHT_LENGTH = 0.8  # of the straight part, each side of 0, in decades
UNEVEN = 10  # times the smallest gap between steps
MOST_STEPS = 9  # marked under an axis
CLEAR = 0.3  # of the way from 0 to the end: nearer, two marks would touch
WIDER = 1.6  # the ends of an axis, times the largest number


def point_area(n_points: int) -> float:
    """Choose the area of a point, in pt²: the more there are, the smaller."""
    return float(np.clip(4000 / max(n_points, 1), 5, 22))


def is_crowd(n_points: int) -> bool:
    """Whether so many points are better one image in an SVG than a shape each."""
    return n_points > MOST_VECTORS


def is_drawable(values: Array) -> NDArray[np.bool_]:
    """Tell which numbers have a place on an axis: the finite ones, but for absurd sizes."""
    return np.isfinite(values) & (np.abs(values) < HUGEST)


def set_symmetric_log(axes: Axes, values: Array) -> None:
    """Give both axes of a panel one symmetric-log scale, and draw where they are equal.

    Args:
        axes: the panel.
        values: all finite numbers that it shows, on either axis.
    """
    straight, end = symmetric_log_range(values)
    axes.set_xscale("symlog", linthresh=straight, linscale=STRAIGHT_LENGTH)
    axes.set_yscale("symlog", linthresh=straight, linscale=STRAIGHT_LENGTH)
    axes.set_xlim(-end, end)
    axes.set_ylim(-end, end)
    axes.set_aspect("equal")
    axes.plot([-end, end], [-end, end], color="0.75", linewidth=0.9, zorder=1)
    set_decades(axes.xaxis, straight, end)
    set_decades(axes.yaxis, straight, end)


def set_symmetric_log_height(axes: Axes, values: Array) -> None:
    """Give the upright axis of a panel a symmetric-log scale.

    Args:
        axes: the panel.
        values: all finite numbers that it shows.
    """
    straight, end = symmetric_log_range(values)
    axes.set_yscale("symlog", linthresh=straight, linscale=STRAIGHT_LENGTH)
    axes.set_ylim(
        -end if (values < 0).any() else -straight / 2, end if (values > 0).any() else straight / 2
    )
    set_decades(axes.yaxis, straight, end)


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


def set_decades(axis: Axis, straight: float, end: float) -> None:
    """Mark 0 and a decade or more on each side, those that stand clear of it and one another."""
    last = int(np.floor(np.log10(end)))
    first = min(round(np.log10(straight)), last)
    clear = CLEAR * (np.log10(end) - first + STRAIGHT_LENGTH)
    marked = [last]
    for power in range(last - 1, first - 1, -1):
        if marked[-1] - power >= clear and power - first + STRAIGHT_LENGTH >= clear:
            marked.append(power)
    powers = [10.0**power for power in marked]
    axis.set_major_locator(FixedLocator([0.0, *powers, *(-power for power in powers)]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_spell_decade))


def set_log_height(axes: Axes, values: Array) -> None:
    """Give the upright axis of a panel a logarithmic scale around what it shows.

    Args:
        axes: the panel.
        values: all numbers that it shows; what is not finite and above 0 is left out.
    """
    axes.set_yscale("log")
    shown = values[~np.isnan(positive(values))]
    if len(shown):
        axes.set_ylim(shown.min() / WIDER, shown.max() * WIDER)


def positive(values: Array) -> Array:
    """Leave out what a logarithmic axis cannot show: a gap in the line."""
    return np.where(is_drawable(values) & (values > TINIEST), values, np.nan)


def _spell_decade(value: float, _place: int | None) -> str:
    """Spell 0 or a power of ten with its sign."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    if abs(value) == 1:
        return f"${sign}1$"
    return f"${sign}10^{{{round(np.log10(abs(value)))}}}$"


def set_steps(axes: Axes, steps: Sequence[int]) -> None:
    """Mark the steps of training; where their gaps differ much, on a logarithm that knows 0.

    Args:
        axes: the panel.
        steps: at least two, in ascending order.
    """
    gaps = np.diff(steps)
    if gaps.max() > UNEVEN * gaps.min():
        first = next(step for step in steps if step > 0)
        axes.set_xscale("symlog", linthresh=first)
        axes.set_xlim(-0.2 * first if steps[0] <= 0 else 0.8 * first, 1.25 * steps[-1])
    marked = steps[:: -(-len(steps) // MOST_STEPS)]
    axes.set_xticks(marked, step_labels(marked), rotation=30 if len(marked) > 4 else 0)
    axes.set_xticks([], minor=True)


def step_labels(steps: Sequence[int]) -> list[str]:
    """Spell steps."""
    return [f"{step:,}" for step in steps]
