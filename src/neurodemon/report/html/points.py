"""Points: predicted against measured, a picture for each site, with what is not certain drawn so.

A crowd is thinned out, always alike: the largest effects stay, of the rest every so many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.report.html.axes import (
    Scale,
    across,
    frame,
    picture,
    symmetric_log_scale,
    upward,
)
from neurodemon.report.html.markup import Markup, element, joined
from neurodemon.report.html.numbers import spell_alike
from neurodemon.report.symlog import is_drawable
from neurodemon.terms.text import count

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
MOST_POINTS = 3_000  # in one page
ALWAYS = 1_000  # of them the largest
MOST_PICTURES = 12  # sites; of more, those with the largest effects
RADIUS = 3.0
EXACT, SAMPLED, PREDICTED = "exact", "sampled", "predicted"


@dataclass(frozen=True, eq=False)
class Points:
    """What is drawn: arrays with one number for each unit.

    Attributes:
        site: where it sits.
        name: of the unit.
        along: what was said of it; None where units are only counted.
        up: what is so.
        low: the lower end of its interval; NaN where there is none.
        high: the upper end.
        evidence: `exact`, `sampled` or `predicted`.
        beside: what a second predictor said; None if there is none.
    """

    site: Sequence[str]
    name: Sequence[str]
    along: Array | None
    up: Array
    low: Array
    high: Array
    evidence: Sequence[str]
    beside: Array | None = None

    @property
    def drawable(self) -> NDArray[np.bool_]:
        """Which units have a place in the picture."""
        fits = is_drawable(self.up)
        return fits if self.along is None else fits & is_drawable(self.along)


@dataclass(frozen=True)
class Labels:
    """What is written at the pictures.

    Attributes:
        along: what lies along.
        up: what lies up.
        under: below a site's picture, by site.
    """

    along: str
    up: str
    under: dict[str, str]


def draw_sites(points: Points, labels: Labels) -> tuple[Markup, list[str]]:
    """Draw a picture for each site.

    Args:
        points: of all sites.
        labels: what is written at them.

    Returns:
        The pictures, and what must be said of what is not drawn.
    """
    rows = np.flatnonzero(points.drawable)
    missing = count(len(points.site) - len(rows), "unit")
    said = [f"Not drawn: {missing} without finite numbers."] if len(rows) < len(points.site) else []
    for choose in (_choose_sites, _thin):
        rows, left_out = choose(points, rows)
        said += left_out
    sites = np.array(points.site)[rows]
    figures = [
        _draw_site(number, points, rows[sites == site], labels)
        for number, site in enumerate(dict.fromkeys(sites))
    ]
    return element("div", *figures, class_="pictures"), said


def _choose_sites(points: Points, rows: Rows) -> tuple[Rows, list[str]]:
    """Choose the sites that get a picture; say how many do not."""
    sites = np.array(points.site)[rows]
    names = list(dict.fromkeys(sites))
    if len(names) <= MOST_PICTURES:
        return rows, []
    sizes = np.abs(points.up[rows])
    largest = {site: float(sizes[sites == site].max()) for site in names}
    chosen = sorted(names, key=lambda site: -largest[site])[:MOST_PICTURES]
    rest = len(names) - MOST_PICTURES
    said = f"Drawn: the {MOST_PICTURES} sites with the largest effects; {rest} more are not."
    return rows[np.isin(sites, chosen)], [said]


def _thin(points: Points, rows: Rows) -> tuple[Rows, list[str]]:
    """Choose the units of a crowd that are drawn; say how many are not."""
    if len(rows) <= MOST_POINTS:
        return rows, []
    ranked = rows[np.argsort(-np.abs(points.up[rows]), kind="stable")]
    rest = np.linspace(ALWAYS, len(ranked) - 1, MOST_POINTS - ALWAYS).astype(int)
    kept = np.sort(np.concatenate([ranked[:ALWAYS], ranked[rest]]))
    said = (
        f"Drawn: {MOST_POINTS:,} of {len(rows):,} units, the {ALWAYS:,} largest and of the rest "
        "every so many, evenly by rank."
    )
    return kept, [said]


def _draw_site(number: int, points: Points, rows: Rows, labels: Labels) -> Markup:
    """Draw the picture of one site."""
    site = points.site[rows[0]]
    along = None if points.along is None else points.along[rows]
    shown = [points.up[rows], points.low[rows], points.high[rows]]
    shown += [] if along is None else [along]
    numbers = np.concatenate(shown)
    scale = symmetric_log_scale(numbers[is_drawable(numbers)])
    x = across(np.linspace(0.05, 0.95, len(rows)) if along is None else scale.share(along))
    parts = [
        frame(labels.along, labels.up, scale, None if along is None else scale),
        _beside(points, rows, scale),
        _whiskers(points, rows, scale, x),
        *_marks(points, rows, x, upward(scale.share(points.up[rows]))),
    ]
    under = labels.under.get(site, "")
    words = (
        f"{count(len(rows), 'point')}, one for each unit: {labels.up} upward"
        + ("" if along is None else f", {labels.along} along; on the diagonal both are equal")
        + f", on symmetric-log axes. {under}"
    )
    caption = element("figcaption", element("strong", site), f" {under}" if under else "")
    return element("figure", picture(number, f"{labels.up}, {site}", words, parts), caption)


def _marks(points: Points, rows: Rows, x: Array, y: Array) -> list[Markup]:
    """Draw a point for each unit; hovering over it names the unit and its numbers."""
    spell = spell_alike(points.up[rows])
    drawn = []
    for row, left, down in zip(rows, x, y, strict=True):
        said = "" if points.along is None else f"predicted {spell(float(points.along[row]))}, "
        hint = f"{points.name[row]}: {said}effect {spell(float(points.up[row]))}"
        class_ = points.evidence[row]
        title = element("title", hint)
        if class_ == PREDICTED:
            path = f"M{left} {round(down - 4, 1)}l4 4l-4 4l-4 -4z"
            drawn.append(element("path", title, d=path, class_=class_))
        else:
            drawn.append(element("circle", title, cx=left, cy=down, r=RADIUS, class_=class_))
    return drawn


def _whiskers(points: Points, rows: Rows, scale: Scale, x: Array) -> Markup:
    """Draw the intervals of what was not measured on all examples."""
    low, high = points.low[rows], points.high[rows]
    is_open = np.array([points.evidence[row] != EXACT for row in rows])
    shown = is_open & ~np.isnan(low) & ~np.isnan(high)
    ends = zip(
        x[shown], upward(scale.share(low[shown])), upward(scale.share(high[shown])), strict=True
    )
    path = "".join(f"M{left} {bottom}V{top}" for left, bottom, top in ends)
    return element("path", d=path, class_="whisker") if path else Markup("")


def _beside(points: Points, rows: Rows, scale: Scale) -> Markup:
    """Draw what the second predictor said, small, as squares."""
    if points.beside is None:
        return Markup("")
    said = points.beside[rows]
    fits = is_drawable(said)
    x = across(scale.share(said[fits]))
    y = upward(scale.share(points.up[rows][fits]))
    path = joined(
        Markup(f"M{round(left - 2, 1)} {round(down - 2, 1)}h4v4h-4z")
        for left, down in zip(x, y, strict=True)
    )
    return element("path", d=path, class_="beside")
