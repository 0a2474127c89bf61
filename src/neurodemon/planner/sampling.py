"""Run single (unit, example) pairs, wherever in the batches they are: a stream of effects.

The pairs are those that a judge asked for; here they are only put into passes. What a pair's
effect is does not depend on which others are run beside it, up to rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from neurodemon.engine.pairs import Prepared, measure_pairs, pairs_per_pass, prepare_pairs
from neurodemon.engine.recording import Recording
from neurodemon.engine.room import Room
from neurodemon.engine.trials import PassSize
from neurodemon.planner.plan import NUMBERS_PER_PASS
from neurodemon.planner.run import Nudge
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.units import UnitBlock, UnitSet

PAIRS_PER_PIECE = 1024  # measured between two reports of progress, unless one pass holds more


@dataclass(frozen=True, eq=False)
class Pairs:
    """Units and examples to measure, one of each a pair.

    Attributes:
        units: each pair's unit, by its place in the set.
        examples: each pair's example, counted over all batches.
    """

    units: Int[np.ndarray, " pair"]
    examples: Int[np.ndarray, " pair"]

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.units)


@dataclass(frozen=True, eq=False)
class Piece:
    """Pairs of one block and one batch.

    Attributes:
        block: the number of the block in the set of units.
        batch: the number of the batch.
        places: which pairs of all these are.
        rows: their units, by place in the block.
        examples: their examples, by place in the batch.
    """

    block: int
    batch: int
    places: NDArray[np.int64]
    rows: NDArray[np.int64]
    examples: NDArray[np.int64]


def cut_pairs(
    units: UnitSet, pairs: Pairs, batch_sizes: Sequence[int], most: int = PAIRS_PER_PIECE
) -> Iterator[Piece]:
    """Put pairs into pieces, batch by batch and block by block.

    Args:
        units: the set of units.
        pairs: of its units and of the examples of all batches.
        batch_sizes: how many examples each batch holds.
        most: how many pairs a piece holds at most.

    Yields:
        The pieces; together they hold each pair once.
    """
    starts = np.cumsum([0, *batch_sizes])
    firsts = np.cumsum([0, *(len(block) for block in units.blocks)])
    batches = np.searchsorted(starts, pairs.examples, side="right") - 1
    blocks = np.searchsorted(firsts, pairs.units, side="right") - 1
    order = np.lexsort((pairs.examples, pairs.units, blocks, batches))
    keys = np.stack([batches[order], blocks[order]])
    changes = np.flatnonzero((np.diff(keys, axis=1) != 0).any(0)) + 1
    for group in np.split(order, changes):
        for first in range(0, len(group), most):
            places = group[first : first + most]
            block, batch = int(blocks[places[0]]), int(batches[places[0]])
            rows = pairs.units[places] - firsts[block]
            yield Piece(block, batch, places, rows, pairs.examples[places] - starts[batch])


@dataclass(frozen=True, eq=False)
class PairRunner:
    """Runs pairs, and keeps the clean costs that they are compared with.

    Attributes:
        units: the set of units.
        recordings: one per batch.
        nudge: Δz of every unit of a block's site, for one batch.
        batch_sizes: how many examples each batch holds.
        room: how much memory may be taken.
    """

    units: UnitSet
    recordings: Sequence[Recording]
    nudge: Nudge
    batch_sizes: Sequence[int]
    room: Room = field(default_factory=Room)
    _prepared: dict[tuple[int, int, int], Prepared] = field(default_factory=dict)
    _sizes: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def clean_runs(self) -> dict[int, int]:
        """How many examples were run without a change, by the number of the block."""
        counts: dict[int, int] = {}
        for (block, _, _), prepared in self._prepared.items():
            if prepared.n_clean:
                counts[block] = counts.get(block, 0) + prepared.n_clean
        return counts

    def run(self, pairs: Pairs) -> Iterator[tuple[NDArray[np.int64], Float[np.ndarray, " _"]]]:
        """Measure pairs.

        Args:
            pairs: what to measure.

        Yields:
            Which pairs were measured, and their effects, float64.
        """
        most = max(PAIRS_PER_PIECE, *(self._pass_size(block, 0) for block in self.units.blocks))
        for piece in cut_pairs(self.units, pairs, self.batch_sizes, most):
            block = self.units.blocks[piece.block]
            recording = self.recordings[piece.batch]
            site = recording.graph.site_by_name[block.site.name]
            doing = f"measuring {len(piece.places)} pairs at {site.name!r}"
            work = partial(self._measure, piece, block)
            yield piece.places, self.room.run(doing, recording, site, NUMBERS_PER_PASS, work)

    def _measure(self, piece: Piece, block: UnitBlock, size: PassSize) -> NDArray[np.float64]:
        """Measure one piece."""
        recording = self.recordings[piece.batch]
        most = size.examples * size.rows
        n_rows = pairs_per_pass(recording, most, len(piece.places))
        key = (piece.block, piece.batch, n_rows)
        if key not in self._prepared:
            self._prepared[key] = prepare_pairs(recording, block, n_rows)
        effects = measure_pairs(
            recording,
            block,
            torch.as_tensor(piece.rows),
            torch.as_tensor(piece.examples),
            dz=self.nudge(block, piece.batch),
            prepared=self._prepared[key],
        )
        return np.asarray(effects.numpy())

    def _pass_size(self, block: UnitBlock, batch: int) -> int:
        """How many pairs of a block and a batch one pass may hold."""
        key = (block.site.name, batch)
        if key not in self._sizes:
            recording = self.recordings[batch]
            site = recording.graph.site_by_name[block.site.name]
            size = self.room.pass_size(recording, site, NUMBERS_PER_PASS)
            self._sizes[key] = size.examples * size.rows
        return self._sizes[key]
