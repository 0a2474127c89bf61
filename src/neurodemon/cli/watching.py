"""Take so many from work that goes on without end; Ctrl-C keeps what was done."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from neurodemon.cli.progress import Bars

Done = TypeVar("Done")


@dataclass(frozen=True)
class Gathered(Generic[Done]):
    """What was done.

    Attributes:
        what: its name, in the plural.
        done: the pieces of work, in order; at least one.
        wanted: how many were asked for.
    """

    what: str
    done: tuple[Done, ...]
    wanted: int

    @property
    def is_whole(self) -> bool:
        """Whether all that was asked for was done."""
        return len(self.done) == self.wanted

    @property
    def interruption(self) -> str | None:
        """What was done before an interrupt, in words; None where there was none."""
        if self.is_whole:
            return None
        return f"{len(self.done)} of {self.wanted} {self.what} were done, and are shown."


def gather(work: Iterator[Done], wanted: int, *, what: str, bars: Bars) -> Gathered[Done]:
    """Take so many pieces of work, and show how far it is.

    Args:
        work: goes on without end.
        wanted: how many to take.
        what: the name of the pieces, in the plural.
        bars: where to show it.

    Returns:
        What was done: all of it, or what there was at the user's interrupt. An interrupt before
        the first piece is passed on.

    Raises:
        KeyboardInterrupt: nothing was done yet.
    """
    done: list[Done] = []
    try:
        bars.progress(what, 0, wanted)
        for piece in islice(work, wanted):
            done.append(piece)
            bars.progress(what, len(done), wanted)
    except KeyboardInterrupt:
        if not done:
            raise
    return Gathered(what, tuple(done), wanted)
