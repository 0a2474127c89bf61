"""Law: exported = hooked, on the whole zoo, all batches, in both precisions."""

import numpy as np
import pytest
import torch
from oracles.models import ZOO

import neurodemon as nd
from neurodemon.jobs.predicting import available_predictors

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", ZOO)
def test_both_tracings_give_the_same_numbers_at_all_common_sites(
    name: str, dtype: torch.dtype
) -> None:
    case = ZOO[name]().to(dtype)
    hooked = nd.Subject(case.model, case.batches, case.cost, capture="hooked")
    exported = nd.Subject(case.model, case.batches, case.cost, capture="exported")
    known = {name for site in nd.sites(exported) for name in site.names}
    selection = ",".join(site.name for site in nd.sites(hooked) if site.name in known)
    assert available_predictors(hooked) == available_predictors(exported)
    runs = [lambda subject, p=p: nd.predict(subject, selection, nd.Scale(0.5), predictor=p)
            for p in available_predictors(exported)]  # fmt: skip
    for run in [lambda subject: nd.measure(subject, selection, nd.Scale(0.5)), *runs]:
        one, other = (run(subject).per_example for subject in (hooked, exported))
        assert np.abs(one - other).max() < LIMITS[dtype] * np.abs(other).max()


@pytest.mark.parametrize("name", ZOO)
def test_both_tracings_take_the_same_units_by_default(name: str) -> None:
    case = ZOO[name]()
    found = [
        nd.units(nd.Subject(case.model, case.batches, case.cost, capture=capture)).sites
        for capture in ("hooked", "exported")
    ]
    inside = {site.name for site in found[1]} - {site.name for site in found[0]}
    assert all("self_attn" in name for name in inside), "more than what composites hide"
    assert {site.name for site in found[0]} <= {site.name for site in found[1]}
