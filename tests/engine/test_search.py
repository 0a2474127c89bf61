"""The search on curves written by hand, against a dense scan of each.

Oracle: 400,001 points evenly over the way (`scan`). Tolerances: the search ends at 4e-6 of the
radius, and then tries the vertex and the corner, so 1e-5 in place unless a test says otherwise.
"""

import numpy as np
import pytest

from neurodemon.engine.search import (
    EVEN,
    FINER,
    HALVINGS,
    Ties,
    find_basins,
    first_violation,
    halve,
    make_grid,
    narrow,
    settle,
    sharpen,
)

PLACE = 1e-5


def relu(x):
    return np.maximum(x, 0)


CURVES = {
    "parabola": lambda x: (x - 0.3) ** 2,
    "corner": lambda x: np.abs(x + 0.4137),
    "two basins, the far one deeper": lambda x: np.minimum((x - 0.1) ** 2, (x + 0.8) ** 2 - 0.05),
    "many basins": lambda x: np.cos(17 * x) + 0.3 * x,
    "seven corners": lambda x: -np.abs(np.sin(11 * x)) * (1 + x / 5),
    "down to the right edge": lambda x: -np.expm1(x),
    "down to the left edge": lambda x: np.log1p(np.exp(9 * x)),
    "plateau behind a slope": lambda x: relu(0.5 - x),
    "plateau on the left": lambda x: relu(x + 0.65),
    "cliff behind a plateau": lambda x: -relu(x - 0.61),
    "valley a two-hundredth wide": lambda x: np.minimum(relu(x), 200 * np.abs(x - 0.3712) - 0.6),
    "steep, then flat": lambda x: np.tanh(40 * (x - 0.01)) ** 2,
    "near 0": lambda x: (x - 1e-4) ** 2,
    "step": lambda x: np.where(x < -0.2305, -1.0, 0.1 * x**2),
    "best here": np.square,
    "flat": np.zeros_like,
}  # fmt: skip


def ties(noise=0.0, rounding=0.0):
    return Ties(plateau=np.array([[noise]]), elsewhere=np.array([[rounding]]))


def search(curve, *, even=EVEN, tied=None):
    """Where the search ends on a curve, which may be random but is 0 at 0."""
    tied = ties() if tied is None else tied
    grid = make_grid(even)

    def effect(x):
        found = curve(x) - curve(np.zeros(1))[0]
        return np.where(np.isnan(found), np.inf, found)

    basins = find_basins(grid, effect(grid[:, None, None]), tied)
    for _ in range(HALVINGS):
        x = halve(basins)
        basins = narrow(basins, x, effect(x))
    corners = sharpen(basins)
    return settle(basins, corners, effect(corners), tied).item()


def scan(curve):
    """The least on 400,001 points, and the nearest to 0 of those that have it."""
    x = np.linspace(-1, 1, 400_001)
    f = curve(x)
    f = np.where(np.isnan(f), np.inf, f)
    equal = x[f <= f.min() + 1e-15]
    return equal[np.abs(equal).argmin()], f.min()


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_the_search_ends_where_a_dense_scan_does(curve):
    place, least = scan(curve)
    found = search(curve)
    assert curve(np.array([found]))[0] <= least + 1e-9
    assert abs(found - place) < PLACE


@pytest.mark.parametrize("name", ["parabola", "many basins", "plateau behind a slope"])
def test_mirrored_curves_have_mirrored_ends(name):
    curve = CURVES[name]
    assert search(lambda x: curve(-x)) == pytest.approx(-search(curve), abs=PLACE)


def test_a_grid_too_coarse_misses_what_the_scan_finds():
    """Negative control: the oracle tells a bad search from a good one."""
    curve = CURVES["valley a two-hundredth wide"]
    place, _ = scan(curve)
    assert abs(search(curve, even=4) - place) > 0.1
    assert abs(search(curve, even=1000) - place) < PLACE


@pytest.mark.parametrize("seed", range(40))
def test_random_crooked_lines_are_searched_to_their_least(seed):
    rng = np.random.default_rng(seed)
    corners, slopes = rng.uniform(-1, 1, (3, 1)), rng.normal(size=(3, 1))
    base = rng.normal() / 2

    def curve(x):
        """A sum of ReLUs: as a ReLU network's cost, between two kinks straight."""
        return base * x + (
            slopes.reshape(-1, *[1] * x.ndim) * relu(x - corners.reshape(-1, *[1] * x.ndim))
        ).sum(0)

    place, least = scan(curve)
    found = search(curve)
    assert curve(np.array([found]))[0] <= least + 1e-6 * abs(least) + 1e-12
    if np.ptp(curve(np.linspace(-1, 1, 999))) > 0.1:
        assert abs(found) <= abs(place) + 1e-4


