"""The law forecasts what is measured where its assumptions hold; the split adds up to 1."""

import numpy as np
import pytest
import scipy.stats

from neurodemon.judge.dispersion import fit_law, split_headroom


def newton(s_delta: float, s_curvature: float, r: float, size: int = 20_000):
    """Demons one Newton step away: log |δ| and log h jointly normal."""
    covariance = [
        [s_delta**2, r * s_delta * s_curvature],
        [r * s_delta * s_curvature, s_curvature**2],
    ]
    logs = np.random.default_rng(0).multivariate_normal([0, 0], covariance, size)
    delta, curvature = np.exp(logs.T)
    return delta, curvature, delta / curvature, delta**2 / (2 * curvature)


@pytest.mark.parametrize("spread", [(1.1, 0.5, 0.2), (1.9, 1.6, 0.9), (2.5, 2.4, 0.95)])
def test_the_law_forecasts_the_measured_ranks_of_newton_demons(spread):
    delta, curvature, distance, gain = newton(*spread)
    law = fit_law(delta, curvature, distance, gain)
    # tolerance: 20,000 draws leave a Spearman an uncertainty of about .007
    assert law.gain_measured == pytest.approx(scipy.stats.spearmanr(delta, gain).statistic)
    assert law.distance_measured == pytest.approx(scipy.stats.spearmanr(delta, distance).statistic)
    assert law.gain == pytest.approx(law.gain_measured, abs=0.02)
    assert law.distance == pytest.approx(law.distance_measured, abs=0.02)
    assert (law.s_delta, law.s_curvature, law.r) == pytest.approx(spread, abs=0.03)
    assert law.n_demons == 20_000


def test_the_law_tells_the_table_of_the_theory():
    # theory.md §1.6, tanh after 60 epochs: s = 2.54, 2.41, r = .95 → .30 and .96
    law = fit_law(*newton(2.54, 2.41, 0.95, 200_000))
    assert (law.distance, law.gain) == pytest.approx((0.30, 0.96), abs=0.03)


def test_a_steeper_curvature_than_slope_turns_the_distance_round():
    assert fit_law(*newton(0.5, 2.0, 0.9)).distance < 0


def test_demons_without_slope_or_with_a_hollow_curve_are_left_out():
    delta = np.array([1.0, -2.0, 4.0, 0.0, 3.0, np.nan])
    curvature = np.array([1.0, 1.0, 2.0, 5.0, -1.0, 1.0])
    assert fit_law(delta, curvature, delta, delta).n_demons == 3


@pytest.mark.parametrize(
    "delta", [np.zeros(9), np.array([1.0, 2.0]), np.full(9, np.nan), np.arange(1.0, 10.0)]
)
def test_the_law_is_none_where_there_is_nothing_to_fit_or_all_are_equally_far(delta):
    assert fit_law(delta, delta, delta, delta) is None  # distance δ/h = 1 for every demon


def test_a_constant_slope_forecasts_nothing_of_the_gain():
    law = fit_law(np.ones(9), np.arange(1.0, 10.0), np.arange(9.0), np.ones(9))
    assert (law.s_delta, law.r, law.gain, law.distance) == (0.0, 0.0, 0.0, 0.0)


def test_the_split_equals_covariances_spelled_out():
    rng = np.random.default_rng(0)
    delta, distance, kappa = np.exp(rng.normal(size=(3, 50)))
    gain = delta * distance * kappa
    split = split_headroom(-delta, distance, gain)
    for name, part in (("influence", delta), ("distance", distance), ("shape", kappa)):
        pair = np.cov(np.log(part), np.log(gain))
        assert getattr(split, name) == pytest.approx(pair[0, 1] / pair[1, 1], abs=1e-12)
    assert split.influence + split.distance + split.shape == pytest.approx(1.0, abs=1e-12)


def test_kinks_leave_nothing_to_influence():
    distance = np.array([0.5, 1.0, 2.0, 4.0])
    split = split_headroom(np.ones(4), distance, distance)
    assert (split.influence, split.distance) == pytest.approx((0.0, 1.0), abs=1e-12)


@pytest.mark.parametrize("headroom", [np.zeros(5), np.full(5, 2.0), np.full(5, np.nan)])
def test_the_split_is_none_where_headroom_does_not_vary(headroom):
    assert split_headroom(np.arange(1.0, 6.0), np.ones(5), headroom) is None
