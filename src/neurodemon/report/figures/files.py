"""Write figures: PNG for pages, SVG for print; each whole or not at all."""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import get_args

from neurodemon.errors import PlotError, StoreError
from neurodemon.report.figures.paper import Drawing, Format, render
from neurodemon.store.files import explain_disk_errors, write_whole

FORMS: tuple[Format, ...] = get_args(Format)


def write_figures(figures: Mapping[str, Drawing], place: str | PathLike[str]) -> list[Path]:
    """Write figures into a folder, or one figure into a file.

    Args:
        figures: by name, such as {"ranks": …}.
        place: a path that ends in .png or .svg, for one figure; else a folder, made if it is
            not there, that gets `ranks.png` and `ranks.svg`. A file of that name is replaced.

    Returns:
        The files written.

    Raises:
        PlotError: the path has another ending, or several figures are to go into one file.
    """
    path = Path(place)
    form = form_of(path)
    if form is None:
        with explain_disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return [
            _write(figure, path / f"{name}.{form}", form)
            for name, figure in figures.items()
            for form in FORMS
        ]
    if len(figures) != 1:
        raise PlotError(
            f"{len(figures)} figures ({', '.join(figures)}) do not go into the one file '{path}'; "
            "expected a folder for them. Give a path without an ending."
        )
    (figure,) = figures.values()
    with explain_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return [_write(figure, path, form)]


def require_place(place: str | PathLike[str], *, is_for_several: bool = False) -> None:
    """Refuse a path that figures could not be written to, before any work is done.

    Args:
        place: as for `write_figures`.
        is_for_several: whether there will be several figures, which need a folder.

    Raises:
        PlotError: the path has another ending, or is a file where a folder is needed.
        StoreError: nothing can be written there.
    """
    path = Path(place)
    form = form_of(path)
    if is_for_several and (form or path.is_file()):
        raise PlotError(
            f"'{path}' is one file, and there will be several figures; expected a folder for "
            "them. Give a path without an ending."
        )
    folder = path if form is None else path.parent
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(
            f"No figure can be written to '{path}': '{there}' is no folder that can be written "
            "in; expected one. Give another path."
        )


def form_of(path: Path) -> Format | None:
    """Say what a path asks for.

    Args:
        path: of a file or a folder.

    Returns:
        `png` or `svg`; None for a folder: one that is there, or a name without an ending.

    Raises:
        PlotError: the path ends in something else.

    Example:
        >>> form_of(Path("a.SVG")), form_of(Path("figures"))
        ('svg', None)
    """
    ending = path.suffix.lower().removeprefix(".")
    if path.is_dir() or not ending:
        return None
    for form in FORMS:
        if ending == form:
            return form
    raise PlotError(
        f"'{path}' ends in '{path.suffix}'; expected .png or .svg, or a folder. Change the "
        "ending; a folder with a dot in its name must be there already."
    )


def _write(figure: Drawing, path: Path, form: Format) -> Path:
    """Write one file, and name it."""
    write_whole(path, render(figure, form))
    return path
