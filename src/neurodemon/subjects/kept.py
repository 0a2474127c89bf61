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

    def __init__(
        self, key: tuple[str, str, str] = ("", "", ""), batches: tuple[Batch, ...] = ()
    ) -> None:
        self.key = key
        self.batches = batches
        self.captures: dict[Any, Capture] = {}
        self.hooked: tuple[Capture, ...] = ()  # one for each batch
        self.proofs: dict[int, Parity] = {}
        self.recordings: dict[int, Recording] = {}
        self.paddings: dict[int, Padding] = {}
        self.certificate: Certificate | None = None
        self._latest: tuple[int, Recording] | None = None

    def forget_recordings(self) -> None:
        """Drop all recordings."""
        self.recordings.clear()
        self._latest = None

    def recording(self, place: int) -> Recording | None:
        """The recording of a batch, if it is kept."""
        if self._latest is not None and self._latest[0] == place:
            return self._latest[1]
        return self.recordings.get(place)

    def keep(self, place: int, made: Recording, most_bytes: int) -> Recording:
        """Keep a recording with the others while they fit, and the latest one in any case.

        Args:
            place: the number of the batch.
            made: its recording.
            most_bytes: how much all may hold, but for the latest.

        Returns:
            The recording.
        """
        held = sum(recording.n_bytes for recording in self.recordings.values())
        if held + made.n_bytes <= most_bytes:
            self.recordings[place] = made
        else:  # work goes batch by batch: the same is asked for again and again
            self._latest = (place, made)
        return made


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
