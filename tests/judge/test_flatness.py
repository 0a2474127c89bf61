"""Near the optimum slope and distance rank alike; far away saturation turns that round."""

import numpy as np
import pytest
import scipy.stats

from neurodemon.judge.flatness import flatness
from neurodemon.terms.questions import WINDOWS

DZ = np.linspace(-4, 4, 201)


def one(cost: np.ndarray, std: float = 1.0):
    """The flatness of one curve."""
    return flatness(DZ[:, None], cost[:, None], np.array([std]))


def well(dz: np.ndarray) -> np.ndarray:
    """A well that saturates on both sides, its least at .3."""
    return -np.exp(-2 * (dz - 0.3) ** 2)


def test_all_windows_are_reported():
    assert list(one(well(DZ))) == [f"{window:g}" for window in WINDOWS]


def test_a_parabola_ranks_in_every_window():
    assert all(value > 0.99 for value in one((DZ - 0.4) ** 2).values())


def test_a_well_ranks_near_its_optimum_and_not_far_from_it():
    found = one(well(DZ))
    assert found["0.25"] > 0.95
    assert found["4"] < 0.5


def test_a_window_equals_its_slow_twin():
    cost = well(DZ)
    best = DZ[np.argmin(cost)]
    pairs = []
    for place, dz in enumerate(DZ):
        low, high = max(0, place - 1), min(200, place + 1)
        if abs(dz - best) <= 1.0 * 1.5 + 1e-9:
            pairs.append((abs((cost[high] - cost[low]) / (DZ[high] - DZ[low])), abs(dz - best)))
    expected = scipy.stats.spearmanr(*zip(*pairs, strict=True)).statistic
    # tolerance: points equally far on both sides are ties up to rounding
    assert one(cost, std=1.5)["1"] == pytest.approx(expected, abs=1e-3)


def test_the_median_over_units_is_taken():
    cost = np.stack([(DZ - 0.4) ** 2, well(DZ), (DZ + 1) ** 2], axis=1)
    dz = np.repeat(DZ[:, None], 3, axis=1)
    assert flatness(dz, cost, np.ones(3))["4"] > 0.99


@pytest.mark.parametrize("cost", [DZ, -DZ, np.zeros(201), np.where(DZ > 3, np.nan, DZ**2)])
def test_without_an_optimum_inside_there_is_nothing_to_tell(cost):
    assert set(one(cost).values()) == {None}


def test_windows_beyond_the_radius_and_windows_of_few_points_are_none():
    found = one(DZ**2, std=2.5)
    assert found["1"] is not None
    assert found["2"] is None  # 5 > 4
    assert one(DZ**2, std=0.01)["0.25"] is None
