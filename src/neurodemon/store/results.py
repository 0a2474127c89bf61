"""Save a result that is in memory as a run folder, and load a folder as a result."""

import contextlib
from collections.abc import Set
from dataclasses import MISSING, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from neurodemon.errors import StoreError
from neurodemon.store.files import explain_disk_errors
from neurodemon.store.layout import effects_folder, is_free, manifest_path, part_path, summary_path
from neurodemon.store.reader import StoredRun, read_run
from neurodemon.store.writer import open_run
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.questions import Question

UNKNOWN = "unknown"  # in the manifest of a result that came without one
ANY_SITE = "*"  # in the chunk of a result that was saved in one part
AUDIT_KEYS = {  # of a summary; what has a default came later, and old runs lack it
    field.name for field in fields(Audit) if field.default is MISSING
} - {"effects"}
QUESTION_KEYS = {field.name for field in fields(Question)} - {"effects", "manifest"}


def save_result(result: Effects | Audit | Question, folder: str | PathLike[str]) -> None:
    """Save a result as a complete run folder of one part.

    Args:
        result: effects, an audit or a question.
        folder: an empty one, or one that is not there yet; its parents are made.

    Raises:
        StoreError: the folder is not empty, or cannot be written; then nothing is left in it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     save_result(Effects.of(site=["fc1"], unit=[3]), f"{parent}/a")
        ...     load_result(f"{parent}/a")["unit"]
        [3]
    """
    place = Path(folder)
    with explain_disk_errors(place):
        if not is_free(place):
            raise StoreError(
                f"'{place}' is taken: it is not empty, or is a file; expected an empty or a new "
                "folder, as nothing is overwritten. Give another folder."
            )
    effects, manifest, summary = _take_apart(result)
    with contextlib.ExitStack() as undo:
        undo.callback(_take_back, place)
        run = open_run(place, replace(manifest, chunks=((ANY_SITE, 0, len(effects)),)))
        run.write(0, effects)
        run.finish(summary)
        undo.pop_all()


def load_result(folder: str | PathLike[str]) -> Effects | Audit | Question:
    """Load a run folder as the result it holds.

    Args:
        folder: the run's folder.

    Returns:
        The audit or the question of a complete run of one, else the effects; a run that is not
        complete has a note that says so.

    Raises:
        StoreError: there is no run, none that this version can read, or no part in it.
    """
    return conclude(read_run(Path(folder)), Path(folder))


def conclude(run: StoredRun, folder: Path) -> Effects | Audit | Question:
    """Make of a run that was read the result it holds; `load_result` says which.

    Args:
        run: what was read.
        folder: where it lies, for the message.

    Returns:
        The effects, the audit or the question.

    Raises:
        StoreError: the summary was edited.
    """
    if run.summary is None or not run.is_complete:
        return replace(run.effects, notes=(*run.effects.notes, _what_is_missing(run)))
    keys = run.summary.keys()
    try:
        if keys >= QUESTION_KEYS:
            return Question.from_dict(run.summary, run.manifest, run.effects)
        return Audit.from_summary(run.effects, run.summary) if keys >= AUDIT_KEYS else run.effects
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"'{summary_path(folder)}' does not hold what {_kind(keys)} concludes ({error!r}); "
            "expected what neurodemon wrote. The effects are whole: read them from "
            f"'{effects_folder(folder)}' with any Parquet reader."
        ) from error


def _kind(keys: Set[str]) -> str:
    """Say what a summary with these keys is of."""
    return "a question" if keys >= QUESTION_KEYS else "an audit"


def _take_apart(
    result: Effects | Audit | Question,
) -> tuple[Effects, Manifest, dict[str, Any]]:
    """The rows of a result, what made it, and what it concludes."""
    if isinstance(result, Question):
        rows = Effects.of() if result.effects is None else result.effects
        return rows, result.manifest or _unknown_manifest(), result.to_dict()
    effects = result.effects if isinstance(result, Audit) else result
    summary = result.summary() if isinstance(result, Audit) else {}
    return effects, effects.manifest or _unknown_manifest(), summary


def _unknown_manifest() -> Manifest:
    """Make the honest manifest of numbers that do not say what made them."""
    return Manifest(
        verb=UNKNOWN,
        subject=UNKNOWN,
        perturbation=UNKNOWN,
        plan=UNKNOWN,
        weights=UNKNOWN,
        batches=UNKNOWN,
        dtype=UNKNOWN,
        device=UNKNOWN,
        seed=None,
        chunks=(),
        numbers_per_pass=0,
        versions={},
        created=UNKNOWN,
    )


def _take_back(folder: Path) -> None:
    """Remove a run that was not saved whole: its own files only."""
    for path in (part_path(folder, 0), manifest_path(folder)):
        with contextlib.suppress(OSError):
            path.unlink()
    for path in (effects_folder(folder), folder):
        with contextlib.suppress(OSError):
            path.rmdir()


def _measured(run: StoredRun) -> str:
    """Say how many pairs an audit with a budget has measured; nothing of another run."""
    if "n_measured" not in run.effects.table.column_names:
        return ""
    return f" after {sum(run.effects['n_measured']):,} measurements (unit × example)"


def _what_is_missing(run: StoredRun) -> str:
    """Say how far an incomplete run came, and how to go on."""
    if run.parts == run.parts_expected:
        return (
            f"This run is not complete: it was stopped{_measured(run)}, and these are the estimates "
            "up to then. The same command with the same --out folder goes on with it."
        )
    return (
        f"This run is not complete: {run.parts} of {run.parts_expected} parts are there. The same "
        "command with the same --out folder goes on with it."
    )
