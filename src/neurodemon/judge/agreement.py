"""How far predicted effects agree with measured ones, and what that makes them worth.

Dead ReLUs make exact zeros the norm, so ranks are averaged over ties, and a unit whose
effect is under the noise floor is a tie with zero, not a rank. What cannot be computed (a
constant column, no unit above the noise) is None, never NaN.

This file must never see torch, a file, or a clock: numbers in, numbers and a sentence out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from neurodemon.judge.correlation import correlate, exponent, scaled
from neurodemon.terms.audits import Agreement
from neurodemon.terms.shapes import Bool, Float

UNITS_NEEDED = 3  # two units always rank perfectly, right or wrong
SAMPLE_NEEDED = 8  # units drawn at random that may speak for all of a site
SLACK = 0.1  # how far the lower end of a rank correlation may lie under what is asked of it


@dataclass(frozen=True)
class Threshold:
    """What a predictor must reach to be trusted so far.

    Attributes:
        trust: what may then be trusted, in words.
        spearman: the least rank correlation.
        sign: the least share of right signs.
        median_relative_error: the largest median error.
        covered: the least share of the site's compared units that it has a number for.
    """

    trust: str
    spearman: float
    sign: float
    median_relative_error: float
    covered: float


THRESHOLDS = (
    Threshold("the size", spearman=0.95, sign=0.95, median_relative_error=0.1, covered=0.95),
    Threshold("the ranking", spearman=0.9, sign=0.0, median_relative_error=np.inf, covered=0.95),
)  # the first that is met holds; where none is, nothing is to be trusted


def agree(
    predicted: Float[np.ndarray, " unit"],
    measured: Float[np.ndarray, " unit"],
    *,
    site: str | None,
    predictor: str,
    is_signal: Bool[np.ndarray, " unit"],
) -> Agreement:
    """Compare one predictor with the measurement, unit by unit.

    Args:
        predicted: the predicted effect of each unit; units without a number are left out.
        measured: the measured effect of each unit; likewise.
        site: the site's name; None for all sites pooled.
        predictor: the predictor's name.
        is_signal: whether the measured effect is above the noise floor. Where it is not,
            it counts as exactly 0 in the ranks, and not at all for sign and relative error.

    Returns:
        The agreement; each number is None where it is not defined.

    Example:
        >>> measured = np.array([0.0, 1.0, -2.0])
        >>> row = agree(
        ...     2 * measured, measured, site="fc1", predictor="link", is_signal=measured != 0
        ... )
        >>> row.spearman, row.sign, row.slope, row.median_relative_error
        (1.0, 1.0, 0.5, 1.0)
    """
    is_compared = np.isfinite(predicted) & np.isfinite(measured)
    guess = predicted[is_compared].astype(np.float64)
    truth = measured[is_compared].astype(np.float64)
    has_effect = is_signal[is_compared] & (truth != 0)
    return Agreement(
        site=site,
        predictor=predictor,
        n_units=len(truth),
        pearson=correlate(guess, truth),
        spearman=correlate(rankdata(guess), rankdata(np.where(has_effect, truth, 0.0))),
        sign=_share_of_right_signs(guess[has_effect], truth[has_effect]),
        slope=_slope_through_zero(guess, truth),
        median_relative_error=_median_relative_error(guess[has_effect], truth[has_effect]),
        tied=float(np.mean(~has_effect)) if len(truth) else 0.0,
    )


def verdict(rows: Sequence[Agreement], site: str | None, *, is_sample: bool = False) -> str:
    """Say in one sentence which predictor to trust at a site, and with what.

    The best predictor is the one that reaches most in `THRESHOLDS`, then ranks best, then
    errs least, both as printed; of equals, the first in `rows`.

    Args:
        rows: the agreement of each predictor; rows of other sites are ignored.
        site: the site's name; None for the pooled rows.
        is_sample: whether the units compared were drawn at random from more.

    Returns:
        The sentence, with the numbers it rests on and what `first_order` alone is worth.

    Example:
        >>> measured = np.array([3.0, -1.0, 2.0, 0.5])
        >>> row = agree(
        ...     measured, measured, site="fc1", predictor="link", is_signal=measured != 0
        ... )
        >>> verdict([row], "fc1")
        'fc1: trust the size of link (Spearman 1.00, median error 0 %).'
    """
    name = "all sites" if site is None else site
    here = [row for row in rows if row.site == site]
    widest = max(here, key=lambda row: row.n_units, default=None)
    needed = SAMPLE_NEEDED if is_sample else UNITS_NEEDED
    if widest is None or widest.n_units < needed:
        drawn = "drawn at random and " if is_sample else ""
        return f"{name}: {_count(widest)} {drawn}compared, too few to judge a predictor: measure."
    if widest.tied == 1:
        return f"{name}: no unit has an effect above the noise, so there is nothing to predict."
    if all(row.spearman is None for row in here):
        return f"{name}: trust nothing, measure: effects (predicted or measured) are all the same."
    best = max(here, key=lambda row: _standing(row, widest.n_units))
    return f"{name}: {_praise(best, widest.n_units)}{_first_order_alone(here, best)}."


def most_misjudged(
    predicted: Float[np.ndarray, " unit"], measured: Float[np.ndarray, " unit"]
) -> int | None:
    """Find the unit whose prediction is furthest from the truth.

    Args:
        predicted: the predicted effect of each unit.
        measured: the measured effect of each unit.

    Returns:
        Its place, the first of equals; None if no unit has both numbers finite.

    Example:
        >>> most_misjudged(np.array([1.0, 2.0, np.nan]), np.array([1.0, -1.0, 9.0]))
        1
    """
    is_compared = np.isfinite(predicted) & np.isfinite(measured)
    if not is_compared.any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # inf is a fine largest gap
        gaps = np.abs(measured - predicted)
    return int(np.argmax(np.where(is_compared, gaps, -1.0)))


def _share_of_right_signs(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    """Count the right signs; a prediction of 0 has none."""
    return float(np.mean(np.sign(guess) == np.sign(truth))) if len(truth) else None


def _slope_through_zero(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    """Fit measured = slope · predicted; None where nothing is predicted."""
    if not guess.any():
        return None
    near_one = scaled(guess)
    with np.errstate(over="ignore", invalid="ignore"):
        # Σ p·m / Σ p², p scaled by a power of two, which is put back at the end.
        slope = np.ldexp(near_one @ truth / (near_one @ near_one), -exponent(guess))
    return float(slope) if np.isfinite(slope) else None


def _median_relative_error(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    """Take the median of |predicted − measured| / |measured|, no measured one being 0."""
    if not len(truth):
        return None
    with np.errstate(over="ignore"):
        error = float(np.median(np.abs(guess - truth) / np.abs(truth)))
    return error if np.isfinite(error) else None


def _threshold_met(row: Agreement, n_units: int) -> Threshold | None:
    """Find the most that a predictor may be trusted with, given the site's units."""
    met = (threshold for threshold in THRESHOLDS if _meets(row, threshold, n_units))
    return next(met, None)


