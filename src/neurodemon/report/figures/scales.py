"""Scales: axes for numbers of all sizes, and points by the thousand."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from neurodemon.report.symlog import (
    STRAIGHT_LENGTH,
    TINIEST,
    WIDER,
    is_drawable,
    marked_powers,
    symmetric_log_range,
)

Array = NDArray[np.float64]
MOST_VECTORS = 2000  # points of a picture drawn one by one in SVG; more become an image inside
UNEVEN = 10  # times the smallest gap between steps
MOST_STEPS = 9  # marked under an axis


def point_area(n_points: int) -> float:
    """Choose the area of a point, in pt²: the more there are, the smaller."""
    return float(np.clip(4000 / max(n_points, 1), 5, 22))


def is_crowd(n_points: int) -> bool:
    """Whether so many points are better one image in an SVG than a shape each."""
    return n_points > MOST_VECTORS


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


def set_decades(axis: Axis, straight: float, end: float) -> None:
    """Mark 0 and a decade or more on each side, those that stand clear of it and one another."""
    powers = [10.0**power for power in marked_powers(straight, end)]
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
