"""Measure: do what the demon would do, for every unit of a block, and read the cost.

Per example and unit: cost with the unit nudged − cost of a clean row of the same pass shape,
since results of matrix products depend on their shape. Nothing is averaged here.
"""

import torch
from torch import Tensor

from neurodemon.engine.differences import Descent, find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import require_units, take_units
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
        return _carry_down(descent, recording, block, dz)
    carried = move(recording, block, dz)
    clean, moved = take_units(carried.clean, block), take_units(carried.moved, block)
    found = []
    for shape in cut_passes(recording, size, len(block)):
        here = slice(shape.start, shape.stop)
        trials = Trials(recording, carried.exit, shape, block, clean[:, here])
        found.append(trials.effects(moved[:, here], block))
    return torch.cat(found, dim=1).T.cpu()


def _carry_down(
    descent: Descent,
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position coordinate"],
) -> Float[Tensor, "example row"]:
    """Measure by differences, where every operation on the way to the cost has one."""
    change = take_units(dz, block)
    n_examples = descent.examples_at_once(recording.n_examples)
    found = change.new_empty(recording.n_examples, len(block), dtype=torch.float64)
    for start in range(0, recording.n_examples, n_examples):
        stop = min(start + n_examples, recording.n_examples)
        shape = Pass(start, stop, len(block))
        found[start:stop] = descent.effects(change[:, start:stop], block, shape).T
    return found.cpu()
