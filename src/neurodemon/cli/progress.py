"""Bars with the time left, and notes, on standard error: results have standard output alone.

Bars are drawn only where someone looks on. In a pipe or a log a long work says once a minute how
far it is. Notes are said there too, in plain letters, for they can change how the numbers are to
be read.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

EVERY = 60.0  # seconds between two lines of a log


class Bars:
    """One bar per kind of work, made when it is first heard of.

    Args:
        console: of standard error.
        clock: seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock, self._said = console, clock, clock()
        self._tasks: dict[str, TaskID] = {}
        self._live = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_interactive,
        )

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far a kind of work is."""
        if self._live.disable:
            self._say_now_and_then(what, done, total)
        elif what in self._tasks:
            self._live.update(self._tasks[what], completed=done, total=total)
        else:
            self._tasks[what] = self._live.add_task(what, completed=done, total=total)
            self._live.start()

    def _say_now_and_then(self, what: str, done: int, total: int) -> None:
        """Say how far it is, where there is no bar."""
        if self._clock() - self._said >= EVERY:
            self._said = self._clock()
            self._console.print(f"{what}: {done:,} of {total:,}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Say what the user should know."""
        self._console.print(f"note: {text}", soft_wrap=not self._console.is_terminal)

    def stop(self) -> None:
        """Take the bars away."""
        if self._tasks:
            self._live.stop()


@contextlib.contextmanager
def watched() -> Iterator[Bars]:
    """Show bars and notes while work is done.

    What anyone else prints meanwhile goes to standard error, so that a `print` in the user's
    file does not get into the results.

    Yields:
        The bars.
    """
    bars = Bars(
        Console(
            stderr=True,
            force_terminal=None if sys.stderr.isatty() else False,
            markup=False,
            emoji=False,
            highlight=False,
        )
    )
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield bars
        finally:
            bars.stop()
