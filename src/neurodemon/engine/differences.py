"""Differences: a unit's change carried down to the cost as a change, where every operation allows.

No state is computed again: what is multiplied is what changed, one column of it while it lasts,
and float32 keeps its digits at effects far below the rounding of the cost. Slow twin: `replay`,
which runs the operations on whole states and subtracts two costs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import (
    CLASSES,
    DENSE,
    MAKERS,
    PLANE,
    Change,
    Form,
    Step,
    Way,
    Window,
)
from neurodemon.engine.carrying.table import carry, spread
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, take_units
from neurodemon.engine.memory import is_about_memory
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import find_region
from neurodemon.engine.replay import Replay
from neurodemon.engine.shortcuts import find_shortcut, group_examples, width_of
from neurodemon.graph.node import Node
from neurodemon.terms.shapes import Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

KINDS = {"neuron", "channel"}  # of units that are one column
DTYPES = {torch.float32, torch.float64}
PROVED = 3  # examples on which a way is held against whole states before it is taken
FLOORS, NEAR = 64.0, 1e-3  # how far it may be off there: in noise floors, and of the effect
FRESH = MAKERS - {"conv2d"}  # whose results lie in no room
SPELLED = {"column", "block", "product", "plane"}  # kinds that can be spelled as a dense change
SPARED = 0.75  # of all positions: run whole states where they take less
NARROW = 4  # a step that takes up so many times less room than the widest is narrow
MOST_ROWS = 64  # carried down at once
WIDE_NUMBERS = 1 << 20  # that the widest change of a pass may have: larger ones leave the caches

Stride = tuple[str, tuple[str, ...], Step]  # the change that is made, of which, and how


@dataclass(frozen=True, eq=False)
class Descent:
    """The way of a change from a site down to the cost.

    Attributes:
        source: the site's node.
        positions: the sizes of the axes of its value, examples and units left out.
        steps: what to run, in order.
        forms: of the changes, by name.
        fresh: which of them lie in memory of their own.
        cost: the name of the last.
        width: the most numbers that a change takes up, per row and example.
        narrow: the same, of the site and of steps that are not wide.
        wide: the first of the wide steps, and one past the last. Those before and after take
            little room, and are run for many rows at once.
    """

    source: str
    positions: tuple[int, ...]
    steps: tuple[Stride, ...]
    forms: Mapping[str, Form]
    fresh: frozenset[str]
    cost: str
    width: int
    narrow: int
    wide: tuple[int, int]

    def examples_at_once(self, n_examples: int, numbers: int = WIDE_NUMBERS) -> int:
        """How many examples a pass takes, so that its widest change fits a cache, and memory."""
        return max(1, min(n_examples, min(WIDE_NUMBERS, numbers) // self.width))

    def rows_at_once(self, n_examples: int, numbers: int = WIDE_NUMBERS) -> int:
        """How many rows go through the steps that are not wide, on so many examples."""
        most = min(WIDE_NUMBERS, numbers) // (self.narrow * n_examples)
        return max(1, min(MOST_ROWS, most))

    def effects(
        self,
        change: Float[Tensor, "row example part"],
        block: UnitBlock,
        shape: Pass,
        numbers: int = WIDE_NUMBERS,
    ) -> Float[Tensor, "row example"]:
        """Carry changes down to the cost.

        Args:
            change: Δz of one unit per row, of the pass's examples, as `take_units` gives it.
            block: one unit per row.
            shape: the pass.
            numbers: how many the widest change may have, if fewer than fit a cache.

        Returns:
            cost after − cost before, float64.
        """
        units = torch.as_tensor(block.indices, device=change.device)
        window = Window(shape, units)
        entry = change.reshape(*change.shape[:2], *self.positions).contiguous()
        first, last = self.wide
        with torch.no_grad():
            found = self._run(window, {self.source: entry}, 0, first)
            if first < last:
                found |= self._run_wide(window, found, min(WIDE_NUMBERS, numbers))
            found = self._run(window, found, last, len(self.steps))
        return cast("Tensor", found[self.cost]).double()

    def _run_wide(
        self, window: Window, found: dict[str, Change], numbers: int
    ) -> dict[str, Change]:
        """Run the wide steps, for so many rows at a time that none has more numbers."""
        first, last = self.wide
        rows, examples = len(window.units), 1 if window.shape.picks else window.shape.n_examples
        at_once = max(1, numbers // (self.width * examples))
        window = replace(window, rooms={} if self._leaves_fresh else None)
        parts = []
        for start in range(0, rows, at_once):
            stop = min(start + at_once, rows)
            own = {name: _rows(value, start, stop) for name, value in found.items()}
            parts.append(self._run(window.rows(start, stop), own, first, last))
        names = parts[0].keys() - found.keys()
        return {name: _joined([part[name] for part in parts], self.forms[name]) for name in names}

    def _run(
        self, window: Window, found: dict[str, Change], first: int, last: int
    ) -> dict[str, Change]:
        """Run some steps, and keep what later ones read."""
        found = dict(found)
        for place in range(first, last):
            name, names, step = self.steps[place]
            result = step(window, [found[one] for one in names])
            for one in names:
                if self._last_use[one] == place:
                    found.pop(one, None)
            found[name] = result
        return found

    @cached_property
    def _leaves_fresh(self) -> bool:
        """Whether all that is read after the wide steps lies in memory of its own."""
        first, last = self.wide
        made = [
            (place, name) for place, (name, _, _) in enumerate(self.steps[:last]) if place >= first
        ]
        kept = {name for _, name in made if self._last_use.get(name, last) >= last}
        return kept <= self.fresh

    @cached_property
    def _last_use(self) -> dict[str, int]:
        """The last step that reads each change."""
        return {name: place for place, (_, names, _) in enumerate(self.steps) for name in names}


def _rows(change: Change, start: int, stop: int) -> Change:
    """Take some rows of a change that has them first."""
    if isinstance(change, tuple):
        return tuple(part[start:stop] for part in change)
    return change[start:stop]


def _joined(changes: Sequence[Change], form: Form) -> Change:
    """Put changes together again, row after row."""
    if len(changes) == 1:
        return changes[0]
    if form.kind in {"product", "plane"}:
        return tuple(torch.cat(parts) for parts in zip(*changes, strict=True))
    return torch.cat([cast("Tensor", one) for one in changes], dim=1 if form == CLASSES else 0)


def find_descent(recording: Recording, block: UnitBlock) -> Descent | None:
    """Find the way down from a block's site, once for a recording.

    Args:
        recording: the clean pass.
        block: units of one site.

    Returns:
        The way; None where an operation on it has no rule, the units are no columns, or it would
        spell out changes at positions that whole states need not be run at.
    """
    site = recording.graph.site_by_name[block.site.name]
    if block.kind not in KINDS or not block.is_everywhere or not _is_plain(recording, site):
        return None
    key = ("descent", site.node)
    if key not in recording.kept:
        descent = _descend(recording, site)
        is_taken = (
            descent is not None
            and not (_is_dense(recording, descent) and _are_spared(recording, site))
            and _proves(recording, site, descent)
        )
        recording.kept[key] = descent if is_taken else None
    found: Descent | None = recording.kept[key]
    return found


def _is_dense(recording: Recording, descent: Descent) -> bool:
    """Whether all numbers at several positions are spelled out on a way."""
    values = (
        recording.values[name] for name, form in descent.forms.items() if form.kind == "dense"
    )
    count = recording.n_examples
    return any(
        isinstance(value, Tensor) and value.ndim > 1 and value.numel() > count * value.shape[-1]
        for value in values
    )


def _are_spared(recording: Recording, site: Site) -> bool:
    """Whether whole states below a site need not be run at many of the positions."""
    source = find_region(recording.graph, site.node, recording.values).exit
    groups = group_examples(recording, site, source)
    if groups is None:
        return width_of(find_shortcut(recording, site, source)) < SPARED
    shares = (
        len(groups.own(group)) * width_of(find_shortcut(recording, site, source, group=group))
        for group in range(len(groups.ends))
    )
    return sum(shares) < SPARED * recording.n_examples


def _proves(recording: Recording, site: Site, descent: Descent) -> bool:
    """Whether the way gives what whole states give, of a few units on a few examples."""
    n_examples = min(recording.n_examples, PROVED) if recording.can_fold else recording.n_examples
    shape = Pass(0, n_examples, 1)
    replay = Replay(recording, site.node, shape)
    z = recording.values[site.node]
    step = float(z.double().std(correction=0)) or 1.0
    clean = replay.cost_of(replay.clean)
    floor = recording.noise_floor[:n_examples].double()
    units = np.array(sorted({0, site.n_units // 2, site.n_units - 1}))
    block = UnitBlock(site, site.unit_kind, units, np.full(len(units), -1))
    chance = torch.Generator().manual_seed(0)  # steps both ways, others at each place
    steps = torch.randn(z[:n_examples].shape, generator=chance, dtype=torch.float64).to(z) * step
    change = take_units(canonical(steps, site), block)
    try:
        found = descent.effects(change, block, Pass(0, n_examples, len(units)))
    except (RuntimeError, IndexError, TypeError) as error:
        if is_about_memory(error):
            raise
        return False  # an operation that refuses float64, or numbers that are not the model's own
    for unit, by_changes in zip(units, found, strict=True):
        moved, axis = replay.clean.clone(), site.axes.index("unit")
        moved.select(axis, int(unit)).add_(steps.select(axis, int(unit)))
        by_states = (replay.cost_of(moved).double() - clean.double())[0]
        allowed = FLOORS * floor + NEAR * by_states.abs()
        is_near = (by_changes - by_states).abs() <= allowed
        is_same = is_near | (~by_states.isfinite() & ~by_changes.isfinite())
        if not bool(is_same.all()):
            return False
    return True


def _is_plain(recording: Recording, site: Site) -> bool:
    """Whether a site's value is one of numbers that a change can be taken of."""
    value = recording.values[site.node]
    return (
        recording.graph.whole is None
        and "unit" in site.axes
        and site.axes[0] == "example"
        and isinstance(value, Tensor)
        and value.dtype in DTYPES
    )


