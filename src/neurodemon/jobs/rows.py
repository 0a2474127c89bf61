"""Turn effects per example and unit into rows: mean, standard error, status."""

import datetime as dt
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodemon.engine.differences import find_descent
from neurodemon.jobs.identifying import identify_batches, identify_cost
from neurodemon.jobs.nudging import real_positions
from neurodemon.subjects.subject import Subject
from neurodemon.terms import statuses
from neurodemon.terms.effects import Effects, unit_columns
from neurodemon.terms.findings import FLOORS, floor_of_mean
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.units import UnitBlock, UnitSet


@dataclass(frozen=True, eq=False)
class Column:
    """Effects per example and unit, predicted or measured.

    Attributes:
        effects: float64 of shape (example, unit).
        predictor: which predictor made them; None if they were measured.
    """

    effects: NDArray[np.float64]
    predictor: str | None = None


def make_rows(  # noqa: PLR0913  # rows are made of this much
    subject: Subject,
    units: UnitSet,
    perturbation: str,
    *,
    predicted: Column | None = None,
    measured: Column | None = None,
    known: NDArray[np.bool_] | None = None,
) -> Effects:
    """Build the rows of a set of units.

    Args:
        subject: what is studied.
        units: the units, one row each.
        perturbation: as tables show it.
        predicted: predicted effects, if any.
        measured: measured effects, if any; else the prediction decides status and se.
        known: which examples were measured of which unit; None for all that count.

    Returns:
        The effects; `per_example` holds the measured numbers if any, else the predicted. An
        example whose position is padding is not counted: its number there is NaN.
    """
    columns: dict[str, Any] = {}
    counted = counted_examples(subject, units) if known is None else known
    for name, given in (("predicted", predicted), ("measured", measured)):
        if given is not None:
            columns[name] = means(given.effects, counted)
            numbers = given.effects  # the measured ones decide, if there are any
    if predicted is not None:
        columns["predictor"] = [predicted.predictor] * len(units)
    if len(columns) == 3:
        with np.errstate(invalid="ignore"):
            columns["gap"] = columns["measured"] - columns["predicted"]
    if counted is not None:
        numbers = np.where(counted, numbers, np.nan)
    return Effects.of(
        per_example=numbers,
        **unit_columns(units),
        perturbation=[perturbation] * len(units),
        se=_standard_errors(numbers, counted),
        n_examples=_counts(numbers, counted),
        status=_statuses(
            numbers, counted, _floors(subject, units, is_measured=measured is not None)
        ),
        engine=[subject.capture(0).engine] * len(units),
        **columns,
    )


def noise_floors(subject: Subject) -> NDArray[np.float64]:
    """The noise floor of each example's cost, over all batches."""
    recordings = subject.recordings()
    floors = [recordings[place].noise_floor.cpu().numpy() for place in range(len(recordings))]
    return np.concatenate(floors)


