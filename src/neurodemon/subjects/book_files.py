"""Files of the book that a user may have: the author's own results, and saved networks.

His results are the JSON lists in `fig/` of mnielsen/neural-networks-and-deep-learning (MIT,
© 2012–2022 Michael Nielsen). We ship none of them: what is not there is not compared.
"""

import json
import os
from pathlib import Path
from typing import Any

from neurodemon.errors import DatasetError

VARIABLE = "NEURODEMON_BOOK"
BESIDE_THE_PROJECT = Path("..") / "shared" / "book"


def find_lists(name: str) -> Path | None:
    """Look for one of the author's files.

    Args:
        name: as in his `fig/`: `overfitting.json`.

    Returns:
        The file in the folder `NEURODEMON_BOOK`, or in ../shared/book where the variable is
        not set; None where it is not there.

    Raises:
        DatasetError: the variable names a folder that is not there.
    """
    chosen = os.environ.get(VARIABLE)
    folder = Path(chosen).expanduser() if chosen else BESIDE_THE_PROJECT
    if chosen and not folder.is_dir():
        raise DatasetError(
            f"The folder {str(folder)!r} that {VARIABLE} names is not there. Expected the "
            "author's files, from fig/ of mnielsen/neural-networks-and-deep-learning; unset it "
            "to do without."
        )
    path = folder / name
    return path if path.is_file() else None


def read_lists(path: Path) -> list[list[float | int]]:
    """Read one of the author's files: lists of numbers.

    Args:
        path: the file.

    Returns:
        Its lists.

    Raises:
        DatasetError: the file cannot be read, or holds something else.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} holds no JSON ({error}). {_expected()}") from error
    if not _are_lists(content):
        raise DatasetError(f"{path} holds no lists of numbers. {_expected()}")
    lists: list[list[float | int]] = content
    return lists


def read_text(path: Path) -> str:
    """Read a file whole, as UTF-8.

    Args:
        path: the file.

    Returns:
        Its text.

    Raises:
        DatasetError: it is not there, or is no text.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read: {error}. Expected a JSON file; looked from "
            f"{str(Path.cwd())!r}."
        ) from error


def _are_lists(content: Any) -> bool:
    """Whether this is a list of lists of numbers, one at least."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(row, list) and row and all(map(_is_number, row)) for row in content)
    )


def _is_number(value: Any) -> bool:
    """Whether JSON spelled a number here."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _expected() -> str:
    """Say what was expected."""
    return (
        "Expected a file of the book's fig/ folder, such as overfitting.json: a JSON list of "
        "lists of numbers."
    )