def _descend(recording: Recording, site: Site) -> Descent | None:
    """Walk down from a site, choosing a rule for each operation."""
    graph, value = recording.graph, recording.values[site.node]
    axis = site.axes.index("unit")
    nodes = graph.below(site.node)
    forms: dict[str, Form] = {site.node: Form("column", axis)}
    made: list[Form] = []  # the form of each step's result
    way = Way(recording, forms, frozenset(node.name for node in nodes))
    steps: list[Stride] = []
    for node in nodes:
        carried = carry(way, node)
        if carried is None:
            steps += _spread_out(way, node)
            made += [DENSE] * (len(steps) - len(made))
            carried = carry(way, node)
        if carried is None or not _is_followed(recording, node, value.dtype, carried[0]):
            return None
        forms[node.name], step = carried
        names = tuple(name for name in node.inputs if name in forms)
        steps.append((node.name, names, step))
        made.append(forms[node.name])
    if not nodes or forms[graph.cost] != DENSE:
        return None
    positions = tuple(size for place, size in enumerate(value.shape) if place not in {0, axis})
    widths = [_width(recording, name, made[place]) for place, (name, _, _) in enumerate(steps)]
    width = max(widths)
    large = {steps[place][0] for place, own in enumerate(widths) if own * NARROW >= width}
    is_wide = [place for place, (name, names, _) in enumerate(steps) if large & {name, *names}]
    wide = (is_wide[0], is_wide[-1] + 1)
    fresh = frozenset(node.name for node in nodes if node.operation_name in FRESH)
    narrow = max(1, math.prod(positions), *widths[: wide[0]], *widths[wide[1] :])
    return Descent(
        site.node, positions, tuple(steps), forms, fresh, graph.cost,
        width=width, narrow=narrow, wide=wide,
    )  # fmt: skip


