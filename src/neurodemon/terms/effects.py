"""Effects: what the demons did to the cost, one row per unit, as an Arrow table.

An effect is cost after − cost before, always: for a cost, positive hurts. Each row is the
mean over all examples of all batches; the per-example numbers are kept beside it.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurodemon.errors import MissingExtraError, SelectionError
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.plotting import plot
from neurodemon.terms.text import format_number, format_table
from neurodemon.terms.units import UnitSet, spell_unit

SCHEMA = pa.schema([
    ("site", pa.string()),
    ("kind", pa.string()),
    ("unit", pa.int64()),
    ("position", pa.int64()),
    ("perturbation", pa.string()),
    ("predicted", pa.float64()),
    ("predictor", pa.string()),
    ("measured", pa.float64()),
    ("gap", pa.float64()),
    ("se", pa.float64()),
    ("n_examples", pa.int64()),
    ("status", pa.string()),
    ("engine", pa.string()),
])
ROWS_SHOWN = 20  # of a long table, when it is printed
WIDEST = 120  # letters of a line that a console is thought to hold


@dataclass(frozen=True, eq=False)
class Effects:
    """One row per unit; the columns of `SCHEMA`, and what a verb adds.

    Attributes:
        table: the rows. `predicted`, `measured`, `gap` (measured − predicted) and `se` (the
            standard error of the mean over examples) are in units of the cost.
        per_example: measured effects where there are any, else predicted ones, float64 of
            shape (example, unit), the columns in the order of the rows; None if not kept.
        notes: what the run wants its reader to know.
        manifest: what made these numbers, where a verb made them.

    Example:
        >>> effects = Effects.of(site=["fc1", "fc1"], unit=[0, 1], measured=[0.5, -2.0])
        >>> effects.top(1)["unit"]
        [1]
    """

    table: pa.Table
    per_example: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None

    @classmethod
    def of(
        cls,
        *,
        per_example: NDArray[np.float64] | None = None,
        **columns: Any,
    ) -> "Effects":
        """Build from columns by name; the columns of `SCHEMA` left out are null.

        Args:
            per_example: the effects per example and unit, if kept.
            columns: sequences or arrays of equal length.

        Returns:
            The effects, the standard columns first, added ones after.
        """
        length = len(next(iter(columns.values()), ()))
        arrays = {
            column.name: pa.array(columns.pop(column.name), column.type)
            if column.name in columns
            else pa.nulls(length, column.type)
            for column in SCHEMA
        }
        added = {name: pa.array(values) for name, values in columns.items()}
        return cls(pa.table({**arrays, **added}), per_example)

    def __len__(self) -> int:
        """Count the rows."""
        return int(self.table.num_rows)

    def __getitem__(self, column: str) -> list[Any]:
        """Take a column as a list, nulls as None."""
        if column not in self.table.column_names:
            raise KeyError(
                f"Effects have no column {column!r}; expected one of {self.table.column_names}."
            )
        return list(self.table.column(column).to_pylist())

    def array(self, column: str) -> NDArray[np.float64]:
        """Take a numeric column as float64, nulls as NaN."""
        return np.array([np.nan if value is None else value for value in self[column]], float)

    @property
    def spelled(self) -> list[str]:
        """The units' names, as selections that find them again (groups and directions aside)."""
        names = [name or "" for name in self["name"]] if "name" in self.table.column_names else None
        columns = [self[column] for column in ("site", "kind", "unit", "position")]
        rows = zip(*columns, names or [""] * len(self), strict=True)
        return [spell_unit(*row) for row in rows]

    def to_arrow(self) -> pa.Table:
        """Hand out the Arrow table itself."""
        return self.table

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """Draw predicted against measured, or the one of them that there is, as `nd.plot` does.

        Args:
            path: where to write it as well: a .png or .svg file, or a folder for both.

        Returns:
            The `matplotlib.figure.Figure`; this needs the extra `plot`.
        """
        return plot(self, path)

    def to_pandas(self) -> Any:
        """Convert to a pandas DataFrame.

        Returns:
            A `pandas.DataFrame` with one row per unit.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            return self.table.to_pandas()
        except ImportError as error:
            raise MissingExtraError(
                "to_pandas() needs pandas, which is not installed: pip install pandas"
            ) from error

    def top(self, k: int = 10, *, signed: bool = False) -> "Effects":
        """Take the k units of largest effect: measured where known, else predicted.

        Args:
            k: how many rows; all, if there are fewer.
            signed: the largest first, instead of the largest in size.

        Returns:
            The effects of those units, largest first, ties in table order. Rows without a
            finite number come last.
        """
        measured = self.array("measured")
        score = np.where(np.isfinite(measured), measured, self.array("predicted"))
        score = score if signed else np.abs(score)
        order = np.argsort(np.where(np.isfinite(score), -score, np.inf), kind="stable")[: max(k, 0)]
        return self.take(order)

    def take(self, rows: NDArray[np.int64]) -> "Effects":
        """Take rows by number, in the order given."""
        kept = None if self.per_example is None else self.per_example[:, rows]
        return replace(self, table=self.table.take(pa.array(rows, pa.int64())), per_example=kept)

    def with_columns(self, columns: Mapping[str, Any]) -> "Effects":
        """Add columns at the end, or replace those of the same name in place."""
        table = self.table
        for name, values in columns.items():
            array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
            place = table.column_names.index(name) if name in table.column_names else None
            table = (
                table.append_column(name, array)
                if place is None
                else table.set_column(place, name, array)
            )
        return replace(self, table=table)

    def __str__(self) -> str:
        """Print the first rows; of a table too wide, what all rows share is said once below."""
        shown = [name for name in self.table.column_names if not _is_empty(self.table, name)]
        rows = self.table.select(shown).slice(0, ROWS_SHOWN).to_pylist()
        text, same = _lay_out(shown, rows), []
        if len(text.partition("\n")[0]) > WIDEST and len(self) > 1:
            same = [name for name in shown if _is_constant(self.table, name)]
            text = _lay_out([name for name in shown if name not in same], rows)
        rest = len(self) - len(rows)
        more = [f"… {rest} more rows"] if rest > 0 else []
        said = [f"{name} {format_number(rows[0][name])}" for name in same]
        return "\n".join([text, *more, *(["in all rows: " + "; ".join(said)] if said else [])])

    def __repr__(self) -> str:
        """Print as the table, so that a console shows the numbers."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show as an HTML table in notebooks."""
        return self.to_html()

    def to_html(self) -> str:
        """Spell the first rows as an HTML table."""
        shown = [name for name in self.table.column_names if not _is_empty(self.table, name)]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in shown)
        body = "".join(
            "<tr>" + "".join(f"<td>{_html_cell(row[name])}</td>" for name in shown) + "</tr>"
            for row in self.table.slice(0, ROWS_SHOWN).to_pylist()
        )
        rest = len(self) - ROWS_SHOWN
        more = f"<p>… {rest} more rows</p>" if rest > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def unit_columns(units: UnitSet) -> dict[str, list[Any]]:
    """Spell units as the columns `site`, `kind`, `unit`, `position`; `name`, if any has one."""
    spelled = list(units)
    names = [unit.name or None for unit in spelled]
    return {
        "site": [unit.site.name for unit in spelled],
        "kind": [unit.kind for unit in spelled],
        "unit": [unit.index for unit in spelled],
        "position": [unit.position for unit in spelled],
        **({"name": names} if any(names) else {}),
    }


