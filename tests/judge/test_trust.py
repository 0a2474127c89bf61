"""The free bound against its closed form, and against losses whose curvature is known."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.brute_findings import brute_findings

from neurodemon.judge.trust import free_bound
from neurodemon.terms.findings import Findings

DELTAS = np.array([[0.5, -2.0, 0.0], [-0.25, 4.0, 3.0]])
COST = np.array([0.7, 2.0])


def findings(deltas=DELTAS, scope="each") -> Findings:
    """Demons with these slopes; the rest does not count."""
    base = brute_findings(lambda _i, _u, dz: 1 + 0 * dz, deltas.shape, scope=scope)
    seen = deltas.mean(0, keepdims=True) if scope == "shared" else deltas
    return replace(base, delta=seen, deltas=deltas)


@pytest.mark.parametrize(
    ("loss", "room"), [("cross_entropy", np.exp(COST) - 1), ("quadratic", 2 * COST)]
)
def test_the_bound_is_the_closed_form_of_the_theory(loss, room):
    """|δΔz| ≤ 2ε(e^C − 1), or 4εC, with ε = 0.1 (theory.md §1.7)."""
    found = free_bound(findings(), loss, COST)
    for example, unit in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]:
        bound = 2 * 0.1 * room[example] / abs(DELTAS[example, unit])
        assert found[example, unit] == pytest.approx(bound, rel=1e-14)
    assert np.isnan(found[0, 2])  # no slope, no promise


@pytest.mark.parametrize(
    ("loss", "room"), [("cross_entropy", np.exp(COST) - 1), ("quadratic", 2 * COST)]
)
def test_a_shared_demon_is_bound_by_the_mean_of_the_curvatures(loss, room):
    found = free_bound(findings(scope="shared"), loss, COST)
    assert found.shape == (1, 3)
    for unit in range(3):
        bend = np.mean(DELTAS[:, unit] ** 2 / room)
        bound = 2 * 0.1 * abs(DELTAS[:, unit].mean()) / bend
        assert found[0, unit] == pytest.approx(bound, rel=1e-14)


@pytest.mark.parametrize("loss", [None, "absolute", "hinge"])
def test_a_loss_without_a_curvature_of_its_own_has_no_bound(loss):
    assert np.isnan(free_bound(findings(), loss, COST)).all()


@pytest.mark.parametrize("y", [0, 1])
def test_no_logit_is_trusted_beyond_the_bound(y):
    """Of a logit h = p(1 − p) ≥ δ²/(e^C − 1): beyond the bound first order is off by over 10 %."""
    for logit in np.linspace(-4, 4, 17):

        def cost(dz, logit=logit):
            return np.log1p(np.exp(-(2 * y - 1) * (logit + dz)))

        p = 1 / (1 + np.exp(-logit))
        delta, here = np.array([[p - y]]), np.array([cost(0.0)])
        bound = free_bound(findings(delta), "cross_entropy", here).item()
        # second order: 20 % beyond the bound the third derivative no longer matters
        off = [
            abs(cost(dz) - cost(0.0) - delta.item() * dz) / abs(cost(dz) - cost(0.0))
            for dz in (-1.2 * bound, 1.2 * bound)
        ]
        assert max(off) > 0.1


def test_of_a_linear_neuron_under_the_quadratic_cost_the_bound_is_exact():
    """C = δ²/2 and h = 1: off by ε at |Δz| = 2ε|δ|, to first order in ε."""
    deltas = np.array([[0.3], [-2.0]])
    found = free_bound(findings(deltas), "quadratic", deltas[:, 0] ** 2 / 2)
    np.testing.assert_allclose(found, 0.2 * np.abs(deltas), rtol=1e-14)


def test_costs_of_nothing_and_without_end_neither_raise_nor_warn():
    found = free_bound(findings(np.ones((3, 1))), "cross_entropy", np.array([0.0, 1e5, 1.0]))
    assert np.isnan(found[0, 0])
    assert np.isnan(found[1, 0])
    assert np.isfinite(found[2, 0])
