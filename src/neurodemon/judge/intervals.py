"""Intervals: how far an estimate may be from the truth, and what each kind assumes.

`conformal` assumes nothing of the numbers, only that the calibration units were drawn at
random from those it is used on. `student` assumes that means are near normal (clt).
`bernstein` assumes a range that holds for certain (eb), and holds at any number of draws.
"""

import numpy as np
from scipy.stats import hypergeom
from scipy.stats import t as student_t

from neurodemon.terms.shapes import Float

UNITS_OF_CONFORMAL = 19  # at 95 %: with fewer, no score is extreme enough


def conformal_multiplier(scores: Float[np.ndarray, " unit"], confidence: float) -> float | None:
    """Find how many standard errors wide an interval must be, by units whose truth is known.

    Args:
        scores: |estimate − truth| / standard error of units drawn at random.
        confidence: how often the interval shall hold, such as 0.95.

    Returns:
        The multiplier: the ⌈(m + 1)·confidence⌉-th smallest score, with which an interval for
        one more such unit holds at least that often (Vovk et al. 2005); None if the units are
        too few, which they are below 19 at 95 %.

    Example:
        >>> conformal_multiplier(np.arange(1.0, 20.0), 0.95), conformal_multiplier(np.ones(18), 0.95)
        (19.0, None)
    """
    place = int(np.ceil(round((len(scores) + 1) * confidence, 9)))
    if place > len(scores):
        return None
    return float(np.sort(scores)[place - 1])


def student_multiplier(n_draws: int, confidence: float) -> float:
    """Say how many standard errors wide the interval of Student is (kind `clt`).

    Args:
        n_draws: how many terms the mean is of; below 4, those of 4 are taken, since the
            standard error leans on other units there.
        confidence: how often the interval shall hold.

    Returns:
        The multiplier.

    Example:
        >>> round(student_multiplier(31, 0.95), 3)
        2.042
    """
    return float(student_t.isf((1 - confidence) / 2, max(n_draws - 1, 3)))


def bernstein(
    terms: Float[np.ndarray, "draw unit"],
    limits: Float[np.ndarray, " unit"],
    failure: float,
) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """Bound the mean behind bounded terms at any number of draws (kind `eb`).

    The predictable plug-in empirical-Bernstein confidence sequence: it needs only that each
    term has the same mean given those before it, as `ordered_terms` has, and a range. Source:
    Waudby-Smith & Ramdas, JRSS B 2024 (arXiv 2010.09686), theorem 2.

    Args:
        terms: in the order drawn, at least one.
        limits: |term| is at most this, for certain.
        failure: how often the interval may fail, all numbers of draws together.

    Returns:
        The lower and the upper ends, within ± limits.
    """
    width = 2 * limits
    x = (terms + limits) / np.where(width > 0, width, 1.0)  # in [0, 1]
    n_draws = len(x)
    count = np.arange(1, n_draws + 1)[:, None]
    means = (0.5 + np.cumsum(x, 0)) / (count + 1)  # regularised, as in the source
    spread = (0.25 + np.cumsum((x - means) ** 2, 0)) / (count + 1)
    mean_before = np.concatenate([np.full((1, x.shape[1]), 0.5), means[:-1]])
    spread_before = np.concatenate([np.full((1, x.shape[1]), 0.25), spread[:-1]])
    log = np.log(2 / failure)
    rate = np.minimum(np.sqrt(2 * log / (spread_before * count * np.log1p(count))), 0.5)
    penalty = (log + ((x - mean_before) ** 2 * (-np.log1p(-rate) - rate)).sum(0)) / rate.sum(0)
    centre = (rate * x).sum(0) / rate.sum(0)
    low, high = np.clip(centre - penalty, 0, 1), np.clip(centre + penalty, 0, 1)
    return np.asarray(low * width - limits), np.asarray(high * width - limits)


def missed_by_counting(n_rest: int, n_random: int, n_found: int, confidence: float) -> int:
    """Bound how many leaders are among units that were not measured, from a random sample.

    Exact and weak: with m random units of which none leads, about 3/m of the rest are not
    excluded (theory.md §1.11, “what was missed”).

    Args:
        n_rest: how many units the sample was drawn from, itself included.
        n_random: how many were drawn.
        n_found: how many of these lead.
        confidence: how surely the bound shall hold.

    Returns:
        The largest number of leaders among the units that were not drawn that would give so few
        in the sample with a chance above 1 − confidence.

    Example:
        >>> missed_by_counting(1000, 59, 0, 0.95)
        48
    """
    low, high = n_found, n_rest - n_random + n_found
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(n_found, n_rest, middle, n_random) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low - n_found
