"""Sample: an audit with a budget. The race measures; its estimates become rows and a proof."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.limits import effect_limits
from neurodemon.engine.predict import FIRST_ORDER, LINEAR_LOGITS, ladder_of
from neurodemon.errors import BudgetError
from neurodemon.jobs.judging import Findings, count_work
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import Progress
from neurodemon.jobs.racing import Clock, Runner, has_pairs, make_runner, probe, run_race
from neurodemon.jobs.rows import Column, counted_examples, make_rows, means, noise_floors
from neurodemon.jobs.stating import state
from neurodemon.judge.calibration import coverage
from neurodemon.judge.certify import Bound, certify_bounded
from neurodemon.judge.race import Field, Race
from neurodemon.subjects.costs import cross_entropy
from neurodemon.subjects.subject import Subject
from neurodemon.terms.audits import EXACT, PREDICTED, SAMPLED
from neurodemon.terms.budgets import Budget
from neurodemon.terms.effects import Effects
from neurodemon.terms.statuses import BELOW_NOISE, NO_CHANGE, NON_FINITE, NOT_MEASURED, OK
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitSet

TOO_LATE = (
    "The time was over before anything was measured: predicting took it. Nothing here is more than "
    "a prediction; give more time, or a share such as 10%."
)
OF_ALL = (NO_CHANGE, BELOW_NOISE)  # what only all examples of a unit can say
ROUNDING = 64.0  # noise floors that a prediction which is the truth may be off


@dataclass(frozen=True, eq=False)
class Sampling:
    """What a budgeted audit is given.

    Attributes:
        subject: what is studied.
        units: the units, in the order of the rows.
        nudges: Δz of each site and batch.
        predicted: by each predictor, (example, unit).
        main: the predictor that leads.
        budget: how much may be measured.
        top: k.
        recall: the share of the true top k that is enough.
        confidence: how surely.
        seed: of what is drawn at random.
        begun: when the audit began, by the clock that a budget of time counts on.
    """

    subject: Subject
    units: UnitSet
    nudges: Nudges
    predicted: Mapping[str, NDArray[np.float64]]
    main: str
    budget: Budget
    top: int
    recall: float
    confidence: float
    seed: int
    begun: float


def sample(
    given: Sampling,
    *,
    folder: Path | None,
    progress: Progress,
    keep: Callable[[Effects], None],
) -> Findings:
    """Measure what the budget allows, and say what that proves.

    Args:
        given: what is audited, and how much may be measured.
        folder: of the run, if any.
        progress: called as pairs are done.
        keep: takes the rows so far when the user stops it.

    Returns:
        Rows with intervals, the certificate and the work; a `BudgetError` says that there was none.
    """
    runner = make_runner(given.subject, given.units, given.nudges)
    clock = Clock(given.budget.seconds, given.begun)
    race = Race(_make_field(given, runner, clock))
    run_race(
        race,
        runner,
        folder=folder,
        clock=clock,
        progress=progress,
        interrupted=lambda: keep(_make_rows(given, race)) if race.spent else None,
    )
    if clock.seconds is None:
        _require_work(given, race)
    effects = _make_rows(given, race)
    if not race.spent:
        effects = replace(effects, notes=(TOO_LATE,))
    pairs = _pairs_run(given.units, race, runner)
    work = count_work(
        given.subject,
        given.units,
        pairs,
        predictors=tuple(given.predicted),
        seconds=time.perf_counter() - given.begun,
    )
    is_late = clock.seconds is not None and race.stopped == "budget spent"
    stopped = "time spent" if is_late else race.stopped
    work = replace(work, measurements=race.spent, budget=race.budget, stopped=stopped)
    bound, rigorous = race.bound, _rigorous(given, race)
    certificate = state(race, bound, rigorous, n_examples=given.subject.n_examples)
    return Findings(
        given.subject,
        given.units,
        effects,
        given.predicted,
        given.main,
        certificate,
        work,
        coverage(race.estimate, given.confidence),
        given.seed,
    )


def _require_work(given: Sampling, race: Race) -> None:
    """Refuse a budget with which nothing was measured."""
    if not race.spent:
        raise BudgetError(
            f"budget is {given.budget}: {count(race.budget, 'measurement')} (unit × example) of "
            f"{int(race.n_examples.sum()):,} finish no unit, each having up to "
            f"{int(race.n_examples.max()):,} examples; expected enough for some units. Give a "
            'larger one, or measure all: budget="all".'
        )


def _make_field(given: Sampling, runner: Runner, clock: Clock) -> Field:
    """Say who races: all units, with what was predicted of them."""
    main = given.predicted[given.main]
    sizes = np.abs(main) + np.abs(given.predicted.get(FIRST_ORDER, main))
    counted = counted_examples(given.subject, given.units)
    counted = np.ones(main.shape, bool) if counted is None else counted
    budget = given.budget.of(int(counted.sum()))
    if given.budget.seconds is not None:
        budget = min(budget, probe(runner, given.units, given.subject, clock))
    names = [block.site.name for block in given.units.blocks for _ in range(len(block))]
    _, strata = np.unique(names, return_inverse=True)
    return Field(
        predicted=main,
        sizes=sizes,
        counted=counted,
        strata=strata.astype(np.int64),
        top=given.top,
        budget=budget,
        recall=given.recall,
        confidence=given.confidence,
        seed=given.seed,
        has_pairs=has_pairs(given.subject),
    )


def _make_rows(given: Sampling, race: Race) -> Effects:
    """Make the rows of an audit: measured where all is, else an estimate with an interval."""
    known, estimate = race.is_known, race.estimate
    made = make_rows(
        given.subject,
        given.units,
        str(given.nudges.perturbation),
        predicted=Column(given.predicted[given.main], given.main),
        measured=Column(race.measured),
        known=known,
    )
    counted = race.field.counted
    exact, whole = estimate.is_exact, race.n_drawn >= race.n_examples
    value = np.where(race.is_broken, made.array("measured"), estimate.value)
    halves = np.where(race.is_broken & ~whole, np.nan, estimate.half_widths(given.confidence))
    predicted = means(given.predicted[given.main], counted)
    with np.errstate(invalid="ignore"):
        gap, low, high = value - predicted, value - halves, value + halves
    none = (race.n_drawn == 0) & ~exact
    errors = [
        own if is_exact else float(error)
        for own, is_exact, error in zip(made["se"], exact, estimate.error, strict=True)
    ]
    is_random = np.zeros(len(value), bool)
    is_random[race.random] = whole[race.random]
    return made.with_columns({
        "predicted": predicted,
        "measured": value,
        "gap": gap,
        "se": errors,
        "n_examples": race.n_examples,
        "status": _statuses(race, made["status"]),
        **{name: means(numbers, counted) for name, numbers in given.predicted.items()},
        "low": _or_none(low),
        "high": _or_none(high),
        "evidence": np.where(whole, EXACT, np.where(none, PREDICTED, SAMPLED)).tolist(),
        "n_measured": race.n_drawn,
        "is_random": is_random,
    })


def _statuses(race: Race, measured: list[str]) -> list[str]:
    """What each row is worth: as measured, unless no example was, or one is no number."""
    known = np.where(race.n_drawn == 0, NOT_MEASURED, np.array(measured))
    known = np.where(race.n_examples == 0, np.array(measured), known)  # padding everywhere
    is_partial = (race.n_drawn > 0) & (race.n_drawn < race.n_examples)
    known = np.where(is_partial & np.isin(known, OF_ALL), OK, known)
    return list(np.where(race.is_broken, NON_FINITE, known).tolist())


def _or_none(numbers: NDArray[np.float64]) -> list[float | None]:
    """Spell what is not known as null."""
    return [None if np.isnan(number) else float(number) for number in numbers]


def _pairs_run(units: UnitSet, race: Race, runner: Runner) -> dict[int, int]:
    """Count the pairs that were run, and what was run beside them, by the number of the block."""
    firsts = np.cumsum([0, *(len(block) for block in units.blocks)])
    clean = runner.clean_runs
    return {
        number: int(race.n_drawn[firsts[number] : firsts[number + 1]].sum()) + clean.get(number, 0)
        for number in range(len(units.blocks))
    }


def _rigorous(given: Sampling, race: Race) -> Bound | None:
    """The bound that holds whatever the numbers are, where the weights give effects a range."""
    limits = _gap_limits(given, race)
    if limits is None:
        return None
    q = race.sampled.probabilities
    ratios = np.where(q > 0, limits / np.where(q > 0, q, 1.0), 0.0).max(0)
    return certify_bounded(
        race.terms(),
        race.estimate,
        ratios / np.maximum(race.n_examples, 1),
        top=race.field.top,
        confidence=race.field.confidence,
    )


def _gap_limits(given: Sampling, race: Race) -> NDArray[np.float64] | None:
    """How far measured and predicted can be apart, (example, unit); None where nothing says so."""
    if given.subject.cost is not cross_entropy:  # one that looks like it may be bent elsewhere
        return None
    parts = []
    recordings = given.subject.recordings()
    for place in range(len(recordings)):
        recording = recordings[place]
        ladder = ladder_of(recording)
        row = []
        for block in given.units.blocks:
            found = effect_limits(recording, block, given.nudges(block, place), ladder)
            if found is None:
                return None
            row.append(found.numpy())
        parts.append(np.concatenate(row, axis=1))
    limits = np.concatenate(parts)
    floors = ROUNDING * noise_floors(given.subject)[:, None]
    if given.main == LINEAR_LOGITS:  # which is the truth there
        limits = np.zeros_like(limits)
    else:
        limits = limits + np.abs(race.sampled.predicted)
    return np.where(np.isfinite(limits), limits, np.inf) + floors