def concatenate(parts: "list[Effects]") -> Effects:
    """Join effects of the same columns and examples, one part after the other.

    Args:
        parts: at least one; all with the same columns.

    Returns:
        The rows of all parts in order; per-example numbers where every part kept them.

    Raises:
        SelectionError: there is no part.
    """
    if not parts:
        raise SelectionError("No effects to join: the selection of units is empty.")
    kept = [part.per_example for part in parts if part.per_example is not None]
    per_example = np.concatenate(kept, axis=1) if len(kept) == len(parts) else None
    return Effects(
        pa.concat_tables(
            [part.table for part in parts], promote_options="default"
        ).combine_chunks(),
        per_example,
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        parts[0].manifest,
    )


def _lay_out(names: list[str], rows: list[dict[str, Any]]) -> str:
    """Lay some columns of rows out as a table."""
    return format_table(names, [[row[name] for name in names] for row in rows])


def _is_constant(table: pa.Table, column: str) -> bool:
    """Whether a column holds the same in every row."""
    return len(table.column(column).unique()) == 1


def _is_empty(table: pa.Table, column: str) -> bool:
    """Whether a column holds nothing but nulls; without rows, none is called so."""
    return bool(0 < table.num_rows == table.column(column).null_count)


def _html_cell(value: object) -> str:
    """Spell a cell for HTML."""
    text = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return html.escape(text)
