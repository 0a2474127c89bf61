"""Read a run folder back, complete or not; nothing half written is ever read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neurodemon.errors import StoreError
from neurodemon.store.files import explain_disk_errors, read_json
from neurodemon.store.layout import effects_folder, read_manifest, read_part, summary_path
from neurodemon.terms.effects import Effects, concatenate
from neurodemon.terms.manifests import Manifest


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run as it lies on the disk.

    Attributes:
        manifest: what made it.
        effects: the rows of all parts that are there and whole, in order.
        summary: what was concluded; None until the run was finished.
        is_complete: whether it was finished and every part is there.
        parts: how many parts are there and whole.
        parts_expected: how many there are in a complete run.
    """

    manifest: Manifest
    effects: Effects
    summary: dict[str, Any] | None
    is_complete: bool
    parts: int
    parts_expected: int


def read_run(folder: Path) -> StoredRun:
    """Read a run; an interrupted one reads as what was done.

    Args:
        folder: the run's folder.

    Returns:
        The run, with the manifest and all notes on its effects.

    Raises:
        StoreError: there is no run, none that this version can read, or no part in it.
    """
    with explain_disk_errors(folder):
        manifest = read_manifest(folder)
        has_summary = summary_path(folder).is_file()
        expected = len(manifest.chunks)
        read = [read_part(folder, index, manifest) for index in range(expected)]
    parts = [part for part in read if part is not None]
    if not parts:
        raise StoreError(
            f"No part of the run at '{folder}' is done; expected at least one whole file in "
            f"'{effects_folder(folder)}'. Run the same command with the same --out to make them."
        )
    summary = read_json(summary_path(folder)) if has_summary else None
    effects = _join(folder, parts)
    notes = (*effects.notes, *(summary or {}).get("notes", ()))
    return StoredRun(
        manifest=manifest,
        effects=replace(effects, notes=tuple(dict.fromkeys(notes))),
        summary=summary,
        is_complete=has_summary and len(parts) == expected,
        parts=len(parts),
        parts_expected=expected,
    )


def _join(folder: Path, parts: list[Effects]) -> Effects:
    """Join the parts of a run in order."""
    try:
        return concatenate(parts)
    except (ValueError, TypeError) as error:  # of Arrow, or of NumPy where the examples differ
        raise StoreError(
            f"The parts of the run at '{folder}' do not fit together ({_first_line(error)}); "
            "expected parts of one run. Read the Parquet files one by one, or make the run again "
            "elsewhere."
        ) from error


def _first_line(error: Exception) -> str:
    """Take what went wrong without the long schemas that Arrow prints below."""
    return str(error).splitlines()[0].rstrip(": ")
