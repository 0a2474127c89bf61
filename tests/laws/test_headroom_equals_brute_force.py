"""nd.headroom finds what 2,001 Δz find, for each demon, and the nearest of the best.

The oracle and its tolerances stand in `oracles.brute_demons`; many more networks in tests/long.
"""

import numpy as np
import pytest
import torch
from oracles.brute_demons import Demon, require_brute_force
from oracles.brute_headroom import descend, even_grid, place_units
from oracles.small_networks import convolution, perceptron, positions, small_network

import neurodemon as nd

NOISE = np.full(20, 1e-15)  # no cost here is above 9
CASES = [
    (perceptron, 10, torch.float64, "lower"),
    (perceptron, 23, torch.float64, "higher"),
    (convolution, 4, torch.float32, "higher"),
    (positions, 2, torch.float64, "lower"),
]


@pytest.mark.parametrize(
    ("kind", "seed", "dtype", "better"),
    CASES,
    ids=[f"{kind.__name__} {seed} {dtype} {better}" for kind, seed, dtype, better in CASES],
)
def test_headroom_equals_brute_force(kind, seed, dtype, better):
    require_brute_force(small_network(seed, dtype, kind, most=8), better, most_sites=1)


def test_headroom_equals_brute_force_within_an_absolute_radius():
    small = small_network(5, torch.float64, perceptron, most=12)
    require_brute_force(small, "lower", nd.Absolute(2.5), most_sites=1)


@pytest.fixture(scope="module")
def relu_demons() -> list[Demon]:
    """The demons of a ReLU net that try everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
        ).double()
        inputs, target = torch.randn(20, 3, dtype=torch.float64), torch.randint(3, (20,))
    cost = torch.nn.CrossEntropyLoss(reduction="none")
    brutes = place_units(model, [(inputs, target)], cost, "0", ("example", "unit"), "neuron")
    return [Demon(brute, 3.0) for brute in brutes]


def test_a_local_descent_is_caught(relu_demons):
    """Negative control: it starts where ReLUs are off, and stays there (theory.md E6)."""
    for demon in relu_demons:
        with pytest.raises(AssertionError):
            demon.require_best(descend(demon.brute, 3.0, "each"), "each", NOISE)


def test_a_coarse_grid_is_caught(relu_demons):
    """Negative control: the best of 8 Δz."""
    for demon in relu_demons:
        coarse = even_grid(2.7, 8)
        with pytest.raises(AssertionError):
            demon.require_best(coarse[demon.brute.effects(coarse).argmin(0), 0], "each", NOISE)


def test_the_far_end_of_a_plateau_is_caught(relu_demons):
    """Negative control: as good, but not the nearest."""
    caught = 0
    for demon in relu_demons:
        is_least = demon.effects <= demon.effects.min(0) + 1e-15
        far = demon.grid[np.where(is_least, np.abs(demon.grid), -1).argmax(0), 0]
        demon.require_best(far, "each", NOISE)
        try:
            demon.require_nearest(far, "each", NOISE)
        except AssertionError:
            caught += 1
    assert caught > 0
