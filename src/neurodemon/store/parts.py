"""A part of a run: some effects as one Parquet file, and back, bit for bit.

The file holds the columns of the effects as they are, so that any Parquet reader opens the
parts of a run as one table with one row per unit. Effects per example, where kept, are one
more column of lists. What a table cannot say goes in its metadata. Nothing is ever pickled.
"""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurodemon.errors import StoreError
from neurodemon.terms.effects import SCHEMA, Effects

PER_EXAMPLE = "per_example"  # the column: for each unit, its effect on each example
NOTES = b"neurodemon.notes"
EXAMPLES = b"neurodemon.examples"  # how many: a part without units could not tell


def to_parquet(effects: Effects) -> bytes:
    """Spell effects as a Parquet file; the same effects give the same bytes.

    Args:
        effects: the effects; their manifest is left out.

    Returns:
        The content of the file.

    Raises:
        StoreError: the columns are not those of effects, or not to be kept in Parquet.
    """
    _check_columns(effects.table)
    table = effects.table
    metadata = {**(table.schema.metadata or {}), NOTES: json.dumps(effects.notes).encode()}
    if effects.per_example is not None:
        metadata[EXAMPLES] = str(len(effects.per_example)).encode()
        table = table.append_column(PER_EXAMPLE, _as_lists(effects.per_example))
    sink = io.BytesIO()
    try:
        pq.write_table(
            table.replace_schema_metadata(metadata),
            sink,
            compression="zstd",
            use_compliant_nested_type=False,  # which would rename the fields of added lists
            write_page_checksum=True,
        )
    except pa.ArrowException as error:
        raise StoreError(
            f"The effects cannot be kept as Parquet ({error}); expected columns of numbers, "
            "text or lists of them. Leave the column out, or turn it into text."
        ) from error
    return sink.getvalue()


def from_parquet(content: bytes) -> Effects | None:
    """Read effects back.

    Args:
        content: of the file.

    Returns:
        The effects, without a manifest; None if the content is not whole: cut off, changed
        on the disk, or of another kind.
    """
    try:
        source = pa.BufferReader(content)
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            return _from_table(file.read())
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return None


def _check_columns(table: pa.Table) -> None:
    """Raise unless the table has the columns of effects, each name once."""
    names = table.column_names
    is_whole = set(SCHEMA.names) <= set(names) and len(set(names)) == len(names)
    if PER_EXAMPLE in names or not is_whole:
        raise StoreError(
            f"The effects have the columns {names}; expected {SCHEMA.names} and others, each "
            f"once, and none named {PER_EXAMPLE!r}, which the store adds. Rename or add columns."
        )


def _as_lists(per_example: NDArray[np.float64]) -> pa.ListArray:
    """Turn the numbers per example and unit into a list per unit."""
    n_examples, n_units = per_example.shape
    offsets = pa.array(np.arange(n_units + 1) * n_examples, pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(per_example.T.ravel()))


def _from_table(table: pa.Table) -> Effects:
    """Take the table of a part apart; a KeyError says that it is none."""
    metadata = dict(table.schema.metadata or {})
    notes = tuple(json.loads(metadata.pop(NOTES)))
    if missing := set(SCHEMA.names) - set(table.column_names):
        raise KeyError(missing)
    per_example = None
    if EXAMPLES in metadata:
        values = pc.list_flatten(table.column(PER_EXAMPLE)).to_numpy()
        per_unit = values.reshape(len(table), int(metadata.pop(EXAMPLES)))
        per_example = np.array(per_unit.T, order="C")  # as measured: the layout decides sums
        table = table.drop_columns([PER_EXAMPLE])
    return Effects(table.replace_schema_metadata(metadata or None), per_example, notes)
