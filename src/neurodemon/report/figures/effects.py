"""Draw effects: predicted against measured, a panel for each site.

Effects that were only predicted, or only measured, are drawn unit by unit instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import NDArray

from neurodemon.errors import PlotError
from neurodemon.report.figures.palette import MEASURED, Look, predictor_look
from neurodemon.report.figures.paper import (
    Drawing,
    name,
    new_drawing,
    own_style,
    write_caption,
    write_legend,
)
from neurodemon.report.figures.scales import (
    is_crowd,
    point_area,
    set_symmetric_log,
    set_symmetric_log_height,
)
from neurodemon.report.symlog import is_drawable
from neurodemon.terms.audits import EXACT, Agreement, Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.text import count

Array = NDArray[np.float64]
Rows = NDArray[np.bool_]
MOST_PANELS = 24  # sites; of more, those with the largest effects
COLUMNS = 4  # panels side by side
SIDE = 2.7  # inches, of a panel
LEGEND = 1.7  # inches, beside the panels
HEAD = 1.0  # inches, for title and caption
INTERVAL = 1.96  # standard errors: 95 % of a normal distribution
TITLE_LETTERS = 38  # of a panel
PALE = 0.3  # of the colour of an estimate


@dataclass(frozen=True, eq=False)
class _Panel:
    """One site, and which rows are its own."""

    site: str
    rows: Rows


@own_style()
def draw_effects(effects: Effects) -> Drawing:
    """Draw predicted against measured, or the one of them that there is, unit by unit.

    Args:
        effects: as `nd.predict`, `nd.measure` or `nd.audit` return them.

    Returns:
        The figure: a panel for each site, on symmetric-log axes.

    Raises:
        PlotError: there is no row, or no row with a finite number.
    """
    predicted, measured = effects.array("predicted"), effects.array("measured")
    title = f"What demons do to the cost: {_perturbations(effects)}"
    if (is_drawable(predicted) & is_drawable(measured)).any():
        return _draw_pairs(f"{title}, predicted and measured", effects, {_who(effects): predicted})
    if is_drawable(measured).any():
        return _draw_alone(f"{title}, measured", effects, measured, MEASURED)
    if is_drawable(predicted).any():
        look = predictor_look(_who(effects))
        return _draw_alone(f"{title}, predicted by {_who(effects)}", effects, predicted, look)
    raise PlotError(
        f"None of the {count(len(effects), 'row')} has a finite predicted or measured effect; "
        "expected at least one. Select other units, or look at the column status."
    )


@own_style()
def draw_audit(audit: Audit) -> Drawing:
    """Draw what each predictor said against what was measured.

    Args:
        audit: as `nd.audit` returns it.

    Returns:
        The figure: a panel for each site, on symmetric-log axes, a mark for each predictor.

    Raises:
        PlotError: no row has a finite pair of numbers.
    """
    predictors = list(dict.fromkeys(row.predictor for row in audit.agreement))
    said = {word: audit.effects.array(word) for word in predictors}
    if not any(_pairs(audit.effects, one).any() for one in said.values()):
        raise PlotError(
            f"None of the {count(len(audit.effects), 'row')} of this audit has a finite "
            "prediction and a finite measurement; expected at least one. Select other units, or "
            "look at the column status."
        )
    return _draw_pairs(audit.question, audit.effects, said, audit.agreement)


def _draw_pairs(
    title: str,
    effects: Effects,
    said: Mapping[str, Array],
    agreement: Sequence[Agreement] = (),
) -> Drawing:
    """Draw a panel for each site: what was said along, what was measured up."""
    measured = effects.array("measured")
    chosen, left_out = _choose(effects, measured)
    drawing = new_drawing(title, *_size(len(chosen)), alt=_alt(effects, said))
    estimated = _estimated(effects)
    for axes, panel in zip(_panels(drawing, len(chosen)), chosen, strict=True):
        handles = [
            _draw_points(axes, effects, panel.rows, predictor, one)
            for predictor, one in said.items()
        ]
        ends = _draw_intervals(axes, effects, panel.rows & estimated)
        shown = [measured[panel.rows], ends, *(one[panel.rows] for one in said.values())]
        set_symmetric_log(axes, _finite(np.concatenate(shown)))
        heading = _panel_title(panel.site, agreement, is_partial=bool(estimated.any()))
        axes.set_title(heading, loc="left")
        axes.set(xlabel="predicted effect [cost]", ylabel="measured effect [cost]")
    write_legend(drawing, handles, "predictor")
    write_caption(drawing, [
        "Effect: cost after − cost before. On the line, prediction and measurement are equal.",
        _about_ranks(agreement, is_partial=bool(estimated.any())),
        _about_estimates(effects, estimated),
        *(_not_drawn(effects, predictor, one) for predictor, one in said.items()),
        left_out,
        *effects.notes,
    ])  # fmt: skip
    return drawing


def _draw_alone(title: str, effects: Effects, values: Array, look: Look) -> Drawing:
    """Draw a panel for each site: the units along, their effects up."""
    chosen, left_out = _choose(effects, values)
    drawing = new_drawing(title, *_size(len(chosen)), alt=_alt(effects, ()))
    error = INTERVAL * np.nan_to_num(effects.array("se"))
    for axes, panel in zip(_panels(drawing, len(chosen)), chosen, strict=True):
        mine, spread = values[panel.rows], error[panel.rows]
        axes.axhline(0, color="0.75", linewidth=0.9, zorder=1)
        axes.errorbar(
            np.arange(len(mine)), np.where(is_drawable(mine), mine, np.nan), spread,
            fmt=look.marker, color=look.colour, markersize=point_area(len(mine)) ** 0.5,
            elinewidth=0.7, rasterized=is_crowd(len(values)),
        )  # fmt: skip
        set_symmetric_log_height(axes, _finite(np.concatenate([mine - spread, mine + spread])))
        axes.set_title(_panel_title(panel.site, ()), loc="left")
        axes.set(xlabel="unit, in the order of the rows", ylabel="effect [cost]")
    missing = int((~is_drawable(values)).sum())
    write_caption(drawing, [
        "Effect: cost after − cost before; bars: 95 % of the mean over the examples.",
        f"Not drawn: {count(missing, 'unit')} without a finite effect." if missing else "",
        left_out,
        *effects.notes,
    ])  # fmt: skip
    return drawing


def _draw_points(axes: Axes, effects: Effects, rows: Rows, predictor: str, said: Array) -> Artist:
    """Draw the units of one site by one predictor, estimates pale; give the mark of the others."""
    measured, look, estimated = (
        effects.array("measured"),
        predictor_look(predictor),
        _estimated(effects),
    )
    fits = rows & is_drawable(said) & is_drawable(measured)
    found: list[Artist] = []
    for own, alpha, label in (
        (fits & ~estimated, None, name(predictor)),
        (fits & estimated, PALE, "_estimates"),
    ):
        if found and not own.any():
            continue
        points = axes.scatter(
            said[own],
            measured[own],
            s=point_area(int(rows.sum())),
            marker=look.marker,
            facecolors="none",
            edgecolors=look.colour,
            alpha=alpha,
            linewidths=0.9,
            rasterized=is_crowd(len(effects)),
            label=label,
            zorder=3,
        )
        found.append(points)
    return found[0]


def _draw_intervals(axes: Axes, effects: Effects, rows: Rows) -> Array:
    """Draw the intervals of estimates where they were predicted; give their ends."""
    predicted = effects.array("predicted")
    own = rows & _pairs(effects, predicted)
    if not own.any():
        return np.zeros(0)
    low, high = effects.array("low")[own], effects.array("high")[own]
    axes.vlines(
        predicted[own],
        low,
        high,
        colors="0.75",
        linewidths=0.8,
        zorder=2,
        rasterized=is_crowd(len(effects)),
    )
    return np.concatenate([low, high])


def _estimated(effects: Effects) -> Rows:
    """Tell which effects are estimates: of an audit with a budget, those not measured throughout."""
    if "evidence" not in effects.table.column_names:
        return np.zeros(len(effects), bool)
    return np.array([kind != EXACT for kind in effects["evidence"]], bool)


def _about_ranks(agreement: Sequence[Agreement], *, is_partial: bool) -> str:
    """Say whose rank correlations stand in the titles, and of how many units."""
    if not agreement:
        return ""
    drawn = ", of the units drawn at random alone" if is_partial else ""
    return f"Spearman: in the order of the predictors at the side{drawn}."


def _about_estimates(effects: Effects, estimated: Rows) -> str:
    """Say what pale marks are."""
    if not estimated.any():
        return ""
    return (
        f"Pale: {count(int(estimated.sum()), 'unit')} of {len(effects)} measured on some examples "
        "or on none. Their effects are estimates that lean on the predictions, each with its "
        f"interval at what {_who(effects)} predicted."
    )


def _panel_title(site: str, agreement: Sequence[Agreement], *, is_partial: bool = False) -> str:
    """Name the site; below it each predictor's rank correlation, where it was judged."""
    own = [row for row in agreement if row.site == site]
    if not own:
        return name(site, TITLE_LETTERS)
    spelled = ", ".join("–" if row.spearman is None else f"{row.spearman:.2f}" for row in own)
    of_few = f"; n = {own[0].n_units}" if is_partial else ""
    return f"{name(site, TITLE_LETTERS)}\nSpearman {spelled}{of_few}"


