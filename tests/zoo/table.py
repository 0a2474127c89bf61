"""The table of docs/models.md: every model of the zoo, held against the hook oracle.

`make models` writes it anew between its two markers. Tests read it back.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
BEGIN, END = "<!-- zoo: begin -->", "<!-- zoo: end -->"
TRACINGS = ("exported", "hooked")
HEAD = ("model", "what is special", "tracing", "sites", *(f"{name}, off by" for name in TRACINGS))


@dataclass(frozen=True)
class Row:
    """One model of the table.

    Attributes:
        name: of the entry.
        note: what is special about it.
        tracing: the one that is chosen by itself.
        n_sites: how many sites that tracing finds.
        gaps: the largest difference to the oracle for each tracing that applies, relative to
            the largest effect.
    """

    name: str
    note: str
    tracing: str
    n_sites: int
    gaps: dict[str, float]

    def cells(self) -> list[str]:
        """Spell the row."""
        gaps = [f"{self.gaps[name]:.0e}" if name in self.gaps else "–" for name in TRACINGS]
        return [self.name, self.note, self.tracing, str(self.n_sites), *gaps]


def read_rows(page: str) -> dict[str, Row]:
    """Read the rows between the markers of a page, by name.

    Example:
        >>> row = Row("MLP", "plain", "exported", 6, {"exported": 2e-7})
        >>> read_rows(write_rows(f"{BEGIN}{END}", [row])) == {"MLP": row}
        True
    """
    _before, _, rest = page.partition(BEGIN)
    table, _, _after = rest.partition(END)
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {
        name: _row(name, note, tracing, count, *gaps) for name, note, tracing, count, *gaps in cells
    }


def _row(name: str, note: str, tracing: str, count: str, *gaps: str) -> Row:
    """Read one row."""
    found = {key: float(gap) for key, gap in zip(TRACINGS, gaps, strict=True) if gap != "–"}
    return Row(name, note, tracing, int(count), found)


def write_rows(page: str, rows: list[Row]) -> str:
    """Put rows between the markers of a page."""
    before, _, rest = page.partition(BEGIN)
    _table, _, after = rest.partition(END)
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def measure_row(name: str) -> Row:
    """Hold one model against the oracle, by every tracing that applies."""
    from zoo.comparing import compare, study  # noqa: PLC0415  # reading the page needs no torch
    from zoo.entries import BY_NAME  # noqa: PLC0415

    import neurodemon as nd  # noqa: PLC0415

    entry = BY_NAME[name]
    gaps, counts = {}, []
    for tracing in entry.tracings:
        studied = study(name, tracing)
        sites = studied.drawn_sites(entry.n_sites)
        gaps[tracing] = (
            compare(studied, nd.Zero(), sites) | compare(studied, nd.Mean(), sites)
        ).relative
        counts.append(len(studied.subject.sites()))
    return Row(name, entry.note, entry.tracings[0], counts[0], gaps)


def main() -> None:
    """Write the table anew."""
    from zoo.entries import ENTRIES  # noqa: PLC0415

    rows = []
    for entry in ENTRIES:
        rows.append(measure_row(entry.name))
        sys.stderr.write(f"{' '.join(rows[-1].cells())}\n")
    PAGE.write_text(write_rows(PAGE.read_text("utf-8"), rows), "utf-8")


if __name__ == "__main__":
    main()
