"""False negatives: units of large effect that the predictor ranked low, and why.

Causes, in this order, first match wins (theory.md, “what the product should report”, 7):
`saturation`: the slope is silent on nearly all examples, so that no gradient could have told;
`cancellation`: it speaks, but the examples' slopes cancel in the mean; `curvature`: the gaps of
the examples point one way, as a bent cost bends them; else `unexplained`.
"""

import numpy as np

from neurodemon.terms.shapes import Bool, Float, Int

LEADING_SHARE = 0.1  # of the units, at most, are looked at as leaders
RANKED_LOW = 2  # times as many places down as there are leaders
SILENT = 0.1  # of the measured effect: a smaller mean |slope term| says nothing
LOUD = 0.5  # of the measured effect: a mean |prediction| above it spoke
CANCELLING = 0.25  # |mean| / mean | |
ONE_SIDED = 0.5  # |mean gap| / mean |gap|


def find_missed(
    predicted: Float[np.ndarray, " unit"],
    measured: Float[np.ndarray, " unit"],
    is_exact: Bool[np.ndarray, " unit"],
    top: int,
) -> tuple[Int[np.ndarray, " _"], Int[np.ndarray, " unit"], Int[np.ndarray, " unit"]]:
    """Find leaders that were predicted far from the top.

    Args:
        predicted: the mean effect as predicted.
        measured: the mean effect, or its estimate.
        is_exact: whether it is measured on all examples: only such can be found out.
        top: how many leaders there are at most.

    Returns:
        The places of those found, the largest effect first; each unit's rank by |predicted|,
        and by |measured|, from 1.
    """
    by_prediction, by_effect = _ranks(predicted), _ranks(measured)
    n_leading = max(1, min(top, int(LEADING_SHARE * len(measured))))
    is_missed = (by_effect <= n_leading) & (by_prediction > RANKED_LOW * n_leading) & is_exact
    is_missed &= np.abs(np.nan_to_num(measured)) > 0
    places = np.flatnonzero(is_missed)
    return places[np.argsort(by_effect[places], kind="stable")], by_prediction, by_effect


def cause_of(
    slope: Float[np.ndarray, " example"],
    predicted: Float[np.ndarray, " example"],
    measured: Float[np.ndarray, " example"],
) -> str:
    """Say why one unit was missed.

    Args:
        slope: the first-order term of each example.
        predicted: what the predictor said of each.
        measured: what is so.

    Returns:
        `saturation`, `cancellation`, `curvature` or `unexplained`.

    Example:
        >>> cause_of(np.array([1.0, -1.0]), np.array([1.0, -1.0]), np.array([2.0, -1.0]))
        'cancellation'
    """
    effect = abs(float(np.nanmean(measured)))
    gap = measured - predicted
    if np.nanmean(np.abs(slope)) < SILENT * effect:
        return "saturation"
    if not np.isfinite(predicted).any():  # the cost is not defined where it was predicted
        return "unexplained"
    size = float(np.nanmean(np.abs(predicted)))
    if size >= LOUD * effect and abs(np.nanmean(predicted)) < CANCELLING * size:
        return "cancellation"
    if abs(np.nanmean(gap)) >= ONE_SIDED * np.nanmean(np.abs(gap)):
        return "curvature"
    return "unexplained"


def _ranks(numbers: Float[np.ndarray, " unit"]) -> Int[np.ndarray, " unit"]:
    """Rank by size, the largest first, from 1; what is no number comes last."""
    order = np.argsort(-np.where(np.isfinite(numbers), np.abs(numbers), -1.0), kind="stable")
    ranks = np.empty(len(numbers), np.int64)
    ranks[order] = np.arange(1, len(numbers) + 1)
    return ranks
