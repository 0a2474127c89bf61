"""Pairs: measure single (unit, example) pairs, each row of a pass a pair of its own.

What an audit needs that spends its measurements where they tell most: not every unit on every
example. Slow twin: `measure`, which runs them all; both give the same up to rounding.
"""

import torch
from torch import Tensor

from neurodemon.engine.layout import require_units, take_units
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move, region_of, z_of
from neurodemon.engine.replay import Pass, Replay
from neurodemon.engine.trials import prove_clean
from neurodemon.errors import CaptureError
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.units import UnitBlock


def can_pair(recording: Recording) -> bool:
    """Whether single examples of a batch can be run; else a pass takes the whole batch."""
    return recording.can_fold or recording.is_alone or recording.n_examples == 1


def pairs_per_pass(recording: Recording, most: int, wanted: int) -> int:
    """Choose how many pairs a pass holds: a power of two, so that few shapes occur.

    Args:
        recording: the clean pass.
        most: how many may be held.
        wanted: how many there are.

    Returns:
        At least 1; 1 where the model runs its examples alone.
    """
    if recording.is_alone or not recording.can_fold:
        return 1
    return int(max(1, min(1 << (max(wanted, 1) - 1).bit_length(), 1 << (most.bit_length() - 1))))


def clean_costs(recording: Recording, block: UnitBlock, n_rows: int) -> Float[Tensor, " example"]:
    """Compute what each example costs in a pass of pairs without any change.

    Results of matrix products depend on their shape, so that pairs are compared with this, and
    not with the recorded cost.

    Args:
        recording: the clean pass.
        block: units of one site.
        n_rows: how many pairs a pass holds.

    Returns:
        The costs, float64, proved to be the recorded ones up to rounding.

    Raises:
        ReplayMismatchError: they are not.
    """
    exit_node = region_of(recording, block).exit
    found = []
    for first in range(0, recording.n_examples, n_rows):
        own = torch.arange(first, first + n_rows) % recording.n_examples
        replay = Replay(recording, exit_node, Pass.of_pairs(own.tolist()))
        cost = replay.cost_of(replay.environment[exit_node])
        prove_clean(replay, cost)
        found.append(cost[:, 0].double())
    return torch.cat(found)[: recording.n_examples]


def measure_pairs(  # noqa: PLR0913  # pairs, and what was made once for many of them
    recording: Recording,
    block: UnitBlock,
    rows: Int[Tensor, " pair"],
    examples: Int[Tensor, " pair"],
    *,
    dz: Float[Tensor, "example position coordinate"],
    clean: tuple[int, Float[Tensor, " example"]],
) -> Float[Tensor, " pair"]:
    """Measure the effect of a unit on an example, pair by pair.

    Args:
        recording: the clean pass over a batch.
        block: units of one site.
        rows: the unit of each pair, by its place in the block.
        examples: the example of each pair, by its place in the batch.
        dz: Δz of every unit of the site, from `nudge`; of directions Δc of the block's.
        clean: how many pairs a pass holds, and `clean_costs` of such a pass.

    Returns:
        cost after − cost before, float64.

    Raises:
        CaptureError: the graph runs whole batches only.
        UnitIndexError: the batch does not have one of the units.
    """
    if not can_pair(recording):
        raise CaptureError(
            "The graph runs batches of one size only, so that single examples cannot be "
            "measured; expected one that takes any number of examples. Measure whole units."
        )
    require_units(z_of(recording, block), block)
    carried = move(recording, block, dz)
    n_rows, reference = clean
    found = []
    for first in range(0, len(rows), n_rows):
        places = torch.arange(first, first + n_rows).clamp(max=len(rows) - 1)
        costs = _costs(recording, block, carried, (rows[places], examples[places]))
        n_own = min(n_rows, len(rows) - first)
        found.append(costs[:n_own] - reference[examples[first : first + n_own]])
    return torch.cat(found).cpu()


def _costs(
    recording: Recording, block: UnitBlock, carried: Move, pairs: tuple[Tensor, Tensor]
) -> Float[Tensor, " pair"]:
    """The cost of each pair of one pass, in float64."""
    rows, examples = pairs
    site = recording.graph.site_by_name[block.site.name]
    clean, moved = (
        take_units(value, block)[rows, examples].unsqueeze(1)
        for value in (carried.clean, carried.moved)
    )
    replay = Replay(recording, carried.exit, Pass.of_pairs(examples.tolist()))
    own = block.take(rows.numpy())
    return replay.cost_of_columns(site, (clean, moved), own)[:, 0].double()
