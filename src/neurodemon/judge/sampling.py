"""Which examples of a unit to measure, in which order, and what a few of them say of all.

Examples are drawn without replacement, each next one in proportion to what the prediction
expects of it, with a uniform share. Each draw then gives an unbiased term for the mean gap
(measured − predicted) over all examples, and the terms are uncorrelated (Des Raj 1956). Where
few of many are drawn they are Hansen and Hurwitz's terms E/(N·q); where all are, nothing is
left to estimate, while drawing with replacement would measure the same example again.
"""

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.shapes import Bool, Float, Int

UNIFORM = 0.3  # of the draws go to all examples alike: theory.md §1.11
SMALLEST_SIZE = 1e-3  # of the median unit's: no unit is thought to be without any effect
LARGEST = 1e100  # of a size: larger ones would overflow in sums, and all are measured first
TINY = float(np.finfo(np.float64).tiny)


def positive_sizes(
    sizes: Float[np.ndarray, "example unit"], counted: Bool[np.ndarray, "example unit"]
) -> Float[np.ndarray, "example unit"]:
    """Make sizes that no unit and no example has none of.

    Args:
        sizes: how large an effect is expected; what is no number counts as the largest.
        counted: which examples count for which unit.

    Returns:
        Sizes above 0; 0 where an example does not count.

    Example:
        >>> positive_sizes(np.array([[4.0, 0.0]]), np.array([[True, True]])).tolist()
        [[4.004, 0.004]]
    """
    known = np.where(counted & np.isfinite(sizes), np.minimum(np.abs(sizes), LARGEST), 0.0)
    largest = known.max(0)
    filled = np.where(counted & ~np.isfinite(sizes), largest, known)
    with np.errstate(over="ignore"):
        means = np.minimum(filled.sum(0) / np.maximum(counted.sum(0), 1), LARGEST)
    some = means[means > 0]
    floor = SMALLEST_SIZE * float(np.median(some)) if len(some) else 1.0
    return np.asarray(np.where(counted, filled + floor, 0.0))


def draw_probabilities(
    sizes: Float[np.ndarray, "example unit"],
) -> Float[np.ndarray, "example unit"]:
    """Say how likely each example is to be drawn first for each unit.

    Args:
        sizes: from `positive_sizes`.

    Returns:
        Probabilities that sum to 1 for each unit: in proportion to size, but for a uniform
        share, so that where the prediction is wrong no example is out of reach.

    Example:
        >>> draw_probabilities(np.array([[3.0], [1.0]])).ravel()
        array([0.675, 0.325])
    """
    has = sizes > 0
    in_proportion = sizes / np.maximum(sizes.sum(0), TINY)
    return np.asarray((1 - UNIFORM) * in_proportion + UNIFORM * has / np.maximum(has.sum(0), 1))


def draw_order(
    probabilities: Float[np.ndarray, "example unit"], rng: np.random.Generator
) -> Int[np.ndarray, "example unit"]:
    """Draw all examples of each unit one after the other, without replacement.

    An exponential clock for each example, that runs at its probability: the order in which they
    ring is that of successive draws (Efraimidis & Spirakis 2006).

    Args:
        probabilities: of the first draw; examples of probability 0 come last.
        rng: the source of chance.

    Returns:
        For each unit the examples in the order drawn.
    """
    with np.errstate(divide="ignore"):
        clocks = rng.exponential(size=probabilities.shape) / probabilities
    return np.asarray(np.argsort(clocks, axis=0, kind="stable").astype(np.int32))


def ordered_terms(
    gaps: Float[np.ndarray, "draw unit"],
    probabilities: Float[np.ndarray, "draw unit"],
    n_examples: Float[np.ndarray, " unit"],
) -> Float[np.ndarray, "draw unit"]:
    """Turn the gaps of drawn examples into unbiased terms for the mean gap over all.

    Args:
        gaps: measured − predicted, in the order drawn.
        probabilities: of each as a first draw.
        n_examples: how many examples each unit has.

    Returns:
        t_r = (Σ_{j<r} y_j + y_r (1 − Σ_{j<r} q_j) / q_r) / N. Each has the mean gap as its
        expectation, given all draws before it. Source: Des Raj, JASA 51 (1956).

    Example:
        >>> ordered_terms(np.array([[1.0], [3.0]]), np.array([[0.25], [0.75]]), np.array([2.0])).ravel()
        array([2., 2.])
    """
    before = np.cumsum(gaps, 0) - gaps
    gone = np.cumsum(probabilities, 0) - probabilities
    left = np.maximum(1 - gone, 0.0)
    return np.asarray((before + gaps * left / np.maximum(probabilities, TINY)) / n_examples)


def stratified_sample(
    strata: Int[np.ndarray, " unit"], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw units at random, as many of each stratum as its share.

    Args:
        strata: the stratum of each unit.
        count: how many units; all, if there are fewer.
        rng: the source of chance.

    Returns:
        Their places, in ascending order. Each unit has the same chance to be among them, up to
        the rounding of the shares.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> len(stratified_sample(np.array([0, 0, 0, 1]), 3, rng))
        3
    """
    shuffled = rng.permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    start = rng.random()  # one chance for all: a systematic draw along the strata
    count = min(count, len(strata))
    places = np.floor((start + np.arange(count)) * len(strata) / max(count, 1)).astype(np.int64)
    return np.asarray(np.sort(by_stratum[places]))
