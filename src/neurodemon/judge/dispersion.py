"""Why |δ| ranks the gain but not the distance: two closed forms over many demons.

Source: theory.md §1.6 (the curvature-dispersion law) and §1.2 (the split of log headroom).
"""

import math

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.correlation import PAIRS_NEEDED, correlate, correlate_ranks
from neurodemon.terms.questions import Law, Split
from neurodemon.terms.shapes import Float

FLAT = 1e-12  # a variance this small beside the squares it is the difference of is rounding


def fit_law(
    delta: Float[np.ndarray, "*any"],
    curvature: Float[np.ndarray, "*any"],
    best_dz: Float[np.ndarray, "*any"],
    headroom: Float[np.ndarray, "*any"],
) -> Law | None:
    """Fit the law: log |δ| and log curvature jointly normal, each demon one Newton step away.

    corr(log|δ|, log|Δz*|) = (s_δ − r·s_h) / √(s_δ² + s_h² − 2·r·s_δ·s_h), and
    corr(log|δ|, log G) = (2·s_δ − r·s_h) / √(4·s_δ² + s_h² − 4·r·s_δ·s_h); of a correlation ρ
    of normals the Spearman correlation is (6/π)·asin(ρ/2).

    Args:
        delta: δ of each demon.
        curvature: ∂²C/∂z² of each; demons without a slope or a positive curvature are left
            out.
        best_dz: its best Δz, which the law is compared with.
        headroom: what that wins, likewise.

    Returns:
        The law; None where fewer than three demons are left, or all of them are equally far.

    Example:
        >>> delta = np.array([1.0, 2.0, 4.0])
        >>> law = fit_law(delta, np.full(3, 3.0), delta / 3, delta**2 / 6)
        >>> round(law.gain, 6), round(law.distance, 6), law.distance_measured
        (1.0, 1.0, 1.0)
    """
    size, curve = np.abs(delta).ravel(), curvature.ravel()
    is_used = np.isfinite(size) & np.isfinite(curve) & (size > 0) & (curve > 0)
    if is_used.sum() < PAIRS_NEEDED:
        return None
    logs = np.log(size[is_used]), np.log(curve[is_used])
    s_delta, s_curvature = (float(log.std()) for log in logs)
    r = correlate(*logs) or 0.0  # constant curvature correlates with nothing
    gain = _forecast(2 * s_delta, s_curvature, r)
    distance = _forecast(s_delta, s_curvature, r)
    if gain is None or distance is None:
        return None
    return Law(
        s_delta,
        s_curvature,
        r,
        gain,
        distance,
        int(is_used.sum()),
        correlate_ranks(size[is_used], headroom.ravel()[is_used]),
        correlate_ranks(size[is_used], np.abs(best_dz).ravel()[is_used]),
    )


def split_headroom(
    delta: Float[np.ndarray, "*any"],
    best_dz: Float[np.ndarray, "*any"],
    headroom: Float[np.ndarray, "*any"],
) -> Split | None:
    """Split log headroom = log |δ| + log |best_dz| + log κ into shares of its variance.

    Args:
        delta: δ of each demon.
        best_dz: its best Δz.
        headroom: what that wins; demons where one of the three is 0 are left out.

    Returns:
        cov(log X, log headroom) / var(log headroom) of the three, which add up to 1; None
        where fewer than three demons are left, or all have the same headroom.

    Example:
        >>> delta = np.array([1.0, 2.0, 4.0])
        >>> split = split_headroom(delta, delta / 3, delta**2 / 6)  # parabolas
        >>> round(split.influence, 6), round(split.distance, 6), round(abs(split.shape), 6)
        (0.5, 0.5, 0.0)
    """
    parts = [np.abs(values).ravel() for values in (delta, best_dz, headroom)]
    is_used = np.all([np.isfinite(part) & (part > 0) for part in parts], axis=0)
    if is_used.sum() < PAIRS_NEEDED:
        return None
    influence, distance, gain = (np.log(part[is_used]) for part in parts)
    deviation = gain - gain.mean()
    variance = float(deviation @ deviation)
    if variance <= FLAT * float(gain @ gain):
        return None
    by_influence, by_distance = (float(log @ deviation) / variance for log in (influence, distance))
    by_shape = 1 - by_influence - by_distance
    return Split(by_influence, by_distance, by_shape, n_demons=int(is_used.sum()))


def _forecast(slope: float, s_curvature: float, r: float) -> float | None:
    """The Spearman correlation of log |δ| with slope/s_δ · log |δ| − log curvature."""
    scale: NDArray[np.float64] = np.array([slope, s_curvature])
    variance = float(scale @ scale) - 2 * r * slope * s_curvature
    if variance <= FLAT * float(scale @ scale):
        return None
    normal = (slope - r * s_curvature) / math.sqrt(variance)
    return 6 / math.pi * math.asin(max(-1.0, min(1.0, normal)) / 2)
