"""Ours beside the book's: the table of figures, what it comes to, and the exit code."""

import math
import sys
from collections.abc import Sequence
from typing import Any

import typer

from neurodemon.book.figures import Figure
from neurodemon.cli.render import Paper
from neurodemon.cli.shell import FAILED, INTERRUPTED
from neurodemon.terms.text import count

FEWEST, MOST = 4, 12  # digits
NOTHING_TO_COMPARE = "The book has no figures for this: nothing to compare."


def show_figures(paper: Paper, figures: Sequence[Figure], *, ours: str, book: str) -> None:
    """Write figures, and how many agree.

    Args:
        paper: where to.
        figures: the figures.
        ours: the head of our column.
        book: the head of the other.
    """
    if not figures:
        paper.line(NOTHING_TO_COMPARE)
        return
    rows = [
        (figure.name, spell_ours(figure), spell_book(figure), "yes" if figure.agrees else "NO")
        for figure in figures
    ]
    paper.table(("figure", ours, book, "agrees"), rows, numbers={ours, book})
    paper.line()
    paper.line(_sum_up(figures))


def spell_ours(figure: Figure) -> str:
    """Spell our number with as many digits as are compared.

    Args:
        figure: the figure.

    Returns:
        The text.

    Example:
        >>> spell_ours(Figure("a", 0.8175744, 0.817574, 0.8175735, 0.8175745, decimals=6))
        '0.817574'
    """
    if not math.isfinite(figure.ours):
        return str(figure.ours)
    if figure.decimals is not None and figure.agrees:
        return f"{figure.ours:.{figure.decimals}f}"
    return f"{figure.ours:.{_count_digits(figure)}g}"


def spell_book(figure: Figure) -> str:
    """Spell the book's number, or the range that agrees, or both.

    Args:
        figure: the figure.

    Returns:
        The text.

    Example:
        >>> spell_book(Figure("a", 1.0, None, 150.0, math.inf))
        '≥ 150'
        >>> spell_book(Figure("a", 1.0, 0.0657, 0.0352, 0.0887))
        '0.0657 [0.0352, 0.0887]'
    """
    if figure.book is None:
        return _spell_range(figure)
    if figure.decimals is not None:
        return f"{figure.book:.{figure.decimals}f}"
    text = f"{figure.book:.{_count_digits(figure)}g}"
    return text if _is_tight(figure) else f"{text} {_spell_range(figure)}"


def spell_json(figures: Sequence[Figure]) -> dict[str, Any]:
    """Spell figures as plain values.

    Args:
        figures: the figures.

    Returns:
        `figures`, and `agrees`: whether all of them do, None where there are none.
    """
    listed = [
        {
            "name": figure.name,
            "ours": figure.ours,
            "book": figure.book,
            "low": figure.low,
            "high": figure.high,
            "agrees": figure.agrees,
        }
        for figure in figures
    ]
    return {"figures": listed, "agrees": all(row["agrees"] for row in listed) if listed else None}


def leave(figures: Sequence[Figure], *, interrupted: str | None = None) -> None:
    """Leave with the exit code that the figures, or an interrupt, come to.

    Args:
        figures: the figures.
        interrupted: what was done, where the user stopped it.

    Raises:
        Exit: 130 after an interrupt, 1 if a figure disagrees.
    """
    sys.stdout.flush()
    if interrupted is not None:
        print(f"interrupted: {interrupted}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    if not all(figure.agrees for figure in figures):
        print("error: not all figures agree with the book's.", file=sys.stderr)
        raise typer.Exit(FAILED)


def _sum_up(figures: Sequence[Figure]) -> str:
    """Say how many agree, and which do not."""
    wrong = [figure.name for figure in figures if not figure.agrees]
    if wrong:
        return f"{len(wrong)} of {count(len(figures), 'figure')} disagree: {'; '.join(wrong)}."
    return "The figure agrees." if len(figures) == 1 else f"All {len(figures)} figures agree."


def _spell_range(figure: Figure) -> str:
    """Spell the range that agrees."""
    if math.isinf(figure.high):
        return f"≥ {figure.low:.4g}"
    if figure.low == figure.high:
        return f"{figure.low:.4g}"
    return f"[{figure.low:.4g}, {figure.high:.4g}]"


def _count_digits(figure: Figure) -> int:
    """Count the significant digits that are compared."""
    slack = (figure.high - figure.low) / 2
    size = abs(figure.book or figure.ours)
    if not slack or not size:
        return MOST if not slack else FEWEST
    if not math.isfinite(slack):
        return FEWEST
    return min(max(math.ceil(math.log10(size / slack)), FEWEST), MOST)


def _is_tight(figure: Figure) -> bool:
    """Whether the range is no more than rounding."""
    return figure.book is not None and figure.high - figure.low <= 1e-3 * abs(figure.book)
