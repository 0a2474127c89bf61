"""Set demons up at the units of a subject: how far each may go, and the bench to try them on."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.engine.bench import Bench, Benches
from neurodemon.engine.explore import Reach, explore
from neurodemon.engine.layout import take_units
from neurodemon.engine.memory import memory_told
from neurodemon.engine.search import make_grid
from neurodemon.jobs.measuring import numbers_per_unit
from neurodemon.jobs.nudging import Nudges, real_positions
from neurodemon.planner.plan import NUMBERS_PER_PASS, units_for
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import one_thread
from neurodemon.terms.findings import Findings, Scope
from neurodemon.terms.perturbations import Add
from neurodemon.terms.radii import Absolute, Radius
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import NO_INDEX, UnitBlock, UnitSet

NUMBERS_HELD = 1 << 22  # effects of one exploration: 32 MB of float64, some ten times over
SMALL = 300_000  # weights


def explore_block(
    subject: Subject, block: UnitBlock, limits: "Limits", scopes: Sequence[Scope]
) -> dict[Scope, Findings]:
    """Let the demons of one block of units look for their best Δz."""
    sign = -1.0 if subject.better == "higher" else 1.0
    with memory_told(f"exploring {len(block)} units at {block.site.name!r}"):
        return explore(make_benches(subject, block), limits.reach(block), scopes, sign=sign)


def make_benches(subject: Subject, block: UnitBlock) -> Benches:
    """Put a block of units on the bench, over all batches."""
    recordings = subject.recordings()
    benches = []
    for place in range(len(recordings)):
        recording = recordings[place]
        site = recording.graph.site_by_name[block.site.name]
        size = subject.room.pass_size(recording, site, NUMBERS_PER_PASS)
        benches.append(Bench(recording, block, size, real_positions(subject, block.site, place)))
    return Benches(benches)


def units_at_once(subject: Subject, block: UnitBlock) -> int:
    """How many units of a site one exploration holds: they fit memory, and take some seconds."""
    points = len(make_grid())
    in_memory = NUMBERS_HELD // (points * subject.n_examples)
    in_time = units_for(points * numbers_per_unit(subject, block), fewest=1)
    return max(1, min(in_memory, in_time))


def cut_blocks(subject: Subject, units: UnitSet) -> Iterator[UnitBlock]:
    """Cut units into blocks that can be explored at once, in order."""
    for block in units.blocks:
        size = units_at_once(subject, block)
        for first in range(0, len(block), size):
            yield block[first : first + size]


def threads_for(subject: Subject) -> contextlib.AbstractContextManager[None]:
    """Use one thread for a small network, which on busy cores loses 10× by a second one.

    Args:
        subject: what is studied.

    Returns:
        What to work in; on leaving, the number of threads is as before.
    """
    numbers = sum(weight.numel() for weight in subject.model.parameters())
    return one_thread() if numbers <= SMALL else contextlib.nullcontext()


class Limits:
    """How far the demons of a subject may go, unit by unit.

    Args:
        subject: what is studied.
        radius: as asked for.
    """

    def __init__(self, subject: Subject, radius: Radius) -> None:
        self.radius = radius
        self._nudges = Nudges(subject, Add(0.0))  # for the statistics of its sites

    @property
    def notes(self) -> tuple[str, ...]:
        """What its user should know of the radii."""
        return () if isinstance(self.radius, Absolute) else tuple(self._nudges.notes)

    def reach(self, block: UnitBlock) -> Reach:
        """The radius of each unit of a block, and its std(z)."""
        std = self._std(block)
        if isinstance(self.radius, Absolute):
            return Reach(np.full(len(block), float(self.radius.radius)), std)
        return Reach(self.radius.factor * std, std)

    def sources(self, block: UnitBlock) -> list[str]:
        """What each unit's radius is taken from: `unit`, `site` or `one` (std), or `absolute`."""
        if isinstance(self.radius, Absolute):
            return ["absolute"] * len(block)
        found = self._nudges.statistics_of(block)
        is_constant = self._over_features(found.is_constant.double(), block, np.min) > 0
        return [found.stand_in if constant else "unit" for constant in is_constant]

    def _std(self, block: UnitBlock) -> Float[NDArray[np.float64], " unit"]:
        """std(z) of each unit; of many features, the root of their mean square."""
        variance = self._nudges.statistics_of(block).std.square()
        return np.sqrt(self._over_features(variance, block, np.mean))

    @staticmethod
    def _over_features(
        numbers: Tensor, block: UnitBlock, join: Callable[..., Any]
    ) -> Float[NDArray[np.float64], " unit"]:
        """Join the numbers of each unit's features."""
        if block.kind == "position":
            return np.full(len(block), join(numbers.cpu().numpy()))
        everywhere = replace(block, positions=np.full(len(block), NO_INDEX))
        rows = take_units(numbers.reshape(1, 1, -1), everywhere)[:, 0]
        return np.asarray(join(rows.cpu().numpy(), axis=1))
