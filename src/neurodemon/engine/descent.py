"""Descent: a change carried down from a site to the cost, step by step, as many rows as fit.

Steps that take much room are run for few rows at a time, and for those rows' examples alone that
still change by then, where they are few: behind a ReLU that stays off nothing is left to run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import CLASSES, Change, Form, Step, Window
from neurodemon.engine.folding import Pass
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

NARROW = 4  # a step that takes up so many times less room than the widest is narrow
MOST_ROWS = 64  # carried down at once
WIDE_NUMBERS = 1 << 20  # that the widest change of a pass may have: larger ones leave the caches
ALIVE = 0.4  # of all pairs of row and example: where no more still change, they are run alone

Pairs = tuple[Tensor, Tensor]  # rows, and the example of each
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
        gathered: the most numbers of what is recorded that are gathered for a pair: where changes
            lie in planes, a base; else 0, since then it is no wider than the change.
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
    gathered: int
    wide: tuple[int, int]

    def examples_at_once(self, n_examples: int, numbers: int = WIDE_NUMBERS) -> int:
        """How many examples a pass takes, so that its widest change fits a cache, and memory."""
        return max(1, min(n_examples, min(WIDE_NUMBERS, numbers) // self.width))

    def rows_at_once(self, n_examples: int, numbers: int = WIDE_NUMBERS) -> int:
        """How many rows go through the steps that are not wide, on so many examples."""
        most = min(WIDE_NUMBERS, numbers) // (self.narrow * n_examples)
        return max(1, min(MOST_ROWS, most))

    def pairs_at_once(self, n_pairs: int) -> int:
        """How many pairs a pass takes, of so many, so that what is gathered for them fits."""
        return max(1, min(n_pairs, WIDE_NUMBERS // self.gathered)) if self.gathered else n_pairs

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
        window = Window.of_pass(shape, units)
        entry = change.reshape(*change.shape[:2], *self.positions).contiguous()
        numbers = min(WIDE_NUMBERS, numbers)
        with torch.no_grad():
            found = self._run(window, {self.source: entry}, 0, self.wide[0])
            alive = self._alive(window, found)
            if alive is None:
                return self._finish(window, found, numbers)
            effects = entry.new_zeros(entry.shape[:2], dtype=torch.float64)
            if len(alive[0]):
                effects[alive] = self._finish(window, found, numbers, alive)[:, 0]
        return effects

    def _alive(self, window: Window, found: Mapping[str, Change]) -> Pairs | None:
        """Which rows' examples still change before the wide steps; None where it saves little."""
        is_spared = window.picks is None and self.width >= NARROW * self.narrow
        is_spared &= not self.gathered  # bases are wide
        if not is_spared or any(self.forms[name] == CLASSES for name in found):
            return None
        still = [one == 0 for change in found.values() for one in _of_examples(change)]
        alive = ~torch.stack([one.reshape(*one.shape[:2], -1).all(2) for one in still]).all(0)
        if int(alive.count_nonzero()) > ALIVE * alive.numel():
            return None
        rows, examples = alive.nonzero(as_tuple=True)
        return rows, examples

    def _finish(
        self,
        window: Window,
        found: dict[str, Change],
        numbers: int,
        alive: Pairs | None = None,
    ) -> Float[Tensor, "row example"]:
        """Run the wide steps and what follows them; of pairs that are alive alone, if given."""
        last = self.wide[1]
        wide = self._run_wide(window, found, numbers, alive)
        if alive is not None:
            read = {name: one for name, one in found.items() if self._last_use.get(name, 0) >= last}
            window, found = _picked(window, read, alive)
        found = self._run(window, found | wide, last, len(self.steps))
        return cast("Tensor", found[self.cost]).double()

    def _run_wide(
        self, window: Window, found: dict[str, Change], numbers: int, alive: Pairs | None
    ) -> dict[str, Change]:
        """Run the wide steps, for so many rows at a time that none has more numbers."""
        first, last = self.wide
        rows, examples = len(window.units), window.n_examples
        if alive is not None:
            rows, examples = len(alive[0]), 1
        at_once = max(1, numbers // (self.width * examples))
        window = replace(window, rooms={} if self._leaves_fresh else None)
        parts = []
        for start in range(0, rows, at_once):
            stop = min(start + at_once, rows)
            if alive is None:
                here, own = window.rows(start, stop), _rows(found, start, stop)
            else:
                here, own = _picked(window, found, (alive[0][start:stop], alive[1][start:stop]))
            parts.append(self._run(here, own, first, last))
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


def _of_examples(change: Change) -> Sequence[Tensor]:
    """The parts of a change that have examples: of products and planes all but each row's own."""
    return change[:-1] if isinstance(change, tuple) else (change,)


def _rows(changes: Mapping[str, Change], start: int, stop: int) -> dict[str, Change]:
    """Take some rows of changes that have them first."""
    return {
        name: tuple(part[start:stop] for part in change)
        if isinstance(change, tuple)
        else change[start:stop]
        for name, change in changes.items()
    }


def _picked(
    window: Window, changes: Mapping[str, Change], pairs: Pairs
) -> tuple[Window, dict[str, Change]]:
    """Take some rows' own examples of changes that have rows first, each pair a row."""
    rows, examples = pairs
    places = rows * window.n_examples + examples

    def pick(column: Tensor) -> Tensor:
        return column.flatten(0, 1).index_select(0, places).unsqueeze(1)

    picked: dict[str, Change] = {
        name: (*map(pick, change[:-1]), change[-1].index_select(0, rows))
        if isinstance(change, tuple)
        else pick(change)
        for name, change in changes.items()
    }
    return window.pairs(rows, examples), picked


def _joined(changes: Sequence[Change], form: Form) -> Change:
    """Put changes together again, row after row."""
    if len(changes) == 1:
        return changes[0]
    if form.kind in {"product", "plane"}:
        return tuple(torch.cat(parts) for parts in zip(*changes, strict=True))
    return torch.cat([cast("Tensor", one) for one in changes], dim=1 if form == CLASSES else 0)
