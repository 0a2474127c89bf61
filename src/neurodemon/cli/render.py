"""Paper and pencil: where tables go, and how wide they are.

On a terminal a table fits its width. In a pipe it is plain: no control characters, and no
column is ever cut.
"""

import sys
from collections.abc import Collection, Iterable, Sequence

from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDTH_IN_A_PIPE = 1_000  # wider than any table: nothing is cut or folded


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
