"""Run a plan: measure its chunks one after the other, a stream of effects per example."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.engine.measure import measure
from neurodemon.engine.memory import give_back
from neurodemon.engine.recording import Recording
from neurodemon.engine.room import Room
from neurodemon.engine.trials import PassSize
from neurodemon.planner.plan import Chunk, Plan
from neurodemon.terms.units import UnitBlock

Nudge = Callable[[UnitBlock, int], Tensor]  # (units, number of the batch) → Δz, canonical


def run(
    plan: Plan,
    recordings: Sequence[Recording],
    nudge: Nudge,
    *,
    done: Container[int] = (),
    room: Room | None = None,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Measure the chunks that are not done yet.

    Args:
        plan: the plan.
        recordings: one per batch.
        nudge: Δz of every unit of a block's site, for one batch.
        done: numbers of chunks to leave out.
        room: how much memory may be taken; None for as much as there is.

    Yields:
        The number of a chunk and its effects, float64 of shape (example, unit).
    """
    latest, room = None, room or Room()
    for number, chunk in enumerate(plan.chunks):
        if number not in done:
            if latest not in {None, chunk.block}:
                give_back()
            latest = chunk.block
            yield number, _measure_chunk(plan, chunk, recordings, nudge, room)


def _measure_chunk(
    plan: Plan, chunk: Chunk, recordings: Sequence[Recording], nudge: Nudge, room: Room
) -> NDArray[np.float64]:
    """Measure one chunk on all batches."""
    block = plan.block_of(chunk)
    doing = f"measuring {len(block)} units at {block.site.name!r}"
    parts = []
    for place in range(len(recordings)):
        recording = recordings[place]
        site = recording.graph.site_by_name[block.site.name]
        work = partial(_measure_batch, recording, block, place, nudge)
        parts.append(room.run(doing, recording, site, plan.numbers_per_pass, work).numpy())
    return np.concatenate(parts)


def _measure_batch(
    recording: Recording, block: UnitBlock, place: int, nudge: Nudge, size: PassSize
) -> Tensor:
    """Measure units on one batch, in passes of a size."""
    return measure(recording, block, nudge(block, place), size)
