"""What --plot does: refuse early what could not be drawn or written, and write the figures."""

import sys
from pathlib import Path

from neurodemon.errors import MissingExtraError, PlotError
from neurodemon.terms.audits import Audit
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question

FIGURES = "figures"  # the folder, in that of a run


def require_plot(path: Path | None, *, is_for_several: bool = False) -> None:
    """Refuse --plot before the long work: without matplotlib, or with a path that will not do.

    Args:
        path: what --plot said, if anything.
        is_for_several: whether a folder is needed, as for a question.
    """
    if path is not None:
        from neurodemon.report.figures.files import require_place

        require_place(path, is_for_several=is_for_several)


def plot_beside(question: Question, out: Path | None) -> None:
    """Draw a question into its run's folder; without matplotlib say how to get it, and go on.

    Args:
        question: what the command found.
        out: the run's folder, if any.
    """
    if out is None:
        return
    try:
        plot_to(question, out / FIGURES)
    except (MissingExtraError, PlotError) as error:
        print(f"note: no figures: {error}", file=sys.stderr)


def plot_to(result: Curve | Effects | Audit | Question, path: Path | None) -> None:
    """Draw a result where --plot said, and say so on standard error.

    Args:
        result: what the command found.
        path: a file that ends in .png or .svg, or a folder; None to draw nothing.
    """
    if path is not None:
        from neurodemon.jobs.plotting import draw
        from neurodemon.report.figures.files import write_figures

        written = write_figures(draw(result), path)
        print(f"Drawn: {', '.join(map(str, written))}", file=sys.stderr)
