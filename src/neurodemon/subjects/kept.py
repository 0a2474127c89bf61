"""What a subject keeps of one state of it, from one verb to the next."""

from collections.abc import Callable, Sequence
from typing import Any

from neurodemon.engine.recording import Recording
from neurodemon.subjects.admitting import Batch
from neurodemon.subjects.padding import Padding
from neurodemon.terms.certificates import Certificate
from neurodemon.tracing.capture import Capture
from neurodemon.tracing.coverage import Parity


class Kept:
    """What was found out about one state of a subject."""

    def __init__(self, key: tuple[str, str] = ("", ""), batches: tuple[Batch, ...] = ()) -> None:
        self.key = key
        self.batches = batches
        self.captures: dict[Any, Capture] = {}
        self.hooked: tuple[Capture, ...] = ()  # one for each batch
        self.proofs: dict[int, Parity] = {}
        self.recordings: dict[int, Recording] = {}
        self.paddings: dict[int, Padding] = {}
        self.certificate: Certificate | None = None


class Recordings(Sequence[Recording]):
    """The recordings of a subject, one per batch, made when asked for."""

    def __init__(self, count: int, make: Callable[[int], Recording]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        """Count the batches."""
        return self._count

    def __getitem__(self, place: Any) -> Any:
        """Make or find the recording of one batch."""
        if place >= len(self):
            raise IndexError(place)
        return self._make(place)
