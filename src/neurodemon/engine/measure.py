"""Measure: do what the demon would do, for every unit of a block, and read the cost.

Per example and unit: cost with the unit nudged − cost of a clean row of the same pass shape,
since results of matrix products depend on their shape. Nothing is averaged here.
"""

import torch
from torch import Tensor

from neurodemon.engine.differences import Descent, find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import require_units, take_units
from neurodemon.engine.local import measure_locally
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import move, z_of
from neurodemon.engine.trials import PassSize, Trials, cut_passes
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock


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
