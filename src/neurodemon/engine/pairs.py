"""Pairs: measure single (unit, example) pairs, each row of a pass a pair of its own.

What an audit needs that spends its measurements where they tell most: not every unit on every
example. Slow twin: `measure`, which runs them all; both give the same up to rounding.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.engine.layout import require_units, take_pairs
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move, region_of, z_of
from neurodemon.engine.replay import Pass, Replay, fold_values
from neurodemon.engine.trials import prove_clean
from neurodemon.errors import CaptureError
from neurodemon.graph.node import Node
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.units import UnitBlock

STEP = 8  # between the sizes of passes
SMALLEST_PASS = 16  # pairs: less saves hardly anything
ROUNDOFFS = 64.0  # of the largest value: how far the same value may be off, computed again


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all passes of pairs of one block on one batch share.

    Attributes:
        n_rows: how many pairs a pass holds.
        clean: the cost of each example in such a pass without any change, float64.
        picked: nodes whose values may be picked example by example.
    """

    n_rows: int
    clean: Float[Tensor, " example"]
    picked: frozenset[str]


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


def prove_picks(recording: Recording, source: str, names: Iterable[str]) -> frozenset[str]:
    """Find which values below a source may be picked example by example instead of computed again.

    Where a model counts its examples or mixes them, values must be computed anew for a pass of
    other examples, and all that follows as well. Most of them come out as the recorded values of
    the examples picked; that is tried here, on a pass of another size with repeats.

    Args:
        recording: the clean pass.
        source: where demons sit.
        names: the nodes whose values are wanted.

    Returns:
        The nodes that came out so, up to rounding.
    """
    graph, values = recording.graph, recording.values
    unsure = {name for name in names if graph[name].folding == "recompute"}
    if not unsure or not recording.can_fold:
        return frozenset()
    chance = torch.Generator().manual_seed(len(source))
    picks = torch.randint(recording.n_examples, (recording.n_examples + 3,), generator=chance)
    again = fold_values(recording, unsure, Pass.of_pairs(picks.tolist()))
    return frozenset(
        name for name in unsure if _is_picked(values[name], graph[name], again[name], picks)
    )


def _is_picked(recorded: object, node: Node, again: object, picks: Tensor) -> bool:
    """Whether a value computed again is that of the examples picked, up to rounding."""
    axis = node.example_axis
    if not (isinstance(recorded, Tensor) and isinstance(again, Tensor)) or axis is None:
        return False
    expected = recorded.index_select(axis, picks.to(recorded.device))
    if expected.shape != again.shape:
        return False
    if not expected.is_floating_point():
        return torch.equal(expected, again)
    is_number = expected.isfinite()
    if not torch.equal(is_number, again.isfinite()):
        return False
    off = (expected - again)[is_number].abs()
    size = expected[is_number].abs().amax() if off.numel() else off.new_zeros(())
    return bool((off <= ROUNDOFFS * torch.finfo(expected.dtype).eps * size).all())


def prepare_pairs(recording: Recording, block: UnitBlock, n_rows: int) -> Prepared:
    """Prove what may be picked, and compute what each example costs in a pass of pairs.

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
    exit_node = region_of(recording, block).exit
    first = Replay(recording, exit_node, Pass.of_pairs([0]))
    rules = first.rules(recording.graph.site_by_name[block.site.name])
    picked = prove_picks(recording, exit_node, {exit_node, *first.outside, *rules})
    found = []
    for start in range(0, recording.n_examples, n_rows):
        own = torch.arange(start, start + n_rows) % recording.n_examples
        replay = Replay(recording, exit_node, Pass.of_pairs(own.tolist()), picked)
        cost = replay.cost_of(replay.clean)
        prove_clean(replay, cost)
        found.append(cost[:, 0].double())
    return Prepared(n_rows, torch.cat(found)[: recording.n_examples], picked)


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
    carried = move(recording, block, dz)
    n_rows, reference = prepared.n_rows, prepared.clean
    found = []
    for first in range(0, len(rows), n_rows):
        places = torch.arange(first, first + n_rows).clamp(max=len(rows) - 1)
        pairs = (rows[places], examples[places])
        costs = _costs(recording, block, carried, pairs, picked=prepared.picked)
        n_own = min(n_rows, len(rows) - first)
        found.append(costs[:n_own] - reference[examples[first : first + n_own]])
    return torch.cat(found).cpu()


def _costs(
    recording: Recording,
    block: UnitBlock,
    carried: Move,
    pairs: tuple[Tensor, Tensor],
    *,
    picked: frozenset[str],
) -> Float[Tensor, " pair"]:
    """The cost of each pair of one pass, in float64."""
    rows, examples = pairs
    site = recording.graph.site_by_name[block.site.name]
    clean, moved = (
        take_pairs(value, block, rows, examples).unsqueeze(1)
        for value in (carried.clean, carried.moved)
    )
    replay = Replay(recording, carried.exit, Pass.of_pairs(examples.tolist()), picked)
    own = block.take(rows.numpy())
    return replay.cost_of_columns(site, (clean, moved), own)[:, 0].double()