def make_manifest(  # noqa: PLR0913  # what made a run is this much
    subject: Subject,
    verb: str,
    perturbation: str,
    plan: str,
    *,
    chunks: tuple[tuple[str, int, int], ...] = (),
    numbers_per_pass: int = 0,
) -> Manifest:
    """Write down what makes a run."""
    first = next(iter(subject.model.parameters()), None)
    return Manifest(
        verb=verb,
        subject=subject.name,
        perturbation=perturbation,
        plan=plan,
        weights=subject.weights_hash,
        batches=identify_batches(subject),
        dtype="none" if first is None else str(first.dtype).removeprefix("torch."),
        device="cpu" if first is None else str(first.device),
        seed=subject.seed,
        chunks=chunks,
        numbers_per_pass=numbers_per_pass,
        versions={
            "neurodemon": version("neurodemon"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        source=subject.source,
        engine=subject.capture(0).engine,
        judged=identify_cost(subject),
        cost=f"{np.mean([float(one.cost.double().mean()) for one in subject.recordings()]):.4g}",
    )


def counted_examples(subject: Subject, units: UnitSet) -> NDArray[np.bool_] | None:
    """Say which examples count for which unit: all, but those whose position is padding.

    Args:
        subject: what is studied.
        units: the units.

    Returns:
        True where an example counts, (example, unit); None if all do for every unit.
    """
    parts = [_counted(subject, block) for block in units.blocks]
    if all(part is None for part in parts):
        return None
    every = [np.ones((subject.n_examples, len(block)), bool) for block in units.blocks]
    pairs = zip(every, parts, strict=True)
    return np.concatenate([one if part is None else part for one, part in pairs], axis=1)


def _counted(subject: Subject, block: UnitBlock) -> NDArray[np.bool_] | None:
    """Which examples count for the units of one block."""
    if block.is_everywhere:
        return None
    recordings, parts = subject.recordings(), []
    for place in range(len(recordings)):
        real = real_positions(subject, block.site, place)
        every = np.ones((recordings[place].n_examples, len(block)), bool)
        parts.append(every if real is None else real.cpu().numpy()[:, block.positions])
    joined = np.concatenate(parts)
    return None if joined.all() else joined


def means(
    effects: NDArray[np.float64], counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The mean over the examples that count; overflow gives inf or NaN, never a warning."""
    with np.errstate(all="ignore"):
        if counted is None:
            return np.asarray(effects.mean(0))
        return np.asarray(np.where(counted, effects, 0.0).sum(0) / counted.sum(0))


def _counts(numbers: NDArray[np.float64], counted: NDArray[np.bool_] | None) -> list[int]:
    """How many examples count for each unit."""
    if counted is None:
        return [numbers.shape[0]] * numbers.shape[1]
    return [int(count) for count in counted.sum(0)]


def _standard_errors(
    effects: NDArray[np.float64], counted: NDArray[np.bool_] | None
) -> list[float | None]:
    """The standard error of each mean over examples; None for a lone example."""
    if counted is None:
        count = effects.shape[0]
        if count < 2:
            return [None] * effects.shape[1]
        with np.errstate(all="ignore"):
            return list((effects.std(0, ddof=1) / np.sqrt(count)).tolist())
    with np.errstate(all="ignore"):
        own = [unit[has] for unit, has in zip(effects.T, counted.T, strict=True)]
        return [
            float(unit.std(ddof=1) / np.sqrt(len(unit))) if len(unit) > 1 else None for unit in own
        ]


def _floors(subject: Subject, units: UnitSet, *, is_measured: bool) -> NDArray[np.float64]:
    """Below what each unit's mean effect is rounding; 0 where no costs were subtracted."""
    sizes = [len(block) for block in units.blocks]
    if not is_measured:
        return np.zeros(sum(sizes))
    recordings, noise = subject.recordings(), []
    is_carried = np.ones(len(sizes), bool)
    for place in range(len(recordings)):
        recording = recordings[place]  # once each: they may not all be kept
        noise.append(recording.noise_floor.cpu().numpy())
        is_carried &= [find_descent(recording, block) is not None for block in units.blocks]
    floor = FLOORS * floor_of_mean(np.concatenate(noise))
    return np.repeat(np.where(is_carried, 0.0, floor), sizes)


def _statuses(
    effects: NDArray[np.float64],
    counted: NDArray[np.bool_] | None,
    floors: NDArray[np.float64],
) -> list[str]:
    """Say of each unit what its numbers are worth."""
    has = np.ones(effects.shape, bool) if counted is None else counted
    found = []
    for unit, floor in zip(
        (column[own] for column, own in zip(effects.T, has.T, strict=True)), floors, strict=True
    ):
        if not len(unit):
            found.append(statuses.PADDING)
        elif not np.isfinite(unit).all():
            found.append(statuses.NON_FINITE)
        elif not unit.any():
            found.append(statuses.NO_CHANGE)
        elif abs(float(means(unit[:, None])[0])) < floor:
            found.append(statuses.BELOW_NOISE)
        else:
            found.append(statuses.OK)
    return found
