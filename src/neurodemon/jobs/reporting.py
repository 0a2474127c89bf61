"""Report: make one page of a stored run, for people who were not there. Works without torch."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from neurodemon.report.html.page import Shown, require_free, write_page
from neurodemon.store.reader import StoredRun, read_run
from neurodemon.store.results import conclude
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question
from neurodemon.terms.text import count

NAME = "report.html"  # in the run's folder
TOP = 50  # units listed


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: where the page lies.
        result: what it shows.
        is_complete: whether the run came to its end.
    """

    path: Path
    result: Effects | Audit | Question
    is_complete: bool


def report(
    folder: str | PathLike[str], out: str | PathLike[str] | None = None, *, top: int = TOP
) -> Written:
    """Write the page of a stored run.

    Args:
        folder: the run's folder.
        out: the file; if left out, `report.html` in the run's folder. An older report is
            replaced.
        top: how many units are listed.

    Returns:
        Where the page lies, and what it shows.
    """
    place = Path(folder)
    path = place / NAME if out is None else Path(out)
    run = read_run(place)
    require_free(path)
    result = conclude(run, place)
    write_page(Shown(result, _missing(run), top), path)
    return Written(path, result, run.is_complete)


def _missing(run: StoredRun) -> str:
    """Say what an interrupted run lacks; nothing if it is complete."""
    if run.is_complete:
        return ""
    thing = "stage" if run.manifest.verb == "question" else "unit"
    sizes = [last - first for _, first, last in run.manifest.chunks]
    n_all = sum(sizes)
    n_done = len(set(run.effects["step"])) if thing == "stage" else len(run.effects)
    return (
        f"{n_done:,} of {count(n_all, thing)} are done ({run.parts:,} of "
        f"{count(run.parts_expected, 'part')}), and nothing was concluded yet. What follows is "
        "what there is: it may not hold for the rest. The same command with the same --out goes "
        "on with the run."
    )