def _meets(row: Agreement, threshold: Threshold, n_units: int) -> bool:
    """Whether a predictor reaches a threshold; an undefined number reaches none."""
    error = np.inf if row.median_relative_error is None else row.median_relative_error
    low = row.spearman if row.spearman_low is None else row.spearman_low
    return (
        row.spearman is not None
        and row.spearman >= threshold.spearman
        and (low or 0.0) >= threshold.spearman - SLACK
        and (row.sign or 0.0) >= threshold.sign
        and error <= threshold.median_relative_error
        and row.n_units >= threshold.covered * n_units
    )


def _standing(row: Agreement, n_units: int) -> tuple[int, float, float]:
    """Order predictors: what they may be trusted with, then the numbers as printed."""
    met = _threshold_met(row, n_units)
    trust = 0 if met is None else len(THRESHOLDS) - THRESHOLDS.index(met)
    error = np.inf if row.median_relative_error is None else row.median_relative_error
    return (trust, -2.0 if row.spearman is None else round(row.spearman, 2), -round(error, 2))


def _praise(best: Agreement, n_units: int) -> str:
    """Say what the best predictor may be trusted with, and the numbers it rests on."""
    threshold = _threshold_met(best, n_units)
    part = f", {best.n_units} of {n_units} units" if best.n_units < n_units else ""
    signs = _wrong_signs_in_words(best)
    range_ = _range_in_words(best, threshold)
    numbers = (
        f"(Spearman {_two_digits(best.spearman)}{range_}, {_error_in_words(best)}{signs}{part})"
    )
    if threshold is None:
        return f"trust nothing, measure: even {best.predictor} falls short {numbers}"
    only = "" if threshold is THRESHOLDS[0] else f", not {THRESHOLDS[0].trust}"
    return f"trust {threshold.trust} of {best.predictor}{only} {numbers}"


def _first_order_alone(here: Sequence[Agreement], best: Agreement) -> str:
    """Say what `first_order` is worth at the site, as the end of the sentence."""
    first_order = next((row for row in here if row.predictor == "first_order"), None)
    if first_order is None:
        return ""
    if first_order is best:
        return "; no other predictor does better" if len(here) > 1 else ""
    if first_order.spearman is None:
        return "; first_order alone does not tell the units apart"
    return f"; first_order alone ranks at {_two_digits(first_order.spearman)}"


def _error_in_words(row: Agreement) -> str:
    """Spell the median error in percent."""
    if row.median_relative_error is None:
        return "no median error"
    percent = 100 * row.median_relative_error
    if percent > 1000:
        return "median error over 1000 %"
    if 0 < percent < 0.1:
        return "median error under 0.1 %"
    return f"median error {percent:.{1 if 0 < percent < 1 else 0}f} %"


def _range_in_words(row: Agreement, met: Threshold | None) -> str:
    """Spell how unsure a ranking is, where it is that which forbids to trust it."""
    least = THRESHOLDS[-1].spearman if met is None else met.spearman
    if row.spearman is None or row.spearman_low is None or row.spearman < least:
        return ""
    if row.spearman_low >= least - SLACK:
        return ""
    return f", but {_two_digits(row.spearman_low)} to {_two_digits(row.spearman_high)} as examples vary"


def _wrong_signs_in_words(row: Agreement) -> str:
    """Spell the share of wrong signs, where it is what forbids to trust the size."""
    if row.sign is None or row.sign >= THRESHOLDS[0].sign:
        return ""
    return f", {100 * (1 - row.sign):.0f} % of signs wrong"


def _two_digits(value: float | None) -> str:
    """Spell a correlation, without a negative zero."""
    return f"{round(value or 0.0, 2) + 0.0:.2f}"


def _count(widest: Agreement | None) -> str:
    """Spell how many units were compared."""
    n_units = 0 if widest is None else widest.n_units
    return {0: "no unit was", 1: "only 1 unit was"}.get(n_units, f"only {n_units} units were")
