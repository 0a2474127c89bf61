"""Write a file whole or not at all: beside its place, then renamed into it.

A reader sees the old file or the new one, never half of one, wherever the writer is
stopped. What a killed writer leaves behind begins with a dot and ends in `.tmp`; Parquet
readers pass over it, and the next writer of the run removes it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodemon.errors import StoreError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half written, even if the machine stops.

    Args:
        path: where to; a file that is there is replaced.
        content: all of it. `StoreError` says that the disk refused.
    """
    beside = temporary_of(path)
    with explain_disk_errors(path):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)  # noqa: PTH105 (the tests stop the writer here)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(path.parent)


def temporary_of(path: Path) -> Path:
    """Name the file that is written beside a path before it is renamed."""
    return path.with_name(f".{path.name}.tmp")


def json_bytes(path: Path, values: dict[str, Any]) -> bytes:
    """Spell plain values as JSON that any reader understands (UTF-8, no NaN).

    Args:
        path: the file they are for.
        values: strings, finite numbers, lists and dicts.

    Returns:
        The content of the file.

    Raises:
        StoreError: a value has no place in JSON.
    """
    try:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"'{path}' cannot hold these values as JSON ({error}); expected strings, finite "
            "numbers, lists and dicts of them. Leave that value out, or spell it as text."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.

    Returns:
        Its values.

    Raises:
        StoreError: the file cannot be read, or is no JSON object.
    """
    try:
        values = json.loads(read_whole(path))
    except ValueError as error:
        raise StoreError(
            f"'{path}' is not JSON ({error}); expected a file that neurodemon wrote. It was "
            "damaged or edited: put the right one back, or make the run again elsewhere."
        ) from error
    if not isinstance(values, dict):
        raise StoreError(
            f"'{path}' holds a {type(values).__name__}; expected a JSON object. It was edited, "
            "or is not neurodemon's: put the right one back, or make the run again elsewhere."
        )
    return values


def read_whole(path: Path) -> bytes:
    """Read a whole file; `StoreError` says that the disk refused."""
    with explain_disk_errors(path):
        return path.read_bytes()


@contextlib.contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do.

    Args:
        path: what is read or written.

    Yields:
        Once, to do it.

    Raises:
        StoreError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The disk refused at '{path}' ({error}); expected a place that can be read and "
            "written, with room left. What was written before is kept: make it accessible and "
            "go on, or give another --out folder."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets folders be opened."""
    with contextlib.suppress(PermissionError):  # Windows refuses, and does not need it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