def _spread_out(way: Way, node: Node) -> Sequence[Stride]:
    """Spell the changes that a node reads as dense ones."""
    steps = []
    for name in way.varying(node):
        form = way.forms[name]
        if form.kind in SPELLED - ({"column", "block"} if form.is_folded else set()):
            steps.append((name, (name,), spread(way, name)))
            way.forms[name] = replace(DENSE, is_folded=form.is_folded)
    return steps


def _is_followed(recording: Recording, node: Node, dtype: torch.dtype, form: Form) -> bool:
    """Whether a node's value follows its examples along axis 0, in the site's precision."""
    value = recording.values[node.name]
    if isinstance(value, (tuple, list)) or form.is_folded:  # what becomes of it is asked itself
        return True
    follows = node.folding == "tile" or node.name in recording.tiles
    is_number = isinstance(value, Tensor) and value.dtype == dtype
    return is_number and follows and node.example_axis == 0


def _width(recording: Recording, name: str, form: Form) -> int:
    """How many numbers a change takes up, per row and example."""
    value = recording.values[name]
    value = value[0] if isinstance(value, (tuple, list)) else value
    numbers = int(value.numel() // max(recording.n_examples, 1))
    if form.kind in {"product", "plane"}:
        return (numbers // int(value.shape[-1]) + 1) * (2 if form == PLANE else 1)
    return numbers // int(value.shape[form.axis]) if form.kind == "column" else numbers
