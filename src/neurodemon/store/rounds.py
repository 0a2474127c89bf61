"""The rounds of an adaptive run: what was measured so far, so that it is not measured again.

What comes next is decided by what came before; so each round is kept as it was asked for and
answered, and a run that is gone on with asks the same again.
"""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurodemon.store.files import explain_disk_errors, read_whole, write_whole
from neurodemon.terms.shapes import Float, Int


def rounds_folder(folder: Path) -> Path:
    """Name the folder of the rounds in a run folder."""
    return folder / "rounds"


def round_path(folder: Path, index: int) -> Path:
    """Name the file of one round."""
    return rounds_folder(folder) / f"round-{index:05d}.parquet"


def write_round(
    folder: Path,
    index: int,
    pairs: tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]],
    effects: Float[np.ndarray, " pair"],
) -> None:
    """Write a round, whole or not at all.

    Args:
        folder: of the run.
        index: the number of the round.
        pairs: units and examples, as asked for.
        effects: what came out.
    """
    sink = io.BytesIO()
    table = pa.table({"unit": pairs[0], "example": pairs[1], "effect": effects})
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    with explain_disk_errors(folder):
        rounds_folder(folder).mkdir(exist_ok=True)
    write_whole(round_path(folder, index), sink.getvalue())


def read_round(
    folder: Path, index: int, pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Float[np.ndarray, " pair"] | None:
    """Read what came out of a round.

    Args:
        folder: of the run.
        index: the number of the round.
        pairs: units and examples, as asked for.

    Returns:
        The effects; None where the round is not there, not whole, or of other pairs.
    """
    path = round_path(folder, index)
    if not path.is_file():
        return None
    try:
        source = pa.BufferReader(read_whole(path))
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            table = file.read()
        asked = [table.column(name).to_numpy() for name in ("unit", "example")]
        effects = table.column("effect").to_numpy()
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
    if effects.dtype != np.float64:
        return None
    is_same = all(np.array_equal(own, want) for own, want in zip(asked, pairs, strict=True))
    return np.asarray(effects) if is_same else None
