"""Trials: a block of units on some examples, ready to be moved again and again.

What a pass needs is folded once and its clean cost computed once, from a row of the same pass
shape, since results of matrix products depend on their shape. Nothing is averaged here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.recording import Recording
from neurodemon.engine.replay import Column, Replay
from neurodemon.engine.shortcuts import find_shortcut, group_examples, width_of
from neurodemon.errors import ReplayMismatchError
from neurodemon.terms.shapes import Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

LARGER_ROW = 4  # one row may hold so many times more: products are faster on many examples, but
# not on many rows, which are tiled first (measured: benchmarks/sweep.py, docs/performance.md)
CLEAN = "clean costs"  # where a recording keeps them
CLEAN_IN_FLOORS = 64.0  # how far a clean row may be from the recorded cost, in noise floors


@dataclass(frozen=True)
class PassSize:
    """How much one pass holds.

    Attributes:
        examples: examples at a time.
        rows: nudged copies of them at a time.
        numbers: that the widest value may hold, where both do not say it: of changes.
        most: examples × rows, where all rows are short; None for those of both.
    """

    examples: int
    rows: int
    numbers: int = 1 << 20
    most: int | None = None


def cut_passes(
    recording: Recording, size: PassSize, most_rows: int, site: Site, source: str
) -> Iterator[Pass]:
    """Cut a recording's examples into passes, those with few positions apart.

    Args:
        recording: the clean pass.
        size: how much one pass may hold; ignored where the graph fixes its batch size.
        most_rows: how many rows there are to fill at all.
        site: of the units.
        source: the node that changes, of the site's layout.

    Yields:
        The passes; together they hold each example once.
    """
    groups = group_examples(recording, site, source)
    if groups is not None:
        for group in range(len(groups.ends)):
            width = width_of(find_shortcut(recording, site, source, group=group))
            yield from _cut_group(groups.own(group), group, size, width, most_rows)
        return
    n_examples = recording.n_examples
    examples, rows = (size.examples, size.rows) if recording.can_fold else (n_examples, 1)
    examples = 1 if recording.is_alone else examples
    for start in range(0, n_examples, examples):
        yield Pass(start, min(start + examples, n_examples), min(rows, most_rows))


def _cut_group(
    own: tuple[int, ...], group: int, size: PassSize, width: float, most_rows: int
) -> Iterator[Pass]:
    """Cut a group's examples into passes, which are so much narrower than those of whole states."""
    room = max(1, int((size.most or size.examples * size.rows) / width))
    rows = int((size.most / LARGER_ROW if size.most else size.examples * size.rows) / width)
    for first in range(0, len(own), room):
        part = own[first : first + room]
        n_passes = -(-most_rows // max(1, rows // len(part)))
        yield Pass.of_examples(part, -(-most_rows // n_passes), group)  # filled alike


@dataclass(frozen=True, eq=False)
class Trials:
    """The units of a block on the examples of one pass.

    Attributes:
        recording: the clean pass.
        exit: the node at which the changes of the units enter the rest of the model.
        shape: which examples, and how many rows at a time.
        block: the units.
        clean: their own clean numbers there, of the pass's examples.
    """

    recording: Recording
    exit: str
    shape: Pass
    block: UnitBlock
    clean: Column

    @cached_property
    def replay(self) -> Replay:
        """The cone below the exit, with all it reads folded once."""
        course = find_shortcut(self.recording, self.site, self.exit, group=self.shape.group)
        return Replay(self.recording, self.exit, self.shape, course)

    @cached_property
    def site(self) -> Site:
        """The site, as this recording's graph has it."""
        return self.recording.graph.site_by_name[self.block.site.name]

    @cached_property
    def clean_cost(self) -> Float[Tensor, "row example"]:
        """The cost of rows without a change, proved to be the recorded one; kept for all chunks."""
        is_foreign = self.recording.graph.is_foreign  # then proved anew: it may have changed
        kept = {} if is_foreign else self.recording.kept.setdefault(CLEAN, {})
        key = (self.exit, self.site.name, self.block.kind, self.shape)
        if key not in kept:
            rows = self.shape.rows
            own, block = _padded(self.clean[:rows], rows), _padded_block(self.block, rows)
            cost = self.replay.cost_of_columns(self.site, (own, own), block)
            prove_clean(self.replay, cost)
            kept[key] = cost.double()
        return cast("Tensor", kept[key])

    def effects(self, moved: Column, block: UnitBlock) -> Float[Tensor, "row example"]:
        """Measure what rows of moved units do to the cost.

        Args:
            moved: the units' own numbers, moved; as many rows as the block repeated has.
            block: the unit of each row: this block, or several times this block in a row.

        Returns:
            cost after − cost before, float64.
        """
        firsts = range(0, len(block), self.shape.rows)
        return torch.cat([self._effects(moved, block, first) for first in firsts])

    def _effects(self, moved: Column, block: UnitBlock, first: int) -> Tensor:
        """Measure one pass of rows, filled up to the shape of all."""
        rows = self.shape.rows
        part = block[first : first + rows]
        repeats = torch.arange(first, first + len(part)) % len(self.block)
        own = _padded(self.clean[repeats.to(self.clean.device)], rows)
        changed = _padded(moved[first : first + rows], rows)
        costs = self.replay.cost_of_columns(self.site, (own, changed), _padded_block(part, rows))
        return (costs.double() - self.clean_cost)[: len(part)]


def _padded(own: Column, rows: int) -> Float[Tensor, "_ example part"]:
    """Fill up to a number of rows by repeating the last one: one shape for all passes."""
    if len(own) == rows:
        return own
    return own[torch.arange(rows, device=own.device).clamp(max=len(own) - 1)]


def _padded_block(block: UnitBlock, rows: int) -> UnitBlock:
    """Fill a block up, or cut it, likewise."""
    return block.take(torch.arange(rows).clamp(max=len(block) - 1).numpy())


def prove_clean(replay: Replay, clean: Float[Tensor, "row example"]) -> None:
    """Prove that rows without a change give the recorded cost, up to rounding.

    Args:
        replay: the pass.
        clean: the costs of its rows.

    Raises:
        ReplayMismatchError: they do not.
    """
    shape, recording = replay.shape, replay.recording
    recorded, floor = recording.cost.double(), recording.noise_floor
    if shape.picks:
        own = torch.tensor(shape.picks, device=recorded.device)
        recorded, floor = (one[own].reshape(clean.shape) for one in (recorded, floor))
    else:
        recorded = recorded[shape.start : shape.stop]
        floor = floor[shape.start : shape.stop]
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
