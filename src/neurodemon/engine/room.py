"""Room: how much memory a pass takes, how much it may take, and what to do when there is less.

A pass holds what its cone reads from outside, repeated for its rows, and the values of the cone
that are yet to be read. Both are counted from the recorded values, and grow with rows × examples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from torch import Tensor

from neurodemon.engine.differences import find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.memory import give_back, memory_told
from neurodemon.engine.recording import Recording
from neurodemon.engine.refusals import NOTE, is_refusal
from neurodemon.engine.region import find_region
from neurodemon.engine.replay import Replay
from neurodemon.engine.trials import LARGER_ROW, PassSize
from neurodemon.errors import DeviceMemoryError
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

SLACK = 1.25  # what operations take for themselves while they run
TAPES = 3  # a prediction's own recording, the pass gone back through, and its gradients
COLUMNS = 10  # of a site's own value, of a prediction's: Δz, Δa, δ and their products in float64
COPIES = 4  # of a site's own value: z, Δz, and both moved
BYTES_KEPT = 2_000_000_000  # of recordings, from one verb to the next
CARRIED_BYTES = 64_000_000  # that changes take which are carried down, whatever there is to carry

Made = TypeVar("Made")


@dataclass(eq=False)
class Room:
    """The memory that measuring may take, beyond the model and the batches.

    Attributes:
        most_bytes: how much; None for as much as there is.
        halvings: how often passes were halved, since memory ran out.
        notes: what the reader of a result must know of that.
    """

    most_bytes: int | None = None
    halvings: int = 0
    notes: list[str] = field(default_factory=list)

    def pass_size(self, recording: Recording, site: Site, numbers_per_pass: int) -> PassSize:
        """Choose how many examples and rows one pass holds.

        Args:
            recording: the clean pass.
            site: where the demon sits.
            numbers_per_pass: how many numbers the widest value may hold.

        Returns:
            The size of a pass: at least one example and one row.

        Raises:
            DeviceMemoryError: not even that fits what may be taken.
        """
        numbers = max(1, numbers_per_pass >> self.halvings)
        size = _by_width(recording, site, numbers)
        if self.most_bytes is None:
            return size
        return _fitted(recording, site, size, self.most_bytes)

    def bytes_kept(self, one: int) -> int:
        """How many bytes of recordings may be kept, beside one of so many bytes in use."""
        if self.most_bytes is None:
            return BYTES_KEPT
        return min(BYTES_KEPT, (self.most_bytes - one) // 2)

    def examples_predicted(self, recording: Recording, sites: Sequence[Site]) -> int:
        """Choose on how many examples units are predicted at once.

        Args:
            recording: the clean pass.
            sites: where the units are, a site for each block of them.

        Returns:
            All, where nothing limits the memory; else so many as fit, at least one.
        """
        if self.most_bytes is None:
            return recording.n_examples
        nodes = [recording.graph.site_by_name[site.name].node for site in sites]
        own = [_bytes_of(recording, node) for node in nodes]
        values = sum(_bytes_of(recording, name) for name in recording.values)
        taken = TAPES * values + COLUMNS * sum(own) + COLUMNS * max(own, default=0)
        count = (self.most_bytes - recording.n_bytes) * recording.n_examples // max(1, taken)
        return max(1, min(recording.n_examples, count))

    def run(
        self,
        doing: str,
        recording: Recording,
        site: Site,
        numbers_per_pass: int,
        work: Callable[[PassSize], Made],
    ) -> Made:
        """Do something pass by pass; where memory runs out, with passes half as large.

        Args:
            doing: what, in words.
            recording: the clean pass.
            site: where the demon sits.
            numbers_per_pass: how many numbers the widest value may hold.
            work: does it with passes of a size.

        Returns:
            What the work returned.

        Raises:
            DeviceMemoryError: there is too little for one example and one row.
            Exception: the work's own; with a note on what was done where an operation refuses.
        """
        while True:
            size = self.pass_size(recording, site, numbers_per_pass)
            try:
                with memory_told(f"{doing} on {size.examples} examples"):
                    return work(size)
            except DeviceMemoryError:
                if numbers_per_pass >> self.halvings <= 1 or size.examples * size.rows == 1:
                    raise
            except Exception as error:  # any, as the user's operations raise what they like
                if is_refusal(error):
                    error.add_note(NOTE.format(doing=doing))
                raise
            self._halve(doing, numbers_per_pass)

    def _halve(self, doing: str, numbers_per_pass: int) -> None:
        """Make passes smaller from now on."""
        give_back()
        self.halvings += 1
        first = self.notes[0].partition(",")[0] if self.notes else f"Memory ran out while {doing}"
        numbers = numbers_per_pass >> self.halvings
        told = (
            f"{first}, so that passes were halved, to {numbers:,} numbers in the widest value: "
            "results agree with those of larger passes up to rounding."
        )
        self.notes[:] = [told]


def numbers_below(recording: Recording, site: Site) -> list[int]:
    """Count the numbers of each recorded value that a change at a site reaches.

    Args:
        recording: the clean pass.
        site: where the demon sits.

    Returns:
        How many numbers each value has, of all examples: from the exit of the site's region on.
    """
    exit_node = find_region(recording.graph, site.node, recording.values).exit
    names = [exit_node, *(node.name for node in recording.graph.below(exit_node))]
    values = [recording.values[name] for name in names if name in recording.values]
    return [value.numel() for value in values if isinstance(value, Tensor)]


def are_all_kept(recording: Recording, n_examples: int) -> bool:
    """Whether recordings of so many examples are kept together, where memory is not short.

    Args:
        recording: of some of them.
        n_examples: in all batches.

    Returns:
        False where some are made again for each piece of work.
    """
    own = sum(_bytes_of(recording, name) for name in recording.values)
    return own * n_examples / recording.n_examples <= BYTES_KEPT


def _by_width(recording: Recording, site: Site, numbers_per_pass: int) -> PassSize:
    """Choose a size by the widest value below a site."""
    n_examples = recording.n_examples
    width = max(1, max(numbers_below(recording, site), default=1) // n_examples)
    most = max(1, LARGER_ROW * numbers_per_pass // width)
    examples = min(n_examples, most)
    rows = max(1, numbers_per_pass // (width * examples))
    return PassSize(examples, rows, numbers_per_pass, most)


def _fitted(recording: Recording, site: Site, size: PassSize, most_bytes: int) -> PassSize:
    """Make a size smaller until it fits."""
    own = recording.values[site.node]
    any_unit = UnitBlock(site, site.unit_kind, np.array([0]), np.array([-1]))
    find_descent(recording, any_unit)  # what it keeps with the recording is counted, too
    held = recording.n_bytes + CARRIED_BYTES
    held += COPIES * own.numel() * own.element_size() if isinstance(own, Tensor) else 0
    each = row_bytes(recording, site)
    count = (most_bytes - held) // each
    least = 2 * each if recording.can_fold else recording.n_examples * each
    if most_bytes - held < least:
        raise DeviceMemoryError(
            f"memory is {most_bytes:,} bytes; expected at least {held + least:,}, of which "
            f"{held - CARRIED_BYTES:,} are for the recorded batch of {recording.n_examples} "
            f"examples, {CARRIED_BYTES:,} for what passes of any size take, and {least:,} for the "
            f"smallest pass at {site.name!r}. Allow more, or give batches of fewer examples."
        )
    examples = min(size.examples, count)
    rows = max(1, min(size.rows, count // examples))
    return PassSize(examples, rows, size.numbers, min(size.most or count, count))


def row_bytes(recording: Recording, site: Site) -> int:
    """Count the bytes that a pass takes for each row of each example.

    Args:
        recording: the clean pass.
        site: where the demon sits.

    Returns:
        The most that is held at once: what is read from outside, and what is yet to be read.
    """
    graph = recording.graph
    exit_node = find_region(graph, site.node, recording.values).exit
    replay = Replay(recording, exit_node, Pass(0, recording.n_examples, 1))
    outside = sum(
        _bytes_of(recording, name)
        for name in replay.outside
        if name in recording.values and graph[name].folding != "constant"
    )
    last = {name: node.name for node in replay.cone for name in node.inputs}
    alive = {exit_node: _bytes_of(recording, exit_node)}
    most = 0
    for node in replay.cone:
        alive[node.name] = _bytes_of(recording, node.name)
        most = max(most, sum(alive.values()))
        for name in node.inputs:
            if last[name] == node.name:
                alive.pop(name, None)
    return int(SLACK * (outside + most) / recording.n_examples) + 1


def _bytes_of(recording: Recording, name: str) -> int:
    """The bytes of a recorded value."""
    value = recording.values.get(name)
    parts = value if isinstance(value, (tuple, list)) else [value]
    return sum(part.numel() * part.element_size() for part in parts if isinstance(part, Tensor))
