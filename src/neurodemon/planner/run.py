"""Run a plan: measure its chunks one after the other, a stream of effects per example."""

from collections.abc import Callable, Container, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.engine.measure import measure
from neurodemon.engine.memory import memory_told
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import find_region
from neurodemon.engine.trials import PassSize
from neurodemon.planner.plan import Chunk, Plan
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

LARGER_ROW = 4  # one row may hold so many times more: products are faster on many examples, but
# not on many rows, which are tiled first (measured: benchmarks/sweep.py, docs/performance.md)

Nudge = Callable[[UnitBlock, int], Tensor]  # (units, number of the batch) → Δz, canonical


def run(
    plan: Plan, recordings: Sequence[Recording], nudge: Nudge, *, done: Container[int] = ()
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Measure the chunks that are not done yet.

    Args:
        plan: the plan.
        recordings: one per batch.
        nudge: Δz of every unit of a block's site, for one batch.
        done: numbers of chunks to leave out.

    Yields:
        The number of a chunk and its effects, float64 of shape (example, unit).
    """
    for number, chunk in enumerate(plan.chunks):
        if number not in done:
            yield number, _measure_chunk(plan, chunk, recordings, nudge)


def pass_size(recording: Recording, site: Site, numbers_per_pass: int) -> PassSize:
    """Choose how many examples and rows fit one pass, from the widest value below a site.

    Args:
        recording: the clean pass.
        site: where the demon sits.
        numbers_per_pass: how many numbers the widest value may hold.

    Returns:
        The size of a pass: at least one example and one row.
    """
    graph, n_examples = recording.graph, recording.n_examples
    exit_node = find_region(graph, site.node, recording.values).exit
    names = [exit_node, *(node.name for node in graph.below(exit_node))]
    values = [recording.values[name] for name in names if name in recording.values]
    numbers = [value.numel() for value in values if isinstance(value, Tensor)]
    width = max(1, max(numbers, default=1) // n_examples)
    examples = max(1, min(n_examples, LARGER_ROW * numbers_per_pass // width))
    return PassSize(examples, max(1, numbers_per_pass // (width * examples)))


def _measure_chunk(
    plan: Plan, chunk: Chunk, recordings: Sequence[Recording], nudge: Nudge
) -> NDArray[np.float64]:
    """Measure one chunk on all batches."""
    block = plan.block_of(chunk)
    parts = []
    for place in range(len(recordings)):
        recording = recordings[place]
        size = pass_size(
            recording, recording.graph.site_by_name[block.site.name], plan.numbers_per_pass
        )
        doing = f"measuring {len(block)} units at {block.site.name!r} on {size.examples} examples"
        with memory_told(doing):
            effects = measure(recording, block, nudge(block, place), size)
        parts.append(effects.numpy())
    return np.concatenate(parts)
