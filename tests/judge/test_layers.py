"""A layer's numbers equal their slow twins; what is not finite is counted and left out."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from oracles.brute_findings import brute_findings

from neurodemon.judge.layers import Aside, join_findings, make_layer, median
from neurodemon.terms.questions import Layer


def curve(example, unit, dz):
    """Parabolas of many slopes, distances and curvatures; the last unit is off."""
    if unit == 3:
        return np.full_like(dz, 1.0)
    return 1 + (1 + unit) * (dz - np.sin(1 + example + 3 * unit)) ** 2


EACH = brute_findings(curve, (6, 4))
SHARED = brute_findings(curve, (6, 4), scope="shared")
ASIDE = Aside(0.5, 0.25, {"1": 0.9}, 0.01, 0.02)


def made(findings, **changes) -> Layer:
    verdicts = ["A"] * 3 + ["B"]
    layer = make_layer(replace(findings, **changes), verdicts, ASIDE, step=7, site="fc1")
    assert layer is not None
    return layer


def test_means_medians_and_shares_are_those_of_the_demons():
    layer = made(EACH)
    assert (layer.step, layer.site, layer.scope, layer.n_units, layer.n_examples) == (
        7, "fc1", "each", 4, 6,
    )  # fmt: skip
    assert layer.cost == pytest.approx(np.mean(EACH.cost))
    assert layer.influence == pytest.approx(np.abs(EACH.delta).mean())
    assert layer.headroom == pytest.approx(EACH.headroom.mean())
    assert layer.distance == np.median(np.abs(EACH.best_dz))
    assert layer.zero == 0.25
    assert layer.shape == pytest.approx(0.5, abs=2e-3)  # the grid's steps
    assert layer.verdicts == {"A": 0.75, "B": 0.25}
    assert layer.trust_radius == 0.1
    assert (layer.output_slope, layer.unit_slope, layer.flatness) == (0.5, 0.25, {"1": 0.9})
    assert (layer.norm_of_mean_trained, layer.mean_of_norms_trained) == (0.01, 0.02)


def test_ranks_are_pooled_and_within_examples():
    layer = made(EACH)
    size, gain, distance = np.abs(EACH.delta), EACH.headroom, np.abs(EACH.best_dz)
    pooled = scipy.stats.spearmanr(size.ravel(), gain.ravel()).statistic
    within = [scipy.stats.spearmanr(a, b).statistic for a, b in zip(size, distance, strict=True)]
    assert layer.rank_gain == pytest.approx(pooled, abs=1e-9)
    assert layer.rank_distance_within == pytest.approx(np.mean(within), abs=1e-9)


def test_a_shared_demon_has_no_ranks_within_examples():
    layer = made(SHARED)
    assert layer.rank_gain is not None
    assert (layer.rank_gain_within, layer.rank_distance_within) == (None, None)
    assert layer.norm_of_mean == pytest.approx(np.linalg.norm(SHARED.deltas.mean(0)))


def test_demons_that_are_not_finite_are_counted_and_left_out():
    headroom = EACH.headroom.copy()
    headroom[0, 0], headroom[1, 1] = np.inf, np.nan
    is_finite = np.ones_like(EACH.is_finite)
    is_finite[2, 2] = False
    layer = made(EACH, headroom=headroom, is_finite=is_finite)
    assert layer.non_finite == pytest.approx(3 / 24)
    kept = np.isfinite(headroom) & is_finite
    assert layer.headroom == pytest.approx(headroom[kept].mean())


def test_without_any_finite_number_there_is_no_layer():
    broken = replace(EACH, delta=EACH.delta * np.nan)
    assert make_layer(broken, ["A"], Aside(), step=0, site="fc1") is None


def test_parts_of_a_site_are_joined_side_by_side():
    def part(first, last):
        by_unit = {
            name: getattr(EACH, name)[..., first:last]
            for name in vars(EACH)
            if name not in {"scope", "cost", "noise", "n_tried"}
        }
        return replace(EACH, **by_unit)

    joined = join_findings([part(0, 1), part(1, 4)])
    assert all(np.array_equal(getattr(joined, name), getattr(EACH, name)) for name in vars(EACH))


def test_a_median_of_nothing_is_none():
    assert median(np.array([])) is None


def test_the_law_is_of_demons_whose_optimum_lies_inside_the_radius():
    is_censored = np.zeros(EACH.delta.shape, bool)
    is_censored[:, 0] = True
    whole, inside = made(EACH).law, made(EACH, is_censored=is_censored).law
    assert whole is not None
    assert inside is not None
    assert whole.n_demons - inside.n_demons == len(EACH.delta)
