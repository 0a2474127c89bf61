"""The law of tests/laws/test_measured_equals_hooks.py on what is left out there, to be quick."""

import pytest
import torch
from oracles.comparing import both, largest_gap, studied_sites
from oracles.models import ZOO

import neurodemon as nd

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", ZOO)
def test_measured_effects_equal_one_hooked_forward_per_unit(name: str, dtype: torch.dtype) -> None:
    case = ZOO[name]().to(dtype)
    subject = nd.Subject(case.model, case.batches, case.cost)
    sites = studied_sites(name, case, subject)
    assert sites
    for perturbation in (nd.Scale(-0.5), nd.Set(0.5), nd.Zero()):
        pairs = [both(subject, case, site, perturbation) for site in sites]
        assert largest_gap(pairs) < LIMITS[dtype], perturbation
