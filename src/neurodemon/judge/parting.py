"""Where influence and error part: demons with much to win that |δ| passes over, and why.

A false negative is in the top 5 % by headroom and in the lower half by |δ| (theory.md §4).
Its cause is the first that fits of: `dead here` (no slope at all, and yet a far Δz wins),
`cancelling` (the examples' slopes take each other away), `saturated` (far more to win than the
slope promises), `curved` (the promise is off, or turns round, close by). What fits none is
`unexplained`: a small slope that holds for a long way.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from neurodemon.judge import verdicts
from neurodemon.terms.findings import NEAR, Findings
from neurodemon.terms.shapes import Bool, Float, Shaped

TOP = 0.05  # of the demons, by headroom
DEAD, CANCELLING, SATURATED, CURVED, UNEXPLAINED = (
    "dead here", "cancelling", "saturated", "curved", "unexplained",
)  # fmt: skip
CAUSES = (DEAD, CANCELLING, SATURATED, CURVED)  # in this order: the first that fits
NO_SLOPE = 1e-9  # what the slope promises over the whole radius, in parts of what is won
WAYS = (0.5, 1.0)  # κ of a parabola and of |x|: what lies between bends as promised


@dataclass(frozen=True)
class UnitParting:
    """A unit some of whose demons are false negatives.

    Attributes:
        place: of the unit, among those of the findings.
        influence: its mean |δ|.
        headroom: its mean headroom.
        share: of its demons that are false negatives.
        cause: the most frequent among those.
    """

    place: int
    influence: float
    headroom: float
    share: float
    cause: str


def top_by_headroom(headroom: Float[np.ndarray, "*any"]) -> Bool[NDArray[np.bool_], "*any"]:
    """Mark the top 5 % by headroom, at least one; of equals the first, none without headroom.

    Args:
        headroom: of each demon; those that are not finite are never on top.

    Returns:
        Whether each demon is among them.

    Example:
        >>> top_by_headroom(np.array([0.0, 3.0, 1.0])).tolist()
        [False, True, False]
    """
    known = np.where(np.isfinite(headroom), headroom, 0.0)
    first = np.argsort(-known, axis=None, kind="stable")[: int(np.ceil(TOP * known.size))]
    marked = np.zeros(known.size, bool)
    marked[first] = True
    return np.asarray(marked.reshape(known.shape) & (known > 0))


def false_negatives(
    influence: Float[np.ndarray, "*any"], headroom: Float[np.ndarray, "*any"]
) -> Bool[NDArray[np.bool_], "*any"]:
    """Mark the demons with the most to win that influence passes over.

    Args:
        influence: |δ| of each demon.
        headroom: of each.

    Returns:
        Whether it is in the top 5 % by headroom and in the lower half by influence, by its
        rank, ties averaged.

    Example:
        >>> false_negatives(np.array([0.0, 1.0, 2.0]), np.array([9.0, 1.0, 2.0])).tolist()
        [True, False, False]
    """
    ranks = rankdata(np.where(np.isfinite(influence), influence, np.inf), axis=None)
    is_low = (ranks < (influence.size + 1) / 2).reshape(influence.shape)
    return np.asarray(top_by_headroom(headroom) & is_low)


def share_of_false_negatives(findings: Findings) -> float | None:
    """Say how much of the top 5 % by headroom stands in the lower half by |δ|.

    Args:
        findings: of the demons.

    Returns:
        The share; None if no demon has any headroom.
    """
    on_top = int(top_by_headroom(findings.headroom).sum())
    missed = int(false_negatives(np.abs(findings.delta), findings.headroom).sum())
    return missed / on_top if on_top else None


def find_causes(findings: Findings) -> Shaped[np.ndarray, "row unit"]:
    """Say of each demon why its slope would not tell its headroom.

    Args:
        findings: of the demons.

    Returns:
        A cause for each row and unit; it means something for false negatives only.
    """
    size = np.abs(findings.delta)
    with np.errstate(all="ignore"):  # inf and NaN fit no cause
        fits = {
            DEAD: size * findings.radius <= NO_SLOPE * findings.headroom,
            CANCELLING: np.broadcast_to(_is_cancelling(findings), size.shape),
            SATURATED: findings.shape >= verdicts.SATURATED_SHAPE,
            CURVED: _is_curved(findings),
        }
    found = np.full(size.shape, UNEXPLAINED, dtype="<U12")
    for cause in reversed(CAUSES):
        found[fits[cause]] = cause
    return found


def find_partings(findings: Findings, *, most: int) -> tuple[UnitParting, ...]:
    """Find the units where influence and error part.

    Args:
        findings: of the demons.
        most: how many units at most: those with the largest share of false negatives.

    Returns:
        Units with false negatives among their demons, the largest headroom first.
    """
    missed = false_negatives(np.abs(findings.delta), findings.headroom)
    causes = find_causes(findings)
    gain, size = _means(findings.headroom), _means(np.abs(findings.delta))
    share = missed.mean(0)
    places = sorted(np.flatnonzero(share).tolist(), key=lambda place: (-share[place], -gain[place]))
    return tuple(
        UnitParting(
            place=place,
            influence=float(size[place]),
            headroom=float(gain[place]),
            share=float(share[place]),
            cause=Counter(causes[missed[:, place], place].tolist()).most_common(1)[0][0],
        )
        for place in sorted(places[:most], key=lambda place: -gain[place])
    )


def _is_cancelling(findings: Findings) -> NDArray[np.bool_]:
    """Whether a shared demon sees little but the rest of slopes that cancel."""
    if findings.scope == "each":
        return np.zeros(findings.delta.shape[1], bool)
    return np.asarray(findings.cancellation < verdicts.CANCELLING)


def _is_curved(findings: Findings) -> NDArray[np.bool_]:
    """Whether κ lies outside what |x| and a parabola have, or the promise is off close by."""
    (lowest, highest), margin = WAYS, verdicts.CURVED_OFF
    kappa = findings.shape
    promise = NEAR * findings.std * findings.delta
    off = [
        np.abs(effect - sign * promise) > margin * np.abs(promise)
        for sign, effect in zip((-1, 1), findings.near, strict=True)
    ]
    is_bent = (kappa < lowest - margin) | (kappa > highest + margin)
    return np.asarray(is_bent | off[0] | off[1])


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the finite rows of each unit; 0 where there is none."""
    is_known = np.isfinite(values)
    known = np.where(is_known, values, 0.0)
    return np.asarray(known.sum(0) / np.maximum(is_known.sum(0), 1))
