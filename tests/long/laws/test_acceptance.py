"""The acceptance experiments A1, A3, A5, A7–A11 and A15 of theory.md (d): seeds 0–2, all cells."""

import pytest
from oracles import acceptance
from oracles.digit_nets import EPOCHS

EXAMPLES = 200
SEEDS = (0, 1, 2)
seeds = pytest.mark.parametrize("seed", SEEDS)


@seeds
def test_a1_output_headroom(seed):
    acceptance.require_a1(seed, EXAMPLES)


@seeds
def test_a3_ladder(seed):
    acceptance.require_a3(seed, EXAMPLES)


@seeds
def test_a5_stationarity(seed):
    acceptance.require_a5(seed, 1297)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_a5_interpolation(activation):
    acceptance.require_a5_interpolating(SEEDS, activation)


@seeds
def test_a7_gain(seed):
    acceptance.require_a7(seed, EXAMPLES)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("epoch", EPOCHS)
def test_a8_dispersion_law(activation, epoch):
    acceptance.require_a8(SEEDS, EXAMPLES, activation, epoch)


@seeds
def test_a9_trust_radius(seed):
    acceptance.require_a9(seed, EXAMPLES)


@seeds
def test_a10_absolute_error(seed):
    acceptance.require_a10(seed)


@seeds
def test_a11_flatness(seed):
    acceptance.require_a11(seed, EXAMPLES)


@seeds
def test_a15_variance_shares(seed):
    acceptance.require_a15(seed, EXAMPLES)
