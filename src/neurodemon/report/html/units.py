"""The units: the table of the largest effects with their bars, and the pictures of all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.report.html.bars import Rule, rule_of, signed_bar
from neurodemon.report.html.cards import Card
from neurodemon.report.html.markup import Markup, element, joined, paragraphs
from neurodemon.report.html.numbers import Spell, interval, spell_alike
from neurodemon.report.html.points import EXACT, Labels, Points, draw_sites
from neurodemon.report.html.reading import Reading, order_by_size
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.terms.effects import Effects
from neurodemon.terms.statuses import OK

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of the table, and how they are spelled."""

    reading: Reading
    names: list[str]
    spell: Spell
    rule: Rule


def top_units(reading: Reading, top: int) -> Markup:
    """Make the table of the units with the largest effects.

    Args:
        reading: of all units.
        top: how many rows.

    Returns:
        The table, and a line that says how many units are not in it.
    """
    n_units = len(reading.effects)
    shown = reading.take(order_by_size(reading.effect)[:top])
    reach = np.concatenate([shown.effect, shown.low, shown.high])
    rows = _Rows(
        shown,
        name_rows(shown.effects),
        spell_alike([*shown.effect, *shown.predicted]),
        rule_of(reach),
    )
    parts = [_ranks(rows), _units(rows), *_effects(rows), *_predictions(rows), *_statuses(rows)]
    columns, cells = [column for column, _ in parts], [cells for _, cells in parts]
    title = f"The {len(shown.effects):,} units with the largest effects, of {n_units:,}"
    rest = n_units - len(shown.effects)
    bars = "Bars to the right: the cost rises. To the left: it falls."
    lines = "" if np.isnan(shown.low).all() else " Lines over bars: intervals."
    more = f"{rest:,} more units are not listed: --top {n_units} lists all." if rest else ""
    return joined([
        table(title, columns, zip(*cells, strict=True)),
        paragraphs([bars + lines, more], "remark"),
    ])


def name_rows(effects: Effects) -> list[str]:
    """Name the unit of each row, with what tells further rows of one unit apart."""
    extra = [name for name in ("scope", "step") if name in effects.table.column_names]
    told = [[f"{name} {value}" for value in effects[name]] for name in extra]
    return [", ".join(parts) for parts in zip(effects.spelled, *told, strict=True)]


def largest_card(reading: Reading) -> list[Card]:
    """Make the card of the unit with the largest effect; none, if there is no number."""
    if not np.isfinite(reading.effect).any():
        return []
    row = int(order_by_size(reading.effect)[0])
    spell = spell_alike([float(reading.effect[row])])
    unit = reading.effects.take(np.array([row])).spelled[0]
    return [
        Card("Largest effect", spell(float(reading.effect[row])), f"{unit}, {reading.how(row)}")
    ]


def pictures(reading: Reading, under: dict[str, str]) -> Markup:
    """Draw predicted against measured at each site, or the one of them that there is.

    Args:
        reading: of all units.
        under: what is written below a site's picture.

    Returns:
        The pictures, and below what is to be known of them.
    """
    is_pair = reading.has_measured and bool(np.isfinite(reading.predicted).any())
    word = "measured effect" if reading.has_measured else "predicted effect"
    if {"sampled", "predicted"} & set(reading.evidence) and reading.has_measured:
        word = "effect, measured or estimated"
    beside = reading.effects.array(reading.baseline) if is_pair and reading.baseline else None
    points = Points(
        site=[site or "" for site in reading.effects["site"]],
        name=reading.effects.spelled,
        along=reading.predicted if is_pair else None,
        up=reading.effect,
        low=reading.low,
        high=reading.high,
        evidence=reading.evidence,
        beside=beside,
    )
    along = f"predicted by {reading.predictor}" if is_pair else "units, in the order of the run"
    drawn, said = draw_sites(points, Labels(along, word, under))
    return joined([_key(reading, is_pair=is_pair), drawn, paragraphs(said, "remark")])