def _choose(effects: Effects, values: Array) -> tuple[list[_Panel], str]:
    """Choose the sites that get a panel; say how many do not."""
    names = np.array(effects["site"])
    panels = [_Panel(site, names == site) for site in dict.fromkeys(effects["site"])]
    if len(panels) <= MOST_PANELS:
        return panels, ""
    sizes = np.abs(np.where(is_drawable(values), values, 0))
    strongest = sorted(panels, key=lambda panel: -float(sizes[panel.rows].max()))[:MOST_PANELS]
    kept = [panel for panel in panels if panel in strongest]
    return kept, (
        f"Drawn: the {MOST_PANELS} sites with the largest effects; {len(panels) - MOST_PANELS} "
        "more are not."
    )


def _size(n_panels: int) -> tuple[float, float]:
    """Say how wide and how high the figure is."""
    columns = min(n_panels, COLUMNS)
    rows = -(-n_panels // COLUMNS)
    return max(SIDE * columns + LEGEND, 2 * SIDE), SIDE * rows + HEAD


def _panels(drawing: Drawing, n_panels: int) -> Iterator[Axes]:
    """Lay the panels out, in reading order."""
    columns, rows = min(n_panels, COLUMNS), -(-n_panels // COLUMNS)
    for place in range(n_panels):
        yield drawing.add_subplot(rows, columns, place + 1)


def _pairs(effects: Effects, said: Array) -> Rows:
    """Tell which rows have a prediction and a measurement."""
    return is_drawable(said) & is_drawable(effects.array("measured"))


def _finite(values: Array) -> Array:
    """Take what is finite."""
    return values[is_drawable(values)]


def _not_drawn(effects: Effects, predictor: str, said: Array) -> str:
    """Count the rows of a predictor without a finite pair of numbers."""
    missing = int((~_pairs(effects, said)).sum())
    if not missing:
        return ""
    return f"Not drawn: {count(missing, 'unit')} without finite numbers by {predictor}."


def _who(effects: Effects) -> str:
    """Name who predicted."""
    return ", ".join(dict.fromkeys(filter(None, effects["predictor"]))) or "predicted"


def _perturbations(effects: Effects) -> str:
    """Name what the demons did."""
    return ", ".join(dict.fromkeys(filter(None, effects["perturbation"]))) or "effects"


def _alt(effects: Effects, predictors: Sequence[str] | Mapping[str, Array]) -> str:
    """Say in words what the picture shows."""
    by = f"the effect predicted by {', '.join(predictors)} against the measured one"
    return (
        f"Scatter plots, a panel for each site and a point for each of {len(effects)} units: "
        f"{by if predictors else 'its effect'}, on symmetric-log axes."
    )
