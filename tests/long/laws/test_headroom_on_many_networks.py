"""Headroom against brute force on many small networks, all sites of each; see oracles.brute_demons."""

import pytest
import torch
from oracles.brute_demons import require_brute_force
from oracles.small_networks import convolution, perceptron, positions, small_network

from neurodemon.terms.radii import Absolute, Std

RADII = (Std(4), Std(1), Absolute(3))


@pytest.mark.parametrize("kind", [perceptron, convolution, positions])
@pytest.mark.parametrize("seed", range(300, 312))
def test_headroom_equals_brute_force(kind, seed):
    dtype = (torch.float64, torch.float32)[seed % 2]
    better = ("lower", "higher")[seed // 2 % 2]
    require_brute_force(small_network(seed, dtype, kind, most=20), better, RADII[seed % 3])