def _key(reading: Reading, *, is_pair: bool) -> Markup:
    """Say what the marks mean: those that there are."""
    found = set(reading.evidence)
    meanings = {
        "exact": "● measured on all examples",
        "sampled": "○ estimated from some examples; the line is its interval",
        "predicted": "◇ predicted only, corrected by what was measured; the line is its interval"
        if is_pair
        else "◇ predicted",
    }
    marks = [meaning for word, meaning in meanings.items() if word in found]
    if is_pair and reading.baseline:
        marks.append(f"□ what {reading.baseline} said instead: influence alone")
    if is_pair:
        marks.append("On the diagonal, prediction and measurement are equal.")
    return element("ul", *(element("li", mark) for mark in marks), class_="key")


def _ranks(rows: _Rows) -> tuple[Column, list[Cell]]:
    """The places."""
    places = range(1, len(rows.names) + 1)
    return Column("rank", is_number=True), [Cell(str(place), place) for place in places]


def _units(rows: _Rows) -> tuple[Column, list[Cell]]:
    """The units' names."""
    return Column("unit", names_row=True), [Cell(name, name) for name in rows.names]


def _effects(rows: _Rows) -> list[tuple[Column, list[Cell]]]:
    """The columns that are the answer: the effect with its bar, its interval, its evidence."""
    reading = rows.reading
    is_exact = np.array([word == EXACT for word in reading.evidence], bool)
    lows = np.where(is_exact, np.nan, reading.low)
    ends = [(float(low), float(high)) for low, high in zip(lows, reading.high, strict=True)]
    effects = [
        Cell(_with_bar(rows, float(value), *pair), float(value))
        for value, pair in zip(reading.effect, ends, strict=True)
    ]
    parts = [(Column("effect", is_number=True), effects)]
    if not np.isnan(lows).all():
        widths = [
            Cell("exact", 0.0)
            if word == EXACT
            else Cell(interval(*pair, rows.spell), pair[1] - pair[0])
            for pair, word in zip(ends, reading.evidence, strict=True)
        ]
        parts.append((Column("interval", is_number=True), widths))
    return [*parts, (Column("evidence"), [Cell(reading.how(row)) for row in range(len(ends))])]


def _predictions(rows: _Rows) -> list[tuple[Column, list[Cell]]]:
    """The columns of what was predicted, and of the spread over the examples."""
    reading = rows.reading
    parts = []
    if reading.has_measured and np.isfinite(reading.predicted).any():
        head = f"predicted ({reading.predictor})" if reading.predictor else "predicted"
        parts.append(_plain(rows, head, reading.predicted))
        parts.append(_plain(rows, "gap", reading.effect - reading.predicted))
    parts.extend(_plain(rows, name, reading.effects.array(name)) for name in reading.others)
    errors = reading.effects.array("se")
    if np.isfinite(errors).any():
        spelled = [Cell(rows.spell(one).removeprefix("+"), one) for one in map(float, errors)]
        parts.append((Column("standard error", is_number=True), spelled))
    return parts


def _statuses(rows: _Rows) -> list[tuple[Column, list[Cell]]]:
    """The column of statuses, where any is not the usual one."""
    statuses = [status or "" for status in rows.reading.effects["status"]]
    if not set(statuses) - {OK, ""}:
        return []
    return [(Column("status"), [Cell(status) for status in statuses])]


def _plain(rows: _Rows, head: str, values: Array) -> tuple[Column, list[Cell]]:
    """A column of effects without bars."""
    return Column(head, is_number=True), [Cell(rows.spell(one), one) for one in map(float, values)]


def _with_bar(rows: _Rows, value: float, low: float, high: float) -> Markup:
    """An effect: its number, and beside it the bar."""
    return joined([signed_bar(value, low, high, rows.rule), element("span", rows.spell(value))])
