"""Turn effects per example and unit into rows: mean, standard error, status."""

import datetime as dt
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodemon.subjects.subject import Subject
from neurodemon.terms import statuses
from neurodemon.terms.effects import Effects, unit_columns
from neurodemon.terms.findings import FLOORS, floor_of_mean
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.units import UnitSet


@dataclass(frozen=True, eq=False)
class Column:
    """Effects per example and unit, predicted or measured.

    Attributes:
        effects: float64 of shape (example, unit).
        predictor: which predictor made them; None if they were measured.
    """

    effects: NDArray[np.float64]
    predictor: str | None = None


def make_rows(
    subject: Subject,
    units: UnitSet,
    perturbation: str,
    *,
    predicted: Column | None = None,
    measured: Column | None = None,
) -> Effects:
    """Build the rows of a set of units.

    Args:
        subject: what is studied.
        units: the units, one row each.
        perturbation: as tables show it.
        predicted: predicted effects, if any.
        measured: measured effects, if any; else the prediction decides status and se.

    Returns:
        The effects; `per_example` holds the measured numbers if any, else the predicted.
    """
    columns: dict[str, Any] = {}
    for name, given in (("predicted", predicted), ("measured", measured)):
        if given is not None:
            columns[name] = _means(given.effects)
            numbers = given.effects  # the measured ones decide, if there are any
    if predicted is not None:
        columns["predictor"] = [predicted.predictor] * len(units)
    if len(columns) == 3:
        columns["gap"] = columns["measured"] - columns["predicted"]
    return Effects.of(
        per_example=numbers,
        **unit_columns(units),
        perturbation=[perturbation] * len(units),
        se=_standard_errors(numbers),
        n_examples=[numbers.shape[0]] * len(units),
        status=_statuses(numbers, noise_floors(subject), is_measured=measured is not None),
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
        batches=subject.batches_hash,
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
        cost=f"{np.mean([float(one.cost.double().mean()) for one in subject.recordings()]):.4g}",
    )


def _means(effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over examples; overflow gives inf or NaN, never a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(effects.mean(0))


def _standard_errors(effects: NDArray[np.float64]) -> list[float | None]:
    """The standard error of each mean over examples; None for a lone example."""
    count = effects.shape[0]
    if count < 2:
        return [None] * effects.shape[1]
    with np.errstate(all="ignore"):
        return list((effects.std(0, ddof=1) / np.sqrt(count)).tolist())


def _statuses(
    effects: NDArray[np.float64], floors: NDArray[np.float64], *, is_measured: bool
) -> list[str]:
    """Say of each unit what its numbers are worth."""
    floor = FLOORS * floor_of_mean(floors)
    found = []
    for unit in effects.T:
        if not np.isfinite(unit).all():
            found.append(statuses.NON_FINITE)
        elif not unit.any():
            found.append(statuses.NO_CHANGE)
        elif is_measured and abs(unit.mean()) < floor:
            found.append(statuses.BELOW_NOISE)
        else:
            found.append(statuses.OK)
    return found
