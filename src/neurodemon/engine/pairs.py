"""Pairs: measure single (unit, example) pairs, each row of a pass a pair of its own.

What an audit needs that spends its measurements where they tell most: not every unit on every
example. Slow twin: `measure`, which runs them all; both give the same up to rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from neurodemon.engine.descent import Descent
from neurodemon.engine.differences import find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import require_units, take_pairs
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move, move, z_of
from neurodemon.engine.replay import Replay
from neurodemon.engine.shortcuts import find_shortcut, group_examples, width_of
from neurodemon.engine.spans.groups import Groups
from neurodemon.engine.trials import prove_clean
from neurodemon.errors import CaptureError
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

STEP = 8  # between the sizes of passes
SMALLEST_PASS = 16  # pairs: less saves hardly anything
PARTS = (1, 2, 4)  # of a pass: what is left after whole ones is run in halves and quarters


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all passes of pairs of one block on one batch share.

    Attributes:
        n_rows: how many pairs a pass holds, on all positions.
        is_carried: whether changes are carried down by themselves, so that no cost is taken off.
        clean: by group of examples and size of pass, which examples they are, and what each
            example of the batch costs in such a pass without any change, float64.
    """

    n_rows: int
    is_carried: bool
    clean: dict[tuple[int | None, int], tuple[tuple[int, ...], Float[Tensor, " example"]]] = field(
        default_factory=dict
    )

    @property
    def n_clean(self) -> int:
        """How many examples were run without a change."""
        return sum(len(members) for members, _ in self.clean.values())


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
    """Begin what the passes of pairs of a block share.

    Args:
        recording: the clean pass.
        block: units of one site.
        n_rows: how many pairs a pass holds.

    Returns:
        What every pass of the block needs; clean costs are put there as they are asked for.
    """
    return Prepared(n_rows, find_descent(recording, block) is not None)


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
        ReplayMismatchError: a pass without any change does not give the recorded costs.
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
    way = _Way(recording, block, move(recording, block, dz), prepared)
    found = torch.zeros(len(rows), dtype=torch.float64)
    for group, size, places in way.passes(examples):
        filled = places[torch.arange(size).clamp(max=len(places) - 1)]
        shape = Pass.of_pairs(examples[filled].tolist(), group)
        costs = way.costs(rows[filled], shape)[: len(places)].cpu()
        found[places] = costs - way.reference(group, size)[examples[places]]
    return found


@dataclass(frozen=True, eq=False)
class _Way:
    """The units of a block, moved, and the way down from them, for some groups of examples."""

    recording: Recording
    block: UnitBlock
    carried: Move
    prepared: Prepared

    @property
    def site(self) -> Site:
        """The site, as this recording's graph has it."""
        return self.recording.graph.site_by_name[self.block.site.name]

    @cached_property
    def groups(self) -> Groups | None:
        """The examples by how many of their positions count."""
        return group_examples(self.recording, self.site, self.carried.exit)

    def passes(self, examples: Tensor) -> Iterator[tuple[int | None, int, Tensor]]:
        """Cut pairs into passes, those with few positions first: group, size, and which pairs."""
        if self.groups is None:
            sizes = self._sizes(None)
            for size, places in cut(torch.arange(len(examples)), sizes):
                yield None, size, places
            return
        of = torch.tensor(self.groups.of)[examples]
        waiting, last = torch.zeros(0, dtype=torch.long), len(self.groups.ends) - 1
        for group in range(last + 1):
            waiting = torch.cat([waiting, (of == group).nonzero()[:, 0]])
            sizes = self._sizes(group)
            n_left = len(waiting) % sizes[-1]
            if group < last and 2 * n_left < sizes[-1]:  # too few: they wait for longer ones
                ready, waiting = waiting[: len(waiting) - n_left], waiting[len(waiting) - n_left :]
            else:
                ready, waiting = waiting, waiting[:0]
            for size, places in cut(ready, sizes):
                yield group, size, places

    def _sizes(self, group: int | None) -> tuple[int, ...]:
        """How many pairs of a group a pass holds: a whole one, and parts of it if they pay."""
        size = self.prepared.n_rows
        if group is not None:
            course = find_shortcut(self.recording, self.site, self.carried.exit, group=group)
            size = max(1, int(size / width_of(course)))
        if len(self._members(group)) > 2 * size:  # their clean costs at one more size are dear
            return (size,)
        return tuple(dict.fromkeys(max(1, size // part) for part in PARTS))

    def _members(self, group: int | None) -> tuple[int, ...]:
        """The examples of a group."""
        if group is None or self.groups is None:
            return tuple(range(self.recording.n_examples))
        return self.groups.members(group)

    def costs(self, rows: Tensor, shape: Pass) -> Float[Tensor, " pair"]:
        """The cost of each pair of one pass, in float64."""
        examples = torch.as_tensor(shape.picks)
        clean, moved = (
            take_pairs(value, self.block, rows, examples).unsqueeze(1)
            for value in (self.carried.clean, self.carried.moved)
        )
        own = self.block.take(rows.numpy())
        return self._replay(shape).cost_of_columns(self.site, (clean, moved), own)[:, 0].double()

    def reference(self, group: int | None, size: int) -> Float[Tensor, " example"]:
        """What each example of a group costs in a pass of this size, without any change."""
        # Results of matrix products depend on their shape: pairs are compared with these costs,
        # which are proved to be the recorded ones up to rounding.
        kept, key = self.prepared.clean, (group, size)
        if key not in kept:
            members = self._members(group)
            costs = torch.zeros(self.recording.n_examples, dtype=torch.float64)
            for first in range(0, len(members), size):
                own = members[first : first + size]
                shape = Pass.of_pairs([own[min(at, len(own) - 1)] for at in range(size)], group)
                replay = self._replay(shape)
                cost = replay.cost_of(replay.clean)
                prove_clean(replay, cost)
                costs[list(own)] = cost[: len(own), 0].double().cpu()
            kept[key] = members, costs
        return kept[key][1]

    def _replay(self, shape: Pass) -> Replay:
        """The cone below the units, for one pass."""
        exit_node = self.carried.exit
        course = find_shortcut(self.recording, self.site, exit_node, group=shape.group)
        return Replay(self.recording, exit_node, shape, course)


def cut(places: Tensor, sizes: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
    """Cut pairs into passes of a few sizes, so that few rows of them are filled up.

    Args:
        places: of the pairs.
        sizes: how many a pass may hold, the largest first.

    Yields:
        The size of a pass, and its pairs; only the last pass can hold fewer than its size.
    """
    first = 0
    for size in sizes:
        is_last = size == sizes[-1]
        n = -(-(len(places) - first) // size) if is_last else (len(places) - first) // size
        for _ in range(n):
            yield size, places[first : first + size]
            first += size


def _carry_down(
    descent: Descent,
    block: UnitBlock,
    pairs: tuple[Tensor, Tensor],
    dz: Float[Tensor, "example position coordinate"],
    n_rows: int,
) -> Float[Tensor, " pair"]:
    """Measure by differences, where every operation on the way to the cost has one."""
    found, n_rows = [], descent.pairs_at_once(n_rows)
    for rows, examples in zip(*(torch.split(one, n_rows) for one in pairs), strict=True):
        change = take_pairs(dz, block, rows, examples).unsqueeze(1)
        shape = Pass.of_pairs(examples.tolist())
        found.append(descent.effects(change, block.take(rows.numpy()), shape)[:, 0])
    return torch.cat(found).cpu()
