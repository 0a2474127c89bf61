"""Law: cone replay = one full forward per unit with a hook, on every kind of network.

Oracle: `oracles.hooks`, in the same precision. Tolerance: 1e-5 of the largest mean effect in
float32, 1e-11 in float64 (DESIGN §5, issue 2).
"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from oracles.comparing import both, hookable, largest_gap, oracle_effects, studied_sites
from oracles.hooks import clean_values
from oracles.models import ZOO, Case, mlp
from oracles.nudges import moved_values

import neurodemon as nd
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.selecting import whole
from neurodemon.terms.sites import Site

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}
PERTURBATIONS = {
    torch.float32: (nd.Zero(), nd.Set(0.5)),
    torch.float64: (nd.Zero(), nd.Mean(), nd.Add(nd.Std(1.0))),
}
# the whole zoo in float32, and more perturbations: tests/long/test_measured_equals_hooks_whole.py
IN_FLOAT32 = (
    "relu mlp", "residual mlp", "residual cnn", "strided cnn", "conv1d", "lstm",
    "encoder, batch first, dict", "experts", "counting", "opaque cost",
)  # fmt: skip
CASES = [*((name, torch.float64) for name in ZOO), *((name, torch.float32) for name in IN_FLOAT32)]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_measured_effects_equal_one_hooked_forward_per_unit(name: str, dtype: torch.dtype) -> None:
    case = ZOO[name]().to(dtype)
    subject = nd.Subject(case.model, case.batches, case.cost)
    sites = studied_sites(name, case, subject)
    assert sites
    for perturbation in PERTURBATIONS[dtype]:
        pairs = [both(subject, case, site, perturbation) for site in sites]
        assert largest_gap(pairs) < LIMITS[dtype], perturbation


@pytest.mark.parametrize("name", ["residual cnn", "conv1d", "position major", "gru"])
def test_whole_positions_equal_one_hooked_forward_per_position(name: str) -> None:
    case = ZOO[name]().to(torch.float64)
    case = Case(case.model, case.batches[:1], case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost)
    sites = [site for site in studied_sites(name, case, subject) if site.has_positions]
    assert sites
    pairs = [both(subject, case, site, nd.Add(0.7), kind="position") for site in sites]
    assert largest_gap(pairs) < 1e-11


@pytest.mark.parametrize("name", ["residual cnn", "conv1d", "position major"])
def test_cells_equal_one_hooked_forward_per_cell(name: str) -> None:
    case = ZOO[name]().to(torch.float64)
    case = Case(case.model, case.batches[:1], case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost)
    pairs = []
    for site in (one for one in studied_sites(name, case, subject) if one.has_positions):
        hooked = hookable(site)
        assert hooked is not None
        values = clean_values(case.model, case.batches, hooked)
        moved = moved_values(nd.Scale(2), values, site.axes)
        expected = oracle_effects(case, site, moved, "cell")
        # by pattern each position gives the cells of all its features
        count = site.n_units
        for position in range(0, site.n_positions, 3):
            measured = nd.measure(subject, f"{site.name}@{position}", nd.Scale(2))
            own = expected[:, position * count : (position + 1) * count]
            pairs.append((measured, own))
    assert largest_gap(pairs) < 1e-11


@pytest.fixture(scope="module")
def residual() -> tuple[Case, nd.Subject]:
    """Two batches of different sizes."""
    case = ZOO["residual mlp"]().to(torch.float64)
    return case, nd.Subject(case.model, case.batches, case.cost)


def test_patched_units_take_their_value_under_the_other_inputs(
    residual: tuple[Case, nd.Subject],
) -> None:
    case, subject = residual
    generator = torch.Generator().manual_seed(9)
    source = [
        (torch.randn(x.shape, generator=generator, dtype=x.dtype), y) for x, y in case.batches
    ]
    pairs = []
    for site in studied_sites("residual mlp", case, subject):
        hooked = hookable(site)
        assert hooked is not None
        moved = clean_values(case.model, source, hooked)
        pairs.append(both(subject, case, site, nd.Patch(source), moved=moved))
    assert largest_gap(pairs) < 1e-11


def test_resampled_units_take_another_examples_value_the_same_at_every_site(
    residual: tuple[Case, nd.Subject],
) -> None:
    case, subject = residual
    table = nd.sites(subject)
    partners = partners_of(subject, table["stem:in"], case, nd.Resample(5))
    assert sorted(partners.tolist()) == list(range(len(partners)))
    assert not (partners == torch.arange(len(partners))).any(), "an example keeps its own value"
    sizes = [len(x) for x, _ in case.batches]
    pairs = []
    for site in studied_sites("residual mlp", case, subject):
        hooked = hookable(site)
        assert hooked is not None
        whole = torch.cat(clean_values(case.model, case.batches, hooked))
        moved: Sequence[torch.Tensor] = whole[partners].split(sizes)
        pairs.append(both(subject, case, site, nd.Resample(5), moved=moved))
    assert largest_gap(pairs) < 1e-11


def partners_of(
    subject: nd.Subject, site: Site, case: Case, perturbation: nd.Resample
) -> torch.Tensor:
    """Whose value each example got, found by comparing whole rows."""
    nudges = Nudges(subject, perturbation)
    z = [x for x, _ in case.batches]
    put = torch.cat([z[place] + nudges(whole(site), place)[:, 0] for place in range(len(z))])
    return torch.cdist(put, torch.cat(z)).argmin(1)


def test_noise_is_drawn_once_and_measured_as_drawn(residual: tuple[Case, nd.Subject]) -> None:
    case, subject = residual
    perturbation = nd.Noise(nd.Std(0.5), seed=3)
    site = nd.sites(subject)["ups.0"]
    nudges = Nudges(subject, perturbation)
    values = clean_values(case.model, case.batches, "ups.0")
    moved = [value + nudges(whole(site), place)[:, 0] for place, value in enumerate(values)]
    pairs = [both(subject, case, site, perturbation, moved=moved)]
    assert largest_gap(pairs) < 1e-11


@pytest.mark.parametrize("name", ["relu mlp", "residual mlp", "residual cnn"])
def test_bfloat16_effects_equal_the_oracle_within_the_noise_floor(name: str) -> None:
    case = ZOO[name]().to(torch.bfloat16)
    subject = nd.Subject(case.model, case.batches, case.cost)
    measured = nd.measure(subject)
    floor = max(
        float(subject.recording(place).noise_floor.max()) for place in range(len(case.batches))
    )
    expected = [
        oracle_effects(
            case, site, [0 * z for z in clean_values(case.model, case.batches, site.name)]
        )
        for site in nd.units(subject).sites
        if hookable(site) == site.name
    ]
    kept = np.isin(
        np.array(measured["site"]),
        [site.name for site in nd.units(subject).sites if hookable(site) == site.name],
    )
    assert measured.per_example is not None
    gap = np.abs(measured.per_example[:, kept] - np.concatenate(expected, axis=1))
    assert gap.max() <= 8 * floor


def test_the_comparison_fails_for_a_wrong_unit() -> None:
    """Negative control: neighbours' effects taken for one another are far off."""
    case = mlp(torch.nn.Tanh).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    measured, expected = both(subject, case, nd.sites(subject)["1"], nd.Zero())
    assert largest_gap([(measured, expected)]) < 1e-11
    assert largest_gap([(measured, np.roll(expected, 1, axis=1))]) > 1e-2


def test_the_comparison_fails_for_wrong_statistics() -> None:
    """Negative control: the mean of one batch is not the mean of all."""
    case = mlp(torch.nn.Tanh).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    site = nd.sites(subject)["1"]
    values = clean_values(case.model, case.batches, "1")
    moved = [moved_values(nd.Mean(), [value], site.axes)[0] for value in values]
    assert largest_gap([both(subject, case, site, nd.Mean(), moved=moved)]) > 1e-3
