"""Tables: real ones, with a head for each column and each row, that a click or a key sorts.

Without scripts they stand in the order in which they were made. What a cell is sorted by is
kept beside what it shows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neurodemon.report.html.markup import Markup, Number, element, joined


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        head: what stands above it.
        is_number: whether it holds numbers: they stand to the right.
        names_row: whether its cells are the heads of their rows.
        is_prose: whether it holds sentences, which may take several lines.
    """

    head: str
    is_number: bool = False
    names_row: bool = False
    is_prose: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        shown: what it shows; HTML if it is `Markup`.
        key: what it is sorted by; None, and what is no number, comes last.
    """

    shown: str
    key: Number | str | None = None


def table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Markup:
    """Make a table that can be sorted.

    Args:
        title: what it shows; it stands above, and names it to a screen reader.
        columns: the heads.
        rows: the cells.

    Returns:
        The table, in a frame that scrolls where the page is narrow.
    """
    heads = joined(
        element("th", column.head, scope="col", class_="number" if column.is_number else None)
        for column in columns
    )
    body = joined(
        element("tr", *(_cell(*pair) for pair in zip(columns, row, strict=True))) for row in rows
    )
    inside = element(
        "table",
        element("caption", element("span", title)),
        element("thead", element("tr", heads)),
        element("tbody", body),
        class_="sortable",
    )
    return element(
        "div", inside, class_="scroll", role="region", aria_label=f"Table: {title}", tabindex="0"
    )


def facts(rows: Iterable[tuple[str, str]]) -> Markup:
    """Make a table of names and what they are."""
    body = joined(
        element("tr", element("th", name, scope="row"), element("td", value))
        for name, value in rows
        if value
    )
    return element("table", element("tbody", body), class_="facts")


def _cell(column: Column, cell: Cell) -> Markup:
    """Make a cell; the head of its row, if the column says so."""
    key = cell.shown if cell.key is None and not column.is_number else cell.key
    data_key = _sortable(key)
    if column.names_row:
        return element("th", cell.shown, scope="row", data_key=data_key)
    class_ = "number" if column.is_number else "prose" if column.is_prose else None
    return element("td", cell.shown, class_=class_, data_key=data_key)


def _sortable(key: Number | str | None) -> Number | str:
    """Spell a key as scripts read it; what is no number is empty, and comes last."""
    if key is None or (isinstance(key, float) and math.isnan(key)):
        return ""
    if isinstance(key, float) and math.isinf(key):
        return "Infinity" if key > 0 else "-Infinity"
    return key
