"""Pairs: measure single (unit, example) pairs, each row of a pass a pair of its own.

What an audit needs that spends its measurements where they tell most: not every unit on every
example. Slow twin: `measure`, which runs them all; both give the same up to rounding.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from neurodemon.engine.differences import Descent, find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import require_units, take_pairs
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move, region_of, z_of
from neurodemon.engine.replay import Replay
from neurodemon.engine.shortcuts import find_shortcut
from neurodemon.engine.trials import prove_clean
from neurodemon.errors import CaptureError
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.units import UnitBlock

STEP = 8  # between the sizes of passes
SMALLEST_PASS = 16  # pairs: less saves hardly anything


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all passes of pairs of one block on one batch share.

    Attributes:
        n_rows: how many pairs a pass holds.
        clean: the cost of each example in such a pass without any change, float64; None where
            changes are carried down by themselves.
    """

    n_rows: int
    clean: Float[Tensor, " example"] | None


def can_pair(recording: Recording) -> bool:
    """Whether single examples of a batch can be run; else a pass takes the whole batch."""
    return recording.can_fold or recording.is_alone or recording.n_examples == 1


def pairs_per_pass(recording: Recording, most: int, wanted: int) -> int:
    """Choose how many pairs a pass holds, of few sizes, since each wants its own clean costs.

    Args:
        recording: the clean pass.
        most: how many may be held.
        wanted: how many there are.

    Returns:
        At least 1; 1 where the model runs its examples alone.
    """
    if recording.is_alone or not recording.can_fold:
        return 1
    size = max(1, most)
    while size > SMALLEST_PASS and size >= STEP * wanted:
        size //= STEP
    return size


def prepare_pairs(recording: Recording, block: UnitBlock, n_rows: int) -> Prepared:
    """Compute what each example costs in a pass of pairs, without any change.

    Results of matrix products depend on their shape, so that pairs are compared with these costs,
    and not with the recorded ones.

    Args:
        recording: the clean pass.
        block: units of one site.
        n_rows: how many pairs a pass holds.

    Returns:
        What every pass of the block needs; its costs are proved to be the recorded ones.

    Raises:
        ReplayMismatchError: they are not.
    """
    if find_descent(recording, block) is not None:
        return Prepared(n_rows, None)
    exit_node = region_of(recording, block).exit
    site = recording.graph.site_by_name[block.site.name]
    course = find_shortcut(recording, site, exit_node)
    found = []
    for start in range(0, recording.n_examples, n_rows):
        own = torch.arange(start, start + n_rows) % recording.n_examples
        replay = Replay(recording, exit_node, Pass.of_pairs(own.tolist()), course)
        cost = replay.cost_of(replay.clean)
        prove_clean(replay, cost)
        found.append(cost[:, 0].double())
    return Prepared(n_rows, torch.cat(found)[: recording.n_examples])


def measure_pairs(  # noqa: PLR0913  # pairs, and what was made once for many of them
    recording: Recording,
    block: UnitBlock,
    rows: Int[Tensor, " pair"],
    examples: Int[Tensor, " pair"],
    *,
    dz: Float[Tensor, "example position coordinate"],
    prepared: Prepared,
) -> Float[Tensor, " pair"]:
    """Measure the effect of a unit on an example, pair by pair.

    Args:
        recording: the clean pass over a batch.
        block: units of one site.
        rows: the unit of each pair, by its place in the block.
        examples: the example of each pair, by its place in the batch.
        dz: Δz of every unit of the site, from `nudge`; of directions Δc of the block's.
        prepared: from `prepare_pairs`.

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
    descent = find_descent(recording, block)
    if descent is not None:
        return _carry_down(descent, block, (rows, examples), dz, prepared.n_rows)
    carried = move(recording, block, dz)
    n_rows, reference = prepared.n_rows, cast("Tensor", prepared.clean)
    found = []
    for first in range(0, len(rows), n_rows):
        places = torch.arange(first, first + n_rows).clamp(max=len(rows) - 1)
        pairs = (rows[places], examples[places])
        costs = _costs(recording, block, carried, pairs)
        n_own = min(n_rows, len(rows) - first)
        found.append(costs[:n_own] - reference[examples[first : first + n_own]])
    return torch.cat(found).cpu()


def _carry_down(
    descent: Descent,
    block: UnitBlock,
    pairs: tuple[Tensor, Tensor],
    dz: Float[Tensor, "example position coordinate"],
    n_rows: int,
) -> Float[Tensor, " pair"]:
    """Measure by differences, where every operation on the way to the cost has one."""
    found = []
    for rows, examples in zip(*(torch.split(one, n_rows) for one in pairs), strict=True):
        change = take_pairs(dz, block, rows, examples).unsqueeze(1)
        shape = Pass.of_pairs(examples.tolist())
        found.append(descent.effects(change, block.take(rows.numpy()), shape)[:, 0])
    return torch.cat(found).cpu()


def _costs(
    recording: Recording,
    block: UnitBlock,
    carried: Move,
    pairs: tuple[Tensor, Tensor],
) -> Float[Tensor, " pair"]:
    """The cost of each pair of one pass, in float64."""
    rows, examples = pairs
    site = recording.graph.site_by_name[block.site.name]
    clean, moved = (
        take_pairs(value, block, rows, examples).unsqueeze(1)
        for value in (carried.clean, carried.moved)
    )
    course = find_shortcut(recording, site, carried.exit)
    replay = Replay(recording, carried.exit, Pass.of_pairs(examples.tolist()), course)
    own = block.take(rows.numpy())
    return replay.cost_of_columns(site, (clean, moved), own)[:, 0].double()
