"""How many of the true leaders a found top k can have missed: the certificate of an audit.

A leader is one of the k units of largest |mean effect| over all examples. The bound is on how
many of them are outside the k that were found, with a stated confidence. This file must never
see torch, a file, or a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from neurodemon.judge.estimating import Estimate
from neurodemon.judge.intervals import bernstein

TAIL = 3.0  # degrees of freedom of the scores that are taken for granted: see `assumes`
CERTAIN = 1e-3  # chances below it are added up, and taken as those of rare events
ENDS = 2.0  # standard errors below an estimate, for the lower end of a leader


@dataclass(frozen=True)
class Bound:
    """How many leaders may be missing.

    Attributes:
        kind: `exact`, `eb` or `clt`.
        missed: at most so many, with the confidence asked for.
        n_undecided: units outside the found top k that may belong to it.
        assumes: what it takes for granted; empty if nothing.
    """

    kind: Literal["exact", "eb", "clt"]
    missed: int
    n_undecided: int
    assumes: str


ASSUMES_CLT = (
    "It assumes that estimates are off as those of the units drawn at random are, up as "
    f"often as down, with tails no heavier than Student's t with {TAIL:g} degrees of freedom."
)
ASSUMES_EB = (
    "It assumes nothing of the numbers but the range that the last layer's weights give them."
)
ASSUMES_NOTHING_LEARNT = (
    "Too few units were measured at random to say how wrong the others' estimates are."
)


def leaders(estimate: Estimate, top: int) -> NDArray[np.int64]:
    """Take the units of largest |mean effect|, as far as is known; ties in their order."""
    size = np.where(np.isfinite(estimate.value), np.abs(estimate.value), -np.inf)
    return np.argsort(-size, kind="stable")[:top]


def certify(estimate: Estimate, top: int, confidence: float) -> Bound:
    """Bound how many leaders are outside the found top k (kind `clt`, or `exact`).

    Each unit outside has a chance to belong to the top k: that its true |mean effect| is above
    the least of the found ones. The number missed is that of as many independent events, since
    each unit's examples were drawn apart; its quantile is the bound. It errs to the safe side:
    most units are small, which the chances do not know.

    Args:
        estimate: what is known.
        top: k.
        confidence: how surely the bound shall hold.

    Returns:
        The bound.
    """
    if estimate.is_exact.all():
        return Bound("exact", 0, 0, "")
    chances = outside_chances(estimate, top, TAIL)
    assumes = ASSUMES_CLT if estimate.scores else ASSUMES_NOTHING_LEARNT
    n_undecided = int((chances >= 1 - confidence).sum())
    return Bound("clt", min(most_events(chances, confidence), top), n_undecided, assumes)


def outside_chances(estimate: Estimate, top: int, dof: float) -> NDArray[np.float64]:
    """Say how likely each unit outside the found top k belongs to it; 0 for those inside."""
    found = leaders(estimate, top)
    chances = estimate.chance_above(lowest_leader(estimate, found), dof)
    chances[found] = 0
    return chances


def lowest_leader(estimate: Estimate, found: NDArray[np.int64]) -> float:
    """Give the size that a unit must exceed to belong to the found ones, on the safe side."""
    if not len(found):
        return 0.0
    size = np.abs(estimate.value[found]) - ENDS * estimate.error[found]
    return float(max(np.nan_to_num(size, nan=0.0).min(), 0.0))


def certify_bounded(
    terms: Sequence[NDArray[np.float64]],
    estimate: Estimate,
    limits: NDArray[np.float64],
    *,
    top: int,
    confidence: float,
) -> Bound:
    """Bound the same where terms have a range for certain (kind `eb`).

    At most k units are leaders: the upper end of each fails with a chance of half of
    (1 − confidence)/k. Each unit may be found wrongly: the lower end of each of the U fails with
    a chance of half of (1 − confidence)/U. With the confidence asked for none does; then only
    units whose interval reaches the least of the found ones can have been missed. It holds at
    any stopping time.

    Args:
        terms: of each unit, in the order drawn; empty where none was drawn.
        estimate: what is known.
        limits: |term| of each unit is at most this, for certain.
        top: k.
        confidence: how surely the bound shall hold.

    Returns:
        The bound.
    """
    if estimate.is_exact.all():
        return Bound("exact", 0, 0, "")
    low, high = np.abs(estimate.value), np.abs(estimate.value)
    failure = (1 - confidence) / 2
    for unit in np.flatnonzero(~estimate.is_exact).tolist():
        own, limit = terms[unit], float(limits[unit])
        centre = estimate.value[unit] - (own.mean() if len(own) else 0.0)  # the prediction
        high[unit] = max(abs(end) for end in _ends(own, limit, failure / top) + centre)
        first, last = _ends(own, limit, failure / len(high)) + centre
        low[unit] = max(first, -last, 0.0)
    found = leaders(estimate, top)
    cut = float(low[found].min()) if len(found) else 0.0
    outside = ~(estimate.is_exact & np.isnan(estimate.value))  # of what is no number nothing is
    outside[found] = False
    n_undecided = int((~(high[outside] <= cut)).sum())  # NaN is undecided
    return Bound("eb", min(n_undecided, top), n_undecided, ASSUMES_EB)


def _ends(terms: NDArray[np.float64], limit: float, failure: float) -> NDArray[np.float64]:
    """The ends of the interval for the mean gap of one unit; all its range without a draw."""
    if not len(terms):
        return np.array([-limit, limit])
    low, high = bernstein(terms[:, None], np.array([limit]), failure)
    return np.concatenate([low, high])


def most_events(chances: NDArray[np.float64], confidence: float) -> int:
    """Find how many of some independent events happen at most, with a confidence.

    Args:
        chances: of each event.
        confidence: such as 0.95.

    Returns:
        The quantile of their number: by convolution; chances p below 0.001 together as a Poisson
        number of mean Σ −log(1 − p), which is on the safe side: each is as often 0 as the event
        does not happen.

    Example:
        >>> most_events(np.full(50, 0.02), 0.95), most_events(np.array([1.0, 0.5]), 0.95)
        (3, 2)
    """
    rare = chances < CERTAIN
    mean = float(-np.log1p(-chances[rare]).sum())
    reach = int(poisson.ppf(1 - 1e-9, mean)) + 1 if mean > 0 else 0
    numbers = poisson.pmf(np.arange(reach + 1), mean) if reach else np.ones(1)
    likely = np.sort(chances[~rare])
    sure = int((likely > 1 - 1e-12).sum())
    for chance in likely[: len(likely) - sure]:
        numbers = np.convolve(numbers, [1 - chance, chance])
    reached = np.cumsum(numbers) >= confidence - 1e-12
    return sure + (int(np.argmax(reached)) if reached.any() else len(numbers) - 1)
