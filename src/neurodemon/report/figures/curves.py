"""Draw a curve: the cost along a demon's way, beside what each predictor says of it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neurodemon.errors import PlotError
from neurodemon.report.figures.palette import BLACK, GREY, MEASURED, VERMILION, predictor_look
from neurodemon.report.figures.paper import (
    Drawing,
    name,
    new_drawing,
    number,
    own_style,
    write_caption,
    write_legend,
)
from neurodemon.report.symlog import is_drawable
from neurodemon.terms.curves import Curve

Array = NDArray[np.float64]
TANGENT = "tangent"
MOST_MARKED = 61  # points; of a longer curve the line alone is readable
ROOM = 0.2  # of the measured range: how far beyond it a prediction is followed
MARGIN = 0.06


@own_style()
def draw_curve(curve: Curve) -> Drawing:
    """Draw C(Δz): measured, the tangent, and what each other predictor says.

    The height of the picture is that of the measured curve, and a little more: a prediction
    that shoots off leaves it, and the caption says so.

    Args:
        curve: as `nd.curve` returns it.

    Returns:
        The figure: one panel.

    Raises:
        PlotError: the cost is finite nowhere.
    """
    if not is_drawable(curve.measured).any():
        raise PlotError(
            f"The curve of {curve.unit!r} has no finite cost among its {len(curve)} points; "
            "expected at least one. Take a smaller radius, or run the subject in float64."
        )
    drawing = new_drawing(_title(curve), 7.2, 4.2, alt=_alt(curve))
    axes = drawing.add_subplot()
    predicted = _predicted(curve)
    handles = [
        _draw_measured(axes, curve),
        *(_draw_predicted(axes, curve.dz, *one) for one in predicted.items()),
        *_mark(axes, curve),
    ]
    low, high = _heights(curve, predicted)
    axes.set_ylim(low, high)
    axes.set_xlabel(_way(curve))
    axes.set_ylabel("cost C, mean over the examples")
    write_legend(drawing, handles)
    gone = [
        word
        for word, cost in predicted.items()
        if ((cost < low) | (cost > high)).any() or not is_drawable(cost).all()
    ]
    write_caption(drawing, [_leave(gone), _missing(curve), *curve.notes])
    return drawing


def _title(curve: Curve) -> str:
    """Name the unit and who shares the Δz."""
    who = {
        "shared": "scope shared: one Δz for all examples",
        "each": "scope each: every example goes its own way down",
    }
    return f"The cost as a demon moves {name(curve.unit)}\n{who[curve.scope]}"


def _alt(curve: Curve) -> str:
    """Say in words what the picture shows."""
    best = curve.best
    return (
        f"Line plot of the cost against Δz for {curve.unit}, scope {curve.scope}. The cost is "
        f"{curve.cost:.4g} at 0 and best, {curve.measured[best]:.4g}, at {curve.dz[best]:.4g}; "
        f"the slope at 0 is {curve.slope:.4g}."
    )


def _way(curve: Curve) -> str:
    """Label the axis of Δz."""
    along = "" if curve.scope == "shared" else " along each example's own way down"
    return f"Δz{along}, in the units of z"


def _predicted(curve: Curve) -> dict[str, Array]:
    """Take what each predictor says, the tangent always among them and last: it matters most."""
    others = {word: cost for word, cost in curve.predicted.items() if word != TANGENT}
    return {**others, TANGENT: curve.tangent}


def _draw_measured(axes: Axes, curve: Curve) -> Line2D:
    """Draw what was really run."""
    (line,) = axes.plot(
        curve.dz,
        _finite(curve.measured),
        color=MEASURED.colour,
        marker=MEASURED.marker if len(curve) <= MOST_MARKED else "",
        markersize=3,
        linewidth=2,
        label="measured",
        zorder=4,
    )
    return line


def _draw_predicted(axes: Axes, dz: Array, predictor: str, cost: Array) -> Line2D:
    """Draw what one predictor says."""
    look = predictor_look(predictor)
    label = "tangent: cost + slope · Δz" if predictor == TANGENT else predictor
    (line,) = axes.plot(
        dz, _finite(cost), color=look.colour, linestyle=look.line, label=name(label), zorder=3
    )
    return line


def _mark(axes: Axes, curve: Curve) -> list[Line2D]:
    """Mark where nothing is changed, the best point, and how far the demon may go."""
    best = curve.best
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=1)
    (here,) = axes.plot(
        0, curve.cost, "o", color="white", markeredgecolor=BLACK, markersize=6, zorder=6,
        label=f"Δz = 0: C = {number(curve.cost)}",
    )  # fmt: skip
    (least,) = axes.plot(
        curve.dz[best], curve.measured[best], "*", color=VERMILION, markeredgecolor=BLACK,
        markersize=12, zorder=5,
        label=f"best: Δz = {number(curve.dz[best])}, wins {number(curve.gain)}",
    )  # fmt: skip
    for edge in (-curve.radius, curve.radius):
        line = axes.axvline(edge, color=GREY, linestyle=":", linewidth=1, zorder=1)
    is_asked = curve.radius_from == "absolute"
    reach = curve.radius_text if is_asked else f"{curve.radius_text} = {number(curve.radius)}"
    line.set_label(f"radius {reach}")
    return [here, least, line]


def _heights(curve: Curve, predicted: dict[str, Array]) -> tuple[float, float]:
    """Say from which to which cost the picture goes: the measured ones, predictions nearby."""
    seen = curve.measured[is_drawable(curve.measured)]
    low, high = float(seen.min()), float(seen.max())
    said = np.concatenate([cost[is_drawable(cost)] for cost in predicted.values()])
    # Where the measured cost is flat, a prediction gives the scale; where that is flat, the cost.
    room = ROOM * (high - low) or float(np.ptp(said)) or abs(high) or 1.0
    low = max(low - room, min(low, float(said.min(initial=low))))
    high = min(high + room, max(high, float(said.max(initial=high))))
    margin = MARGIN * ((high - low) or room)
    return low - margin, high + margin


def _leave(predictors: list[str]) -> str:
    """Say which predictions are not drawn to their ends."""
    if not predictors:
        return ""
    return f"Beyond the picture's edge in part: {', '.join(sorted(predictors))}."


def _missing(curve: Curve) -> str:
    """Say how many points could not be drawn."""
    missing = int((~is_drawable(curve.measured)).sum())
    if not missing:
        return ""
    return f"Not drawn: {missing} of {len(curve)} points, where the cost is not finite."


def _finite(values: Array) -> Array:
    """Leave out what is not finite: a gap in the line."""
    return np.where(is_drawable(values), values, np.nan)
