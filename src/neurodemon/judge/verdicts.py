"""Verdicts: what a demon's way to its best Δz says of its unit, and of its slope.

The first rule of `RULES` that matches holds. Of a unit whose examples each have a demon of
their own, all walk at once, each its own way down, and the rules read the mean.
Source: DESIGN §6. This file must never see torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.findings import FLOORS, NEAR, WAY, Array, Findings, floor_of_mean, ratio

# The thresholds of DESIGN §6, all of them.
CONVERGED_SHARE = 0.01  # of the cost: |δ|·radius and headroom both below
SATURATED_SHAPE = 1.5  # κ from here on
KINK_STEADY = 0.02  # how far the slope may be from δ on the way to the best Δz
CURVED_OFF = 0.1  # of the measurement: how far the promise may be off at ±¼·std(z)
CANCELLING = 0.1  # |mean δ| / mean |δ| below this: a property beside the verdict


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the rules read of each demon, or of each unit: arrays of one shape.

    Attributes:
        moves: whether any Δz changed the cost.
        cost: the size of the clean cost.
        reach: |δ| · radius.
        headroom: what the best Δz wins.
        promised: |δ| · |best_dz|.
        steadiness: on the way to best_dz, how far the slope is from δ at most, relative to δ.
        flips: whether the cost rises again behind best_dz.
        off: at ±¼·std, how far the promise is off, relative to the measurement; the larger.
    """

    moves: NDArray[np.bool_]
    cost: Array
    reach: Array
    headroom: Array
    promised: Array
    steadiness: Array
    flips: NDArray[np.bool_]
    off: Array


@dataclass(frozen=True)
class Rule:
    """One verdict.

    Attributes:
        verdict: its name.
        meaning: what was found, in words.
        threshold: the number it turns on; None where there is none.
        matches: whether it holds, given the threshold.
        advice: what to do, in one sentence.
    """

    verdict: str
    meaning: str
    threshold: float | None
    matches: Callable[[Evidence, float], NDArray[np.bool_]]
    advice: str


RULES = (
    Rule(
        "DEAD",
        "no Δz within the radius changes the cost",
        None,
        lambda seen, _: ~seen.moves,
        "Prune it, or look for what switches it off: on these examples nothing it does arrives.",
    ),
    Rule(
        "CONVERGED",
        "|δ|·radius and headroom are both under 1 % of the cost",
        CONVERGED_SHARE,
        lambda seen, share: np.maximum(seen.reach, seen.headroom) <= share * seen.cost,
        "Leave it, as far as this radius and scope go: neither slope nor any Δz promises much.",
    ),
    Rule(
        "SATURATED",
        "headroom is 1.5 times what the slope promises of the best Δz, or more",
        SATURATED_SHAPE,
        lambda seen, shape: (seen.headroom > 0) & (seen.headroom >= shape * seen.promised),
        "Do not trust its small gradient: it is far more wrong than its slope says, so measure.",
    ),
    Rule(
        "KINK",
        "the slope is steady within 2 % up to the best Δz, and flips there",
        KINK_STEADY,
        lambda seen, share: (seen.headroom > 0) & (seen.steadiness <= share) & seen.flips,
        "Trust the direction, not the size: the slope says nothing of how far the best Δz is.",
    ),
    Rule(
        "CURVED",
        "at ±¼·std(z) the promise is off by more than 10 %, or of the wrong sign",
        CURVED_OFF,
        lambda seen, share: ~(seen.off <= share),
        "Believe the slope only within the trust radius; beyond it use link, or measure.",
    ),
    Rule(
        "AGREES",
        "at ±¼·std(z) the promise is within 10 %, both ways",
        None,
        lambda seen, _: np.ones_like(seen.moves),
        "Use the gradient for small changes: it says what a demon does here, both ways.",
    ),
)
VERDICTS = tuple(rule.verdict for rule in RULES)
ADVICE = {rule.verdict: rule.advice for rule in RULES}


def judge(findings: Findings) -> list[str]:
    """Give each unit its verdict.

    Args:
        findings: of one block of units, in either scope.

    Returns:
        A name of `VERDICTS` for each unit.
    """
    return [str(verdict) for verdict in _first_match(_of_units(findings))]


def judge_demons(findings: Findings) -> NDArray[Any]:
    """Give each demon its verdict: in scope `each`, every example of every unit.

    Args:
        findings: of one block of units.

    Returns:
        Names of `VERDICTS`, (row, unit).
    """
    return _first_match(_of_demons(findings))


def _first_match(seen: Evidence) -> NDArray[Any]:
    """Take the first rule that matches."""
    matches = [rule.matches(seen, rule.threshold or 0.0) for rule in RULES]
    return np.asarray(np.array(VERDICTS)[np.argmax(matches, axis=0)])


def _of_demons(found: Findings) -> Evidence:
    """Read each demon alone."""
    return _read(found, lambda values: values, found.noise[:, None])


def _of_units(found: Findings) -> Evidence:
    """Read the demons of each unit together: the mean of what they do and of what was promised."""
    noise = np.full(found.radius.shape, floor_of_mean(found.noise))
    return _read(found, lambda values: values.mean(-2), noise)


def _read(found: Findings, take: Callable[[Array], Array], noise: Array) -> Evidence:
    """Read demons, each as it goes its own way down; `take` keeps the rows or averages them."""
    like = np.zeros_like(found.delta)
    is_rising = found.delta > 0  # such a slope goes down at −¼·std
    down = np.where(is_rising, found.near[0], found.near[1])
    up = np.where(is_rising, found.near[1], found.near[0])
    slope, promised, way = take(np.abs(found.delta)), take(found.promised), take(found.way)
    floor = FLOORS * noise
    near = slope * NEAR * found.std
    return Evidence(
        moves=take(found.moves.astype(float)) > 0,
        cost=take(like + np.abs(found.cost)[:, None]),
        reach=slope * found.radius,
        headroom=take(found.headroom),
        promised=promised,
        steadiness=_steadiness(way, promised),
        flips=way[-1] > way[-2],
        off=np.maximum(_off(take(down), -near, floor), _off(take(up), near, floor)),
    )


def _steadiness(way: Array, promised: Array) -> Array:
    """How far the slope is from δ at most, on any stretch up to best_dz; NaN without a promise."""
    end = WAY.index(1.0) + 1
    steps = np.diff(np.array([0.0, *WAY[:end]])).reshape(-1, *[1] * promised.ndim)
    done = np.diff(way[:end], axis=0, prepend=0.0)
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(ratio(done, -promised * steps) - 1).max(0))


def _off(measured: Array, promised: Array, floor: Array) -> Array:
    """How far a promise is off, relative to the measurement; 0 where both are noise."""
    is_noise = (np.abs(measured) <= floor) & (np.abs(promised) <= floor)
    with np.errstate(all="ignore"):
        off = np.abs(measured - promised) / np.abs(measured)
    return np.where(is_noise, 0.0, off)
