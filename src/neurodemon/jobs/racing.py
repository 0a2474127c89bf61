"""Race: spend an audit's budget where it tells most, round by round, and keep each round.

The judge's race decides which pairs come next; here they are run, by single pairs where the
graph can, else by whole units, and written down as soon as a round is done.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.pairs import can_pair
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import Progress
from neurodemon.judge.race import Race
from neurodemon.planner.plan import make_plan
from neurodemon.planner.run import run
from neurodemon.planner.sampling import PairRunner, Pairs
from neurodemon.store.rounds import read_round, write_round
from neurodemon.subjects.subject import Subject
from neurodemon.terms.units import UnitBlock, UnitSet

PROBE = 64  # pairs run to see how long one takes
HASTE = 0.9  # of the time that is left is planned for: later passes can be slower

Measured = Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]


@runtime_checkable
class Runner(Protocol):
    """Runs (unit, example) pairs."""

    def run(self, pairs: Pairs) -> Measured:
        """Measure pairs: which of them, and their effects."""

    @property
    def clean_runs(self) -> dict[int, int]:
        """How many examples were run without a change, by the number of the block."""


@dataclass(frozen=True, eq=False)
class WholeRunner:
    """Runs whole units, where the graph takes no single examples.

    Attributes:
        subject: what is studied.
        units: the set of units.
        nudges: Δz of each site and batch.
    """

    subject: Subject
    units: UnitSet
    nudges: Nudges

    @property
    def clean_runs(self) -> dict[int, int]:
        """None beside those that every measurement takes."""
        return {}

    def run(self, pairs: Pairs) -> Measured:
        """Measure the units of pairs on all examples, and give the effects that were asked for.

        Args:
            pairs: what to measure.

        Yields:
            Which pairs were measured, and their effects.
        """
        rows = np.unique(pairs.units)
        plan = make_plan(_take(self.units, rows), self.nudges.fingerprint)
        firsts = np.cumsum([0, *(chunk.last - chunk.first for chunk in plan.chunks)])
        for number, effects in run(plan, self.subject.recordings(), self.nudges):
            own = rows[firsts[number] : firsts[number + 1]]
            places = np.flatnonzero(np.isin(pairs.units, own))
            columns = np.searchsorted(own, pairs.units[places])
            yield places, effects[pairs.examples[places], columns]


@dataclass(eq=False)
class Clock:
    """The time an audit may take.

    Attributes:
        seconds: so many; None for as many as it needs.
        begun: when it began.
        started: when measuring began.
    """

    seconds: float | None = None
    begun: float = field(default_factory=time.perf_counter)
    started: float = field(default_factory=time.perf_counter)

    @property
    def left(self) -> float:
        """Seconds left."""
        spent = time.perf_counter() - self.begun
        return float("inf") if self.seconds is None else self.seconds - spent

    def adjust(self, race: Race) -> None:
        """Plan for as many pairs as the speed so far leaves time for, if time is what counts."""
        if self.seconds is None or not race.spent:
            return
        rate = race.spent / max(time.perf_counter() - self.started, 1e-9)
        every = int(race.n_examples.sum())
        race.budget = min(every, race.spent + int(HASTE * max(self.left, 0.0) * rate))


def make_runner(subject: Subject, units: UnitSet, nudges: Nudges) -> Runner:
    """Make what runs pairs of a subject."""
    recordings = subject.recordings()
    sizes = [recordings[place].n_examples for place in range(len(recordings))]
    if has_pairs(subject):
        return PairRunner(units, recordings, nudges, sizes, subject.room)
    return WholeRunner(subject, units, nudges)


def has_pairs(subject: Subject) -> bool:
    """Whether single examples of every batch can be run."""
    recordings = subject.recordings()
    return all(can_pair(recordings[place]) for place in range(len(recordings)))


def probe(runner: Runner, units: UnitSet, subject: Subject, clock: Clock) -> int:
    """Find how many pairs fit in the time that is left, by running some of all sites.

    Args:
        runner: runs them.
        units: the set of units.
        subject: what is studied.
        clock: the time.

    Returns:
        How many: at least 1. What was run for it is not used.
    """
    chance, n_examples = np.random.default_rng(0), subject.n_examples
    count = min(PROBE, len(units) * n_examples)
    pairs = Pairs(chance.integers(0, len(units), count), chance.integers(0, n_examples, count))
    if isinstance(runner, WholeRunner):  # a pair costs as much as its whole unit
        count = n_examples
        pairs = Pairs(np.full(count, chance.integers(len(units))), np.arange(count))
    for _ in range(2):  # the first time, much is made that is kept
        begun = time.perf_counter()
        for _measured in runner.run(pairs):
            pass
    rate = count / max(time.perf_counter() - begun, 1e-9)
    return max(1, int(HASTE * max(clock.left, 0.0) * rate))


def run_race(  # noqa: PLR0913  # the seam between race, runner, store and shell
    race: Race,
    runner: Runner,
    *,
    folder: Path | None,
    clock: Clock,
    progress: Progress,
    interrupted: Callable[[], None],
) -> None:
    """Run a race to its end.

    Args:
        race: what decides.
        runner: what runs pairs.
        folder: of the run, if any: rounds that are there are not run again.
        clock: when to stop at the latest, between two rounds.
        progress: called as pairs are done.
        interrupted: called when the user stops it, so that what is done is kept.

    Raises:
        KeyboardInterrupt: the user stopped it.
    """
    progress("measure", race.spent, race.budget)
    clock.started = time.perf_counter()
    try:
        for number, (units, examples) in enumerate(race.rounds()):
            effects = None if folder is None else read_round(folder, number, (units, examples))
            if effects is None:
                effects = _run_round(race, runner, Pairs(units, examples), progress)
                if folder is not None:
                    write_round(folder, number, (units, examples), effects)
            race.tell(units, examples, effects)
            clock.adjust(race)
            progress("measure", race.spent, race.budget)
            if clock.left <= 0:
                break
    except KeyboardInterrupt:
        interrupted()
        raise
    progress("measure", race.budget, race.budget)


def _run_round(race: Race, runner: Runner, pairs: Pairs, progress: Progress) -> NDArray[np.float64]:
    """Run the pairs of one round."""
    effects = np.full(len(pairs), np.nan)
    done = 0
    for places, found in runner.run(pairs):
        effects[places] = found
        done += len(places)
        progress("measure", race.spent + done, race.budget)
    return effects


def _take(units: UnitSet, rows: NDArray[np.int64]) -> UnitSet:
    """Take units by number, in ascending order."""
    blocks: list[UnitBlock] = []
    first = 0
    for block in units.blocks:
        own = rows[(rows >= first) & (rows < first + len(block))] - first
        if len(own):
            blocks.append(block.take(own))
        first += len(block)
    return UnitSet(tuple(blocks))
