"""The acceptance experiments A1–A3, A5, A7–A11 and A15 of theory.md (d): one seed, few examples.

What each asks for, and its range, stands in `oracles.acceptance`; the three seeds in tests/long.
"""

import numpy as np
import pytest
import torch
from oracles import acceptance
from oracles.acceptance import look
from oracles.digit_nets import subject_of
from torch import nn

from neurodemon.judge.correlation import correlate_ranks
from neurodemon.judge.dispersion import fit_law
from neurodemon.subjects.subject import Subject
from neurodemon.terms.findings import SCOPES
from neurodemon.terms.radii import Absolute

SEED, FEW = 0, 60


def test_a1_at_the_output_headroom_is_minus_log_of_one_minus_delta():
    acceptance.require_a1(SEED, FEW, epochs=(10,))


def linear(cost: str) -> Subject:
    """Two linear neurons on 30 examples."""
    generator = torch.Generator().manual_seed(SEED)
    model = nn.Linear(3, 1).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.7, -1.0, 0.2]]))
    x, y = (torch.randn(30, n, generator=generator).double() for n in (3, 1))
    return Subject(model, [(x, y)], cost)


def test_a2_of_parabolas_the_distance_is_delta_and_the_shape_one_half():
    found = look(linear("quadratic"), ":out", Absolute(9))
    assert np.abs(np.abs(found.best_dz) - np.abs(found.delta)).max() < 1e-6
    assert np.abs(found.shape - 0.5).max() < 1e-6
    assert correlate_ranks(np.abs(found.delta), np.abs(found.best_dz)) == pytest.approx(1)


def test_a2_of_distances_the_shape_is_one_and_influence_ranks_nothing():
    found = look(linear("absolute_error"), ":out", Absolute(9))
    assert np.abs(found.shape - 1).max() < 1e-9
    assert np.abs(found.best_dz + found.delta * found.cost[:, None]).max() < 1e-6
    assert correlate_ranks(np.abs(found.delta), found.headroom) is None  # constant |δ|


def test_a3_each_rung_is_at_least_the_one_below_along_whole_curves():
    acceptance.require_a3(SEED, FEW)


def test_a5_at_a_stationary_point_mean_first_order_is_the_norm_of_the_weights():
    acceptance.require_a5(SEED, 100, width=8)


def test_a5_an_interpolating_net_silences_the_mean_slope_only_in_part():
    acceptance.require_a5_interpolating([SEED], "relu")


def test_a7_in_relu_nets_activation_space_ranks_the_gain_and_the_slope_misses_some():
    acceptance.require_a7(SEED, 200)  # of fewer, the top 5 % are too few for a share


@pytest.mark.parametrize(("activation", "epoch"), [("tanh", 60), ("relu", 10)])
def test_a8_the_dispersion_law_forecasts_the_ranks(activation, epoch):
    acceptance.require_a8([SEED], FEW, activation, epoch)


def test_a8_the_law_is_not_one_of_demons_that_end_at_their_radius():
    """Negative control: untrained, nearly all do."""
    found = look(subject_of("tanh", "cross_entropy", SEED, 0, FEW), "3")
    assert found.is_censored.mean() > 0.8
    law = fit_law(found.delta, found.curvature, found.best_dz, found.headroom)
    assert abs(law.distance - law.distance_measured) > 0.12


def test_a9_the_trust_radius_is_twice_epsilon_newton_steps():
    acceptance.require_a9(SEED, FEW, epochs=(10,))


def test_a10_under_the_absolute_error_influence_knows_nothing_of_the_cost():
    acceptance.require_a10(SEED, ("2",), (300,))


def test_a11_a_curve_is_flat_near_its_optimum_and_again_far_away():
    acceptance.require_a11(SEED, FEW)


def test_a15_influence_and_distance_share_the_headroom_of_parabolas():
    acceptance.require_a15(SEED, FEW)


@pytest.mark.parametrize("scope", SCOPES)
def test_the_identity_of_influence_shape_and_distance_holds(scope):
    """G = κ·|δ|·|Δz*| (theory.md §0.1), and for a convex φ κ ≤ 1 (§1.2)."""
    found = look(subject_of("tanh", "cross_entropy", SEED, 10, FEW), "3", scope=scope)
    told = np.isfinite(found.shape)
    gain = found.shape * np.abs(found.delta) * np.abs(found.best_dz)
    np.testing.assert_allclose(gain[told], found.headroom[told], rtol=1e-12)
    assert (found.shape[told] <= 1 + 1e-9).all()
