"""Paper and pencil: where tables go, how wide they are, and how numbers are spelled.

On a terminal a table fits its width. In a pipe it is plain: no control characters, and no
column is ever cut.
"""

import math
import sys
from collections.abc import Callable, Collection, Iterable, Sequence

from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDTH_IN_A_PIPE = 1_000  # wider than any table: nothing is cut or folded
DIGITS = 4  # significant ones of the largest number of a table
SMALLEST, LARGEST = 1e-3, 1e5  # what is spelled without an exponent lies between
NOTHING = "–"


class Paper:
    """Standard output, for people."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._console = Console(
            file=sys.stdout,
            width=None if self._is_terminal else WIDTH_IN_A_PIPE,
            force_terminal=None if self._is_terminal else False,
            markup=False,  # "[out=1]" in a unit's name is no markup
            emoji=False,
            highlight=False,
        )

    def line(self, text: str = "") -> None:
        """Write a paragraph; in a pipe it stays one line."""
        self._console.print(text, soft_wrap=not self._is_terminal)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[str]
    ) -> None:
        """Write a table.

        Args:
            columns: the heads.
            rows: the cells, spelled.
            numbers: heads of the columns that hold numbers, which stand to the right.
        """
        cells = [[Text(cell) for cell in row] for row in rows]
        table = self._fit(columns, cells, numbers)
        if self._is_terminal:
            self._console.print(table)
            return
        with self._console.capture() as written:
            self._console.print(table)
        for text in written.get().splitlines():
            self.line(text.rstrip())

    def _fit(
        self, columns: Sequence[str], rows: Sequence[Sequence[Text]], numbers: Collection[str]
    ) -> Table:
        """Lay a table out: heads take a second line, then gaps shrink, before cells are folded."""
        narrow = [name.replace("_", "_\n") for name in columns]
        for heads, gap in ((columns, 2), (narrow, 2), (narrow, 1)):
            table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
            for name, head in zip(columns, heads, strict=True):
                side: JustifyMethod = "right" if name in numbers else "left"
                table.add_column(head, justify=side, overflow="fold")
            for row in rows:
                table.add_row(*row)
            unbounded = self._console.options.update(max_width=WIDTH_IN_A_PIPE)
            wanted = Measurement.get(self._console, unbounded, table)
            if wanted.maximum <= self._console.width:
                break
        return table


def speller(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """Choose one spelling for all numbers of a table, so that they can be compared at sight.

    Args:
        values: the numbers that matter; the largest gets four significant digits.

    Returns:
        A function that spells a number, with its sign: cost after − cost before.

    Example:
        >>> spell = speller([0.2493, -0.00729])
        >>> [spell(value) for value in (0.2493, -0.00729, 1e-9, 0.0, None)]
        ['+0.2493', '-0.0073', '+1e-09', '0', '–']
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if largest and not SMALLEST <= largest < LARGEST:
        return lambda value: _special(value) or f"{value:+.{DIGITS - 1}e}"
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(largest))) if largest else DIGITS

    def spell(value: float | None) -> str:
        if special := _special(value):
            return special
        text = f"{value:+.{decimals}f}"
        return text if float(text) else f"{value:+.0e}"  # tiny, but not 0

    return spell


def percent(share: float | None) -> str:
    """Spell a share in percent.

    Args:
        share: 1 is 100 %.

    Returns:
        The text.

    Example:
        >>> percent(0.049), percent(0.95), percent(1e-9), percent(25.0), percent(None)
        ('4.9 %', '95 %', '<0.1 %', '>1000 %', '–')
    """
    if special := _special(share):
        return NOTHING if special == NOTHING else "0 %" if special == "0" else special
    value = 100 * (share or 0.0)
    if value < 0.1:
        return "<0.1 %"
    decimals = 1 if value < 9.95 else 0  # 9.96 is 10, not 10.0
    return ">1000 %" if value > 1000 else f"{value:.{decimals}f} %"


def rounded(value: float | None) -> str:
    """Spell a correlation or a slope with three decimals.

    Args:
        value: the number.

    Returns:
        The text; a dash where there is no number.

    Example:
        >>> rounded(0.99783), rounded(-0.0001), rounded(None)
        ('0.998', '0.000', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3g}" if abs(value) >= 100 else f"{round(value, 3) + 0.0:.3f}"


def _special(value: float | None) -> str:
    """Spell what is no usual number; nothing if it is one."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    return "" if value else "0"
