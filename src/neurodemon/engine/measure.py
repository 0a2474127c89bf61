"""Measure: do what the demon would do, for every unit of a block, and read the cost.

Per example and unit: cost with the unit nudged − cost of a clean row of the same pass shape,
since results of matrix products depend on their shape. Nothing is averaged here.
"""

from typing import cast

import torch
from torch import Tensor

from neurodemon.engine.descent import Descent
from neurodemon.engine.differences import find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import require_units, take_units
from neurodemon.engine.local import measure_locally
from neurodemon.engine.pairs import Prepared, measure_pairs, pairs_per_pass, prepare_pairs
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move, z_of
from neurodemon.engine.trials import PassSize, Trials, cut_passes
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

ALIVE = 0.65  # of all pairs of unit and example: where no more change, they are run alone


def measure(
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position coordinate"],
    size: PassSize,
) -> Float[Tensor, "example row"]:
    """Measure the effect of every unit of a block on every example of a batch.

    Args:
        recording: the clean pass over the batch.
        block: units of one site.
        dz: Δz of every unit of the site, from `nudge`; of directions Δc of the block's.
        size: how much one pass may hold; ignored where the graph fixes its batch size.

    Returns:
        cost after − cost before, float64, the columns in the order of the block.

    Raises:
        ReplayMismatchError: a clean row does not give the recorded cost.
        UnitIndexError: the batch does not have one of the units.
    """
    require_units(z_of(recording, block), block)
    descent = find_descent(recording, block)
    if descent is not None:
        return _carry_down(descent, recording, block, dz, size.numbers)
    carried = move(recording, block, dz)
    found = _measure_alive(recording, block, carried, dz, size)
    return _run_states(recording, block, carried, size) if found is None else found


def _run_states(
    recording: Recording, block: UnitBlock, carried: Move, size: PassSize
) -> Float[Tensor, "example row"]:
    """Measure by whole states, each unit on all examples."""
    found = measure_locally(recording, carried, block, size)
    if found is not None:
        return found
    clean, moved = take_units(carried.clean, block), take_units(carried.moved, block)
    site = recording.graph.site_by_name[block.site.name]
    effects = torch.zeros(recording.n_examples, len(block), dtype=torch.float64)
    for shape in cut_passes(recording, size, len(block), site, carried.exit):
        here = shape.examples
        trials = Trials(recording, carried.exit, shape, block, clean[:, here])
        effects[here] = trials.effects(moved[:, here], block).T.cpu()
    return effects


def _measure_alive(
    recording: Recording,
    block: UnitBlock,
    carried: Move,
    dz: Float[Tensor, "example position coordinate"],
    size: PassSize,
) -> Float[Tensor, "example row"] | None:
    """Measure the pairs of unit and example that change, where they are few; else None."""
    if block.kind == "direction" or recording.graph.whole is not None:
        return None
    alive = take_units(carried.clean, block) != take_units(carried.moved, block)
    alive = alive.flatten(2).any(2).cpu()
    rows, examples = alive.nonzero(as_tuple=True)
    if len(rows) > ALIVE * alive.numel():
        return None
    found = torch.zeros(recording.n_examples, len(block), dtype=torch.float64)
    if block.is_everywhere and recording.can_fold and len(rows):
        n_rows = pairs_per_pass(recording, size.rows * size.examples, len(rows))
        prepared = _prepared(recording, block, n_rows)
        own = measure_pairs(recording, block, rows, examples, dz=dz, prepared=prepared)
        found[examples, rows] = own
    elif len(rows):
        own_rows = torch.unique(rows)
        own_block = block.take(own_rows.numpy())
        found[:, own_rows] = _run_states(recording, own_block, carried, size)
    return found


def _prepared(recording: Recording, block: UnitBlock, n_rows: int) -> Prepared:
    """What passes of pairs share, kept for all chunks; a foreign cost may have changed."""
    kept = {} if recording.graph.is_foreign else recording.kept
    key = ("pairs", block.site.name, block.kind, n_rows)
    if key not in kept:
        kept[key] = prepare_pairs(recording, block, n_rows)
    return cast("Prepared", kept[key])


def _carry_down(
    descent: Descent,
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position coordinate"],
    numbers: int,
) -> Float[Tensor, "example row"]:
    """Measure by differences, where every operation on the way to the cost has one."""
    change = take_units(dz, block)
    n_examples = descent.examples_at_once(recording.n_examples, numbers)
    rows = descent.rows_at_once(n_examples, numbers)
    found = change.new_empty(recording.n_examples, len(block), dtype=torch.float64)
    for start in range(0, recording.n_examples, n_examples):
        here = slice(start, min(start + n_examples, recording.n_examples))
        for first in range(0, len(block), rows):
            own = slice(first, min(first + rows, len(block)))
            shape = Pass(here.start, here.stop, own.stop - own.start)
            own_change = change[own, here]
            found[here, own] = descent.effects(own_change, block[own], shape, numbers).T
    return found.cpu()
