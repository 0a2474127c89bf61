"""How sure a rank correlation is, as examples are drawn again: the bootstrap over examples.

Examples are what a data set has drawn; the units of a network are all there are. So examples
are resampled, whole, never pairs (theory.md, “what the product should report”, 1).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from neurodemon.terms.shapes import Bool, Float

RESAMPLES = 100
CONFIDENCE = 0.95
MOST_WITHIN = 300  # examples of which ranks within one are taken, evenly over all


def spearman_interval(
    predicted: Float[np.ndarray, "example unit"],
    measured: Float[np.ndarray, "example unit"],
    is_signal: Bool[np.ndarray, " unit"],
    seed: int,
) -> tuple[float, float] | None:
    """Find the 95 % interval of the rank correlation of mean effects.

    Args:
        predicted: per example; NaN where the example does not count.
        measured: likewise.
        is_signal: whether the mean measured effect is above the noise; else it counts as 0.
        seed: of the resampling.

    Returns:
        The 2.5 % and 97.5 % quantiles over 100 resamples; None if the correlation is not defined
        in most of them, or there is one example only.

    Example:
        >>> effects = np.arange(12.0).reshape(4, 3)
        >>> spearman_interval(effects, effects, np.ones(3, bool), 0)
        (1.0, 1.0)
    """
    n_examples, n_units = predicted.shape
    if n_examples < 2 or n_units < 3:
        return None
    chance = np.random.default_rng(seed)
    weights = chance.multinomial(n_examples, np.full(n_examples, 1 / n_examples), RESAMPLES)
    guesses = _weighted_means(predicted, weights)
    truths = np.where(is_signal, _weighted_means(measured, weights), 0.0)
    defined = _spearman_of_rows(guesses, truths)
    if len(defined) <= RESAMPLES / 2:
        return None
    ends = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(ends[0]), float(ends[1])


def spearman_within(
    predicted: Float[np.ndarray, "example unit"], measured: Float[np.ndarray, "example unit"]
) -> float | None:
    """Correlate ranks across units within each example, and take the mean over examples.

    Args:
        predicted: per example; an example with a number that is not finite is left out.
        measured: likewise.

    Returns:
        The mean; None if it is defined in no example.

    Example:
        >>> effects = np.arange(12.0).reshape(4, 3)
        >>> spearman_within(effects, -effects)
        -1.0
    """
    n_examples, n_units = predicted.shape
    if n_units < 3:
        return None
    step = max(-(-n_examples // MOST_WITHIN), 1)
    defined = _spearman_of_rows(predicted[::step], measured[::step])
    return float(np.mean(defined)) if len(defined) else None


def _spearman_of_rows(
    guesses: NDArray[np.float64], truths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman's correlation of each row with its fellow, where it is defined."""
    is_finite = np.isfinite(guesses).all(1) & np.isfinite(truths).all(1)
    ranks = [rankdata(numbers[is_finite], axis=1) for numbers in (guesses, truths)]
    first, second = (numbers - numbers.mean(1, keepdims=True) for numbers in ranks)
    sizes = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    is_defined = sizes > 0
    products = (first * second).sum(1)[is_defined]
    return np.asarray(np.clip(products / sizes[is_defined], -1, 1))


def _weighted_means(
    numbers: NDArray[np.float64], weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean over examples in each resample; NaN where none counts."""
    counts = ~np.isnan(numbers)
    with np.errstate(all="ignore"):
        total = weights @ np.where(counts, numbers, 0.0)
        return np.asarray(total / (weights @ counts))