def noisy(curve, size, seed=0):
    """A curve with rounding: each value off by up to `size`, at 0 exact."""
    rng = np.random.default_rng(seed)
    return lambda x: curve(x) + np.where(x == 0, 0.0, rng.uniform(-size, size, x.shape))


@pytest.mark.parametrize("name", ["plateau behind a slope", "plateau on the left"])
def test_on_a_plateau_with_noise_the_edge_nearest_to_0_is_found(name):
    place, _ = scan(CURVES[name])
    found = search(noisy(CURVES[name], 1e-9), tied=ties(noise=4e-9))
    assert found == pytest.approx(place, abs=PLACE)
    unaware = search(noisy(CURVES[name], 1e-9))
    assert abs(unaware - place) > 0.01  # negative control: the least of the noise is anywhere


def test_the_bottom_of_a_parabola_is_no_plateau():
    # within the noise it is ±√2e-6 = ±1.4e-3 wide
    found = search(CURVES["parabola"], tied=ties(noise=2e-6))
    assert found == pytest.approx(0.3, abs=PLACE)


def test_two_equal_basins_give_the_nearer_though_rounding_favours_the_other():
    def curve(x):
        return np.minimum((x - 0.5) ** 2, (x + 0.3) ** 2 + 1e-12)

    assert search(curve, tied=ties(noise=1e-11)) == pytest.approx(-0.3, abs=PLACE)
    assert search(curve) == pytest.approx(0.5, abs=PLACE)


def test_a_curve_that_is_flat_is_no_reason_to_move():
    assert search(np.zeros_like, tied=ties(noise=1e-9)) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_where_the_cost_is_not_finite_is_no_place_to_go(bad):
    def curve(x):
        return np.where(x > 0.55, bad, -x)

    found = search(curve)
    assert 0.55 - 1 / EVEN <= found <= 0.55


def test_a_curve_that_is_finite_nowhere_but_at_rest_stays_at_rest():
    assert search(lambda x: np.where(x == 0, 0.0, np.nan)) == 0.0


def test_many_demons_at_once_are_each_searched_as_if_alone():
    curves = list(CURVES.values())
    grid, tied = make_grid(), Ties(plateau=np.zeros((2, 1)), elsewhere=np.zeros((2, 1)))

    def effects(x):
        """Row 0 has the curves of even number, row 1 the others; x: (..., row, unit)."""
        found = [[curves[2 * u + r](x[..., r, u]) for u in range(8)] for r in range(2)]
        at_rest = [[curves[2 * u + r](np.zeros(1))[0] for u in range(8)] for r in range(2)]
        return np.moveaxis(np.array(found), (0, 1), (-2, -1)) - np.array(at_rest)

    basins = find_basins(
        grid, effects(np.broadcast_to(grid[:, None, None], (len(grid), 2, 8))), tied
    )
    for _ in range(HALVINGS):
        x = halve(basins)
        basins = narrow(basins, x, effects(x))
    corners = sharpen(basins)
    found = settle(basins, corners, effects(corners), tied)
    alone = [[search(curves[2 * u + r]) for u in range(8)] for r in range(2)]
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize("even", [1, EVEN, 1000])
def test_the_grid_is_symmetric_ascending_and_holds_the_edges_and_0(even):
    grid = make_grid(even)
    assert len(grid) == 2 * (even + FINER) + 1
    assert (np.diff(grid) > 0).all()
    np.testing.assert_array_equal(grid, -grid[::-1])
    assert (grid[0], grid[len(grid) // 2], grid[-1]) == (-1.0, 0.0, 1.0)
    assert grid[len(grid) // 2 + 1] == pytest.approx(1 / even / 2**FINER)


def slow_violation(distances, is_kept):
    """Walk outwards until the promise breaks."""
    kept = 0.0
    for distance, holds in zip(distances, is_kept, strict=True):
        if not holds:
            return kept, distance
        kept = distance
    return kept, np.inf


def test_the_first_violation_is_where_a_walk_outwards_meets_it():
    rng = np.random.default_rng(0)
    distances = np.sort(rng.uniform(0.01, 1, 7))
    is_kept = rng.random((7, 4, 50)) < 0.7
    is_kept[:, 0, 0], is_kept[:, 0, 1] = True, False
    kept, broken = first_violation(distances, is_kept)
    for row, unit in np.ndindex(4, 50):
        expected = slow_violation(distances, is_kept[:, row, unit])
        assert (kept[row, unit], broken[row, unit]) == expected
    assert (kept[0, 0], broken[0, 0]) == (distances[-1], np.inf)
    assert (kept[0, 1], broken[0, 1]) == (0.0, distances[0])


def test_a_promise_that_breaks_and_holds_again_is_trusted_no_further():
    distances = np.array([1.0, 2.0, 3.0])
    kept, broken = first_violation(distances, np.array([True, False, True])[:, None, None])
    assert (kept.item(), broken.item()) == (1.0, 2.0)
