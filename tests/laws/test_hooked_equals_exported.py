"""Law: exported = hooked, on module sites and on operations outside composite functions.

Tolerance: 1e-5 of the largest effect in float32, 1e-11 in float64 (DESIGN §5). What no export
holds is measured against the hook oracle, one full forward for each unit and example.
"""

import functools

import numpy as np
import pytest
import torch
from oracles.comparing import both, hookable, largest_gap
from oracles.models import ZOO, Case, classes, seeded
from oracles.odd_models import Branching, Compiled, Custom, Guarded, Skipping
from torch import nn

import neurodemon as nd
from neurodemon.errors import CouplingError
from neurodemon.jobs.predicting import available_predictors
from neurodemon.terms.sites import Site

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}
# the rest of the zoo, and more perturbations: tests/long/laws/test_hooked_equals_exported_whole.py
CASES = [
    ("residual cnn", torch.float64), ("lstm", torch.float32), ("reused", torch.float64),
    ("tuple and dict", torch.float64), ("position major", torch.float32),
]  # fmt: skip


@functools.cache
def pair_of(name: str, dtype: torch.dtype) -> tuple[nd.Subject, nd.Subject, list[Site]]:
    """The pair of a case of the zoo."""
    return pair(ZOO[name]().to(dtype))


def pair(case: Case) -> tuple[nd.Subject, nd.Subject, list[Site]]:
    """A case by hooks and by export, first batch alone, with the hooked sites that both have."""
    hooked = nd.Subject(case.model, case.batches[:1], case.cost, capture="hooked")
    exported = nd.Subject(case.model, case.batches[:1], case.cost, capture="exported")
    known = {name for site in nd.sites(exported) for name in site.names}
    return hooked, exported, [site for site in nd.sites(hooked) if site.name in known]


def off(one: nd.Effects, other: nd.Effects) -> float:
    """The largest difference per example, relative to the largest effect."""
    assert one.per_example is not None
    assert other.per_example is not None
    largest = np.abs(other.per_example).max()
    assert largest > 1e-6
    return float(np.abs(one.per_example - other.per_example).max() / largest)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_both_tracings_measure_and_predict_the_same(name: str, dtype: torch.dtype) -> None:
    hooked, exported, common = pair_of(name, dtype)
    selection = ",".join(site.name for site in common)
    halved = nd.Scale(0.5)
    one, other = (nd.measure(subject, selection, halved) for subject in (hooked, exported))
    assert set(one["engine"]) == {"hooked"}
    assert set(other["engine"]) == {"exported"}
    assert off(one, other) < LIMITS[dtype]
    assert available_predictors(hooked) == available_predictors(exported)
    for predictor in available_predictors(exported):
        one, other = (
            nd.predict(subject, selection, halved, predictor=predictor)
            for subject in (hooked, exported)
        )
        assert off(one, other) < LIMITS[dtype], predictor


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_both_tracings_find_the_same_sites_axes_kinds_and_units(
    name: str, dtype: torch.dtype
) -> None:
    hooked, exported, common = pair_of(name, dtype)
    known = {name: site for site in nd.sites(exported) for name in site.names}
    assert len(common) == len(nd.sites(exported))
    for site in common:
        twin = known[site.name]
        assert (site.name, site.kind, site.axes, site.shape, site.unit_kind, site.is_output) == (
            twin.name, twin.kind, twin.axes, twin.shape, twin.unit_kind, twin.is_output,
        )  # fmt: skip
        assert set(site.aliases) == set(twin.aliases)
    own = [[site.name for site in nd.units(subject).sites] for subject in (hooked, exported)]
    assert own[0] == own[1]


def test_the_comparison_fails_for_another_perturbation() -> None:
    """Negative control."""
    hooked, exported, common = pair_of("reused", torch.float64)
    name = common[1].name
    one, other = nd.measure(hooked, name, nd.Scale(0.5)), nd.measure(exported, name, nd.Scale(0.51))
    assert off(one, other) > 1e-4


