"""Populations of units whose effects are known, to race on: heavy tails, and predictions that err."""

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.race import Field, Race

Numbers = NDArray[np.float64]


def heavy_tailed(
    seed: int, *, n_units: int = 400, n_examples: int = 100, gross: int = 0, factor: float = 0.05
) -> tuple[Numbers, Numbers]:
    """Effects and their predictions, (example, unit).

    Sizes of units are log-normal, effects of a unit Student's t with 3 degrees of freedom about
    its mean, predictions off by a log-normal factor for each example and a log-t one for each
    unit. Of some units, `gross`, but a small part of the effect is predicted.
    """
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0, 1.5, n_units))
    effects = 0.5 * size * rng.standard_t(3, (n_examples, n_units))
    effects += size * rng.choice([-1, 1], n_units)
    factors = np.exp(0.3 * rng.standard_normal((n_examples, n_units)))
    factors *= np.exp(0.15 * rng.standard_t(4, n_units))
    factors[:, rng.choice(n_units, gross, replace=False)] *= factor
    return effects, effects * factors


def raced(effects: Numbers, predicted: Numbers, **wanted: object) -> Race:
    """Race to the end; all that is not given is as simple as can be."""
    counted = wanted.pop("counted", np.ones(effects.shape, bool))
    strata = np.zeros(effects.shape[1], np.int64)
    given = {"sizes": np.abs(predicted), "counted": counted, "strata": strata, **wanted}
    race = Race(Field(predicted, **given))  # type: ignore[arg-type]
    for units, examples in race.rounds():
        race.tell(units, examples, effects[examples, units])
    return race


def true_leaders(effects: Numbers, top: int) -> set[int]:
    """The units of largest |mean effect|."""
    return set(np.argsort(-np.abs(effects.mean(0)), kind="stable")[:top].tolist())


def found_leaders(race: Race) -> set[int]:
    """The units that the race found."""
    size = np.abs(np.nan_to_num(race.estimate.value))
    return set(np.argsort(-size, kind="stable")[: race.field.top].tolist())
