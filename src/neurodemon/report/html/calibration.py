"""Calibration: how often the intervals held what they promise."""

from neurodemon.report.html.bars import share_bar
from neurodemon.report.html.markup import Markup, element, joined, paragraphs
from neurodemon.report.html.numbers import share
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.terms.audits import Coverage

MEANING = (
    "An interval that promises 90 % should hold the truth for 90 % of the units. This is how often "
    "it did, on units whose truth is known, each interval made without its own unit."
)


def calibration(rows: tuple[Coverage, ...]) -> Markup:
    """Show how often intervals hold what they promise.

    Args:
        rows: one for each level.

    Returns:
        The table; nothing where there are no levels.
    """
    if not rows:
        return Markup("")
    columns = [
        Column(head, is_number=True) for head in ("promised", "held", "units it was tried on")
    ]
    cells = [
        [
            Cell(share(row.nominal), row.nominal),
            Cell(
                joined([share_bar(row.covered, row.nominal), element("span", share(row.covered))]),
                row.covered,
            ),
            Cell(f"{row.n_units:,}", row.n_units),
        ]
        for row in rows
    ]
    return joined([
        paragraphs([MEANING]),
        table("How often intervals hold the truth", columns, cells),
        paragraphs(["The line in a bar is what was promised."], "remark"),
    ])
