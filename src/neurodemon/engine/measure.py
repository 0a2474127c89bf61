"""Measure: do what the demon would do, for every unit of a block, and read the cost.

Per example and unit: cost with the unit nudged − cost of a clean row of the same pass shape,
since results of matrix products depend on their shape. Nothing is averaged here.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neurodemon.engine.layout import require_units
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move
from neurodemon.engine.replay import Pass, Replay
from neurodemon.errors import ReplayMismatchError
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

CLEAN_IN_FLOORS = 64.0  # how far a clean row may be from the recorded cost, in noise floors


@dataclass(frozen=True)
class PassSize:
    """How much one pass holds.

    Attributes:
        examples: examples at a time.
        rows: nudged copies of them at a time.
    """

    examples: int
    rows: int


def measure(
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position unit"],
    size: PassSize,
) -> Float[Tensor, "example row"]:
    """Measure the effect of every unit of a block on every example of a batch.

    Args:
        recording: the clean pass over the batch.
        block: units of one site.
        dz: Δz of every unit of the site, from `nudge`.
        size: how much one pass may hold; ignored where the graph fixes its batch size.

    Returns:
        cost after − cost before, float64, the columns in the order of the block.

    Raises:
        ReplayMismatchError: a clean row does not give the recorded cost.
        UnitIndexError: the batch does not have one of the units.
    """
    site = recording.graph.site_by_name[block.site.name]
    carried = move(recording, site, dz)
    require_units(carried.clean, block)
    n_examples = recording.n_examples
    if not recording.can_fold:
        size = PassSize(n_examples, 1)
    effects = torch.empty(n_examples, len(block), dtype=torch.float64)
    for start in range(0, n_examples, size.examples):
        stop = min(start + size.examples, n_examples)
        piece = replace(carried, clean=carried.clean[start:stop], moved=carried.moved[start:stop])
        rows = min(size.rows, len(block))
        replay = Replay(recording, carried.exit, Pass(start, stop, rows))
        effects[start:stop] = _measure_examples(replay, block, piece)
    return effects


def _measure_examples(replay: Replay, block: UnitBlock, piece: Move) -> Tensor:
    """Measure all units of a block on the examples of one pass shape."""
    site = replay.recording.graph.site_by_name[block.site.name]
    rows = replay.shape.rows
    clean = replay.cost_of_columns(site, (piece.clean, piece.clean), _padded(block[:rows], rows))
    _prove_clean(replay, clean)
    found = []
    for first in range(0, len(block), rows):
        part = block[first : first + rows]
        costs = replay.cost_of_columns(site, (piece.clean, piece.moved), _padded(part, rows))
        found.append((costs.double() - clean.double())[: len(part)])
    return torch.cat(found).T.cpu()


def _padded(block: UnitBlock, rows: int) -> UnitBlock:
    """Fill a block up to a number of rows by repeating its first unit: one shape for all."""
    missing = rows - len(block)
    if not missing:
        return block
    take = torch.arange(rows).clamp(max=len(block) - 1).numpy()
    return UnitBlock(block.site, block.kind, block.indices[take], block.positions[take])


def _prove_clean(replay: Replay, clean: Float[Tensor, "row example"]) -> None:
    """Raise unless the clean rows give the recorded cost, up to rounding."""
    shape, recording = replay.shape, replay.recording
    recorded = recording.cost[shape.start : shape.stop].double()
    floor = recording.noise_floor[shape.start : shape.stop]
    off = (clean.double() - recorded).abs()
    is_wrong = off > CLEAN_IN_FLOORS * floor
    if bool(is_wrong.any()):
        raise ReplayMismatchError(
            f"Replayed below {replay.source!r} without any change, {int(is_wrong.sum())} of "
            f"{is_wrong.numel()} costs differ from the recorded ones, by up to "
            f"{float(off.max()):.3g}; expected equality up to rounding "
            f"({float(floor.max()):.1g}). The model treats its examples by their place in the "
            "batch, or is not deterministic: run nd.check(subject)."
        )