def odd(make: type[nn.Module], sizes: tuple[int, ...] = (4,)) -> Case:
    """A network of `odd_models`, in float64."""
    return classes(seeded(make), sizes, (5,)).to(torch.float64)


@pytest.mark.parametrize("make", [Guarded, Custom, Skipping])
def test_hooked_effects_equal_one_hooked_forward_per_unit(make: type[nn.Module]) -> None:
    case = odd(make)
    subject = nd.Subject(case.model, case.batches, case.cost, capture="hooked")
    shared = {"stem"} if make is Skipping else set()  # the oracle's hook moves one reader alone
    sites = [site for site in nd.sites(subject) if hookable(site) and site.name not in shared]
    assert {"fc", "stem"} & {site.name for site in sites}
    for site in sites:
        assert largest_gap([both(subject, case, site, nd.Scale(0.5))]) < 1e-11, site.name


def test_a_branch_is_taken_anew_by_each_nudged_example() -> None:
    """The demon flips the branch: what it costs is what lies behind the other one."""
    case = odd(Branching, (1, 1, 1, 1))
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert nd.check(subject).passed
    measured, expected = both(subject, case, nd.sites(subject)["stem"], nd.Add(-3.0))
    assert largest_gap([(measured, expected)]) < 1e-11
    predicted = nd.predict(subject, "stem", nd.Add(-3.0), predictor="tangent")
    assert predicted.per_example is not None
    assert np.abs(predicted.per_example - expected).max() > 1e-2, "no branch was flipped"


def test_sites_that_only_some_batches_reach_are_refused_with_the_reason() -> None:
    case = odd(Branching, (1, 1, 1, 1))
    table = nd.sites(nd.Subject(case.model, case.batches, case.cost))
    assert "not every batch reaches it" in {*table.refused.values()}
    assert not {"left", "right"} <= {site.name for site in table}


def test_a_branch_that_reads_the_whole_batch_is_coupling() -> None:
    case = odd(Branching, (64,))
    x, y = case.batches[0]
    with torch.no_grad():
        sums = torch.tanh(case.model.stem(x)).sum(1)
    assert sums.min() < 0 < sums.max()
    mixed = x[[int(sums.argmin()), int(sums.argmax())]]
    subject = nd.Subject(case.model, [(mixed, y[:2])], case.cost)
    with pytest.raises(CouplingError, match=r"odd_models\.py:\d+.*batches of one example"):
        nd.measure(subject)


def test_a_custom_function_keeps_its_own_backward() -> None:
    """Eager δ: the user's backward is 7·gradient, the derivative of the forward 2x·gradient."""
    case = odd(Custom)
    hooked = nd.Subject(case.model, case.batches, case.cost, capture="hooked")
    at_fc, behind = nd.delta(hooked, "fc"), nd.delta(hooked, "square")
    assert torch.allclose(at_fc, 7 * behind)
    exported = nd.Subject(case.model, case.batches, case.cost, capture="exported")
    assert not torch.allclose(nd.delta(exported, "fc"), at_fc)


def test_a_demon_moves_all_that_reads_the_tensor_it_sits_at() -> None:
    """A layer and a skip read the stem: as in an export, both see what the demon did."""
    hooked, exported, _ = pair(odd(Skipping))
    one, other = (nd.measure(subject, "stem", nd.Zero()) for subject in (hooked, exported))
    assert off(one, other) < 1e-11


@pytest.mark.parametrize("capture", ["exported", "hooked"])
def test_compiled_modules_have_their_users_names(capture: str) -> None:
    case = odd(Compiled)
    compiled = nd.Subject(case.model, case.batches, case.cost, capture=capture)
    assert [site.name for site in nd.sites(compiled)] == [
        ":in", "stem", ":relu", "block.0", "block.1", "head",
    ]  # fmt: skip
    case.model.block = case.model.block._orig_mod
    plain = nd.Subject(case.model, case.batches, case.cost, capture="exported")
    assert off(nd.measure(compiled, "block.0"), nd.measure(plain, "block.0")) < 1e-11
