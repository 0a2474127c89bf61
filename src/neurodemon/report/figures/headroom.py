"""Draw headroom: what the best Δz wins beside what the slope promised of it, unit by unit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import NDArray

from neurodemon.errors import PlotError
from neurodemon.report.figures.palette import in_order, verdict_look
from neurodemon.report.figures.paper import (
    Drawing,
    name,
    new_drawing,
    own_style,
    plain,
    say_empty,
    write_caption,
    write_legend,
)
from neurodemon.report.figures.scales import is_crowd, point_area, positive
from neurodemon.report.symlog import is_drawable
from neurodemon.terms.effects import Effects
from neurodemon.terms.text import count

Array = NDArray[np.float64]
COLUMNS = ("delta", "best_dz", "headroom", "verdict")
SHAPES = {0.5: (":", "½ (a parabola)"), 1.0: ("-", "1 (|z|)"), 1.5: ("--", "1½ (saturated)")}
WIDER = 2.0  # the ends of a logarithmic axis, times the outermost number


@dataclass(frozen=True, eq=False)
class _Points:
    """Each unit's numbers."""

    influence: Array
    promised: Array
    headroom: Array
    verdict: NDArray[Any]  # of str, of whatever length


def has_headroom(effects: Effects) -> bool:
    """Whether effects have the columns that `nd.headroom` adds."""
    return set(COLUMNS) <= set(effects.table.column_names)


@own_style()
def draw_headroom(effects: Effects) -> Drawing:
    """Draw headroom against what was promised, |δ|·|best Δz|, and against |δ| alone.

    Both on logarithmic axes, a point for each unit, its colour and mark its verdict. A unit's
    place between the lines is its κ = headroom / (|δ|·|best Δz|). What a logarithm cannot show
    is counted in the caption.

    Args:
        effects: as `nd.headroom` returns them.

    Returns:
        The figure: two panels.

    Raises:
        PlotError: there is no row, or no row with finite numbers.
    """
    points = _read(effects)
    drawing = new_drawing(_title(effects), 9.4, 4.3, alt=_alt(points))
    left, right = drawing.subplots(1, 2, sharey=True)
    handles = _draw_points(left, points.promised, points)
    _draw_points(right, points.influence, points)
    lines = _draw_shapes(left)
    left.set_xlabel("promised: |δ| · |best Δz|   [cost]")
    right.set_xlabel("influence |δ|   [cost per unit of z]")
    left.set_ylabel("headroom: what the best Δz wins   [cost]")
    right.tick_params(labelleft=True)
    write_legend(drawing, [*handles, *lines], "verdict (units), κ")
    write_caption(drawing, [_not_drawn(points), _of_means(effects), *effects.notes])
    return drawing


def _read(effects: Effects) -> _Points:
    """Read the columns; refuse effects in which there is nothing to draw."""
    if not has_headroom(effects):
        raise PlotError(
            f"These effects have the columns {effects.table.column_names}; expected "
            f"{', '.join(COLUMNS)} among them. Make them with nd.headroom."
        )
    influence = np.abs(effects.array("delta"))
    points = _Points(
        influence,
        influence * np.abs(effects.array("best_dz")),
        effects.array("headroom"),
        np.array([word or "none" for word in effects["verdict"]], str),
    )
    if not (is_drawable(points.promised) & is_drawable(points.headroom)).any():
        raise PlotError(
            f"None of the {len(effects)} rows has a finite delta, best_dz and headroom; expected "
            "at least one. Select other units, or run the subject in float64."
        )
    return points


def _title(effects: Effects) -> str:
    """Say what is drawn, and of which sites."""
    sites = list(dict.fromkeys(effects["site"]))
    where = ", ".join(name(site) for site in sites[:3])
    more = f" and {count(len(sites) - 3, 'more site')}" if len(sites) > 3 else ""
    n_units = count(len(effects), "unit")
    asked = "; ".join(dict.fromkeys(filter(None, effects["perturbation"])))
    what = f" ({asked})" if asked else ""
    return f"What the best Δz wins, and what the slope promised\n{n_units}: {where}{more}{what}"


def _alt(points: _Points) -> str:
    """Say in words what the picture shows."""
    counts = ", ".join(
        f"{word} {int((points.verdict == word).sum())}" for word in in_order(list(points.verdict))
    )
    return (
        "Two scatter plots on logarithmic axes, a point for each unit: headroom against "
        f"|δ|·|best Δz| and headroom against |δ|. Units by verdict: {counts}."
    )


def _draw_points(axes: Axes, x: Array, points: _Points) -> list[Artist]:
    """Draw the units of each verdict; say how many there are of it, drawn or not."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    fits = _fits(x, points.headroom)
    handles: list[Artist] = []
    for verdict in in_order(list(points.verdict)):
        look = verdict_look(verdict)
        of_it = points.verdict == verdict
        shown = of_it & fits
        handles.append(
            axes.scatter(
                x[shown],
                points.headroom[shown],
                s=point_area(len(x)),
                marker=look.marker,
                color=look.colour,
                linewidths=0.8,
                alpha=0.4 if is_crowd(len(x)) else 0.75,
                rasterized=is_crowd(len(x)),
                label=plain(f"{verdict}  {of_it.sum():,}"),
                zorder=3,
            )
        )
    _fit_axes(axes, x[fits], points.headroom[fits])
    return handles


def _fits(x: Array, headroom: Array) -> NDArray[np.bool_]:
    """Tell which points have a place on logarithmic axes."""
    return ~np.isnan(positive(x)) & ~np.isnan(positive(headroom))


def _fit_axes(axes: Axes, x: Array, y: Array) -> None:
    """Let the axes end a little beyond the points; say so where there are none."""
    if not len(x):
        say_empty(axes, "no unit has both numbers above 0")
        axes.set(xlim=(0.1, 10), ylim=(0.1, 10))
        return
    axes.set_xlim(x.min() / WIDER, x.max() * WIDER)
    axes.set_ylim(y.min() / WIDER, y.max() * WIDER)


def _draw_shapes(axes: Axes) -> list[Artist]:
    """Draw where κ is ½, 1 and 1½, without moving the axes."""
    ends = np.array(axes.get_xlim())
    heights = axes.get_ylim()
    lines: list[Artist] = [
        axes.plot(
            ends, shape * ends, line, color="0.2", linewidth=1, zorder=4, label=f"κ = {label}"
        )[0]
        for shape, (line, label) in SHAPES.items()
    ]
    axes.set_xlim(*ends)
    axes.set_ylim(*heights)
    return lines


def _of_means(effects: Effects) -> str:
    """Say what a point is where each example has its own Δz."""
    if not any((asked or "").endswith("each") for asked in effects["perturbation"]):
        return ""
    return "Scope each: a point is of means over examples (|best Δz|: the median), so κ is theirs."


def _not_drawn(points: _Points) -> str:
    """Count the units that a logarithm cannot show, with the reason."""
    finite = is_drawable(points.promised) & is_drawable(points.headroom)
    zero = finite & ~_fits(points.promised, points.headroom)
    reasons = {
        "whose headroom or |δ|·|best Δz| is 0": int(zero.sum()),
        "of which a number is not finite": int((~finite).sum()),
    }
    said = "; ".join(f"{number:,} {why}" for why, number in reasons.items() if number)
    total = int(zero.sum() + (~finite).sum())
    return f"Not drawn: {total:,} of {count(len(finite), 'unit')} ({said})." if total else ""
