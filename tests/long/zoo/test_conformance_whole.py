"""The conformance of tests/zoo on all sites, by all tracings, and in float64."""

import pytest
import torch
from zoo.comparing import compare, study
from zoo.entries import BY_NAME, ENTRIES
from zoo.table import PAGE, read_rows

import neurodemon as nd

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-10}
SINGLE = {"Mixtral", "MiniLM"}  # its experts' kernel knows no float64; and large
CASES = [
    (entry.name, tracing, dtype)
    for entry in ENTRIES
    for tracing in entry.tracings
    for dtype in LIMITS
    if not (dtype == torch.float64 and entry.name in SINGLE)
]


@pytest.mark.parametrize(("name", "tracing", "dtype"), CASES)
def test_measured_effects_equal_one_hooked_forward_per_unit(
    name: str, tracing: str, dtype: torch.dtype
) -> None:
    studied = study(name, tracing, dtype)
    sites = studied.drawn_sites()
    assert sites
    limit = LIMITS[studied.subject.recording(0).cost.dtype]  # Mamba's logits are float32 always
    for perturbation in (nd.Zero(), nd.Mean(), nd.Add(0.5), nd.Scale(-0.5)):
        gap = compare(studied, perturbation, sites, n_units=4)
        assert gap.relative <= limit, perturbation
    # the table is of float32: there a cast to it is nothing, and two sites are one
    if tracing == BY_NAME[name].tracings[0] and dtype == torch.float32:
        row = read_rows(PAGE.read_text("utf-8"))[name]
        assert row.n_sites == len(studied.subject.sites())
    with_positions = [site for site in sites if site.has_positions]
    if with_positions:
        gap = compare(studied, nd.Zero(), with_positions, kind="position", n_units=4)
        assert gap.relative <= limit
