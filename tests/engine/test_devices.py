"""The engine on a device: the numbers of one hooked forward per unit on the processor.

`pytest tests/engine/test_devices.py --device cuda` runs it all there, in float64.
"""

import copy

import numpy as np
import pytest
import torch
import transformers
from oracles.comparing import both, largest_gap, studied_sites
from oracles.models import ZOO, Case
from zoo.hugging_face import WIDTH, WORDS, drawn, prompts

import neurodemon as nd

NAMES = ("residual mlp", "strided cnn", "lstm", "encoder, batch first, dict", "experts")


@pytest.fixture(scope="module")
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device that was asked for, which must be there."""
    found = torch.device(request.config.getoption("--device"))
    torch.ones(1, device=found)  # says in torch's words what is missing
    return found


def on(device: torch.device, case: Case) -> nd.Subject:
    """The subject of a case on a device; the case itself stays where it is."""
    batches = torch.utils._pytree.tree_map_only(
        torch.Tensor, lambda leaf: leaf.to(device), list(case.batches)
    )
    return nd.Subject(copy.deepcopy(case.model).to(device), batches, case.cost)


@pytest.mark.parametrize("name", NAMES)
def test_measured_there_equals_hooks_here(name: str, device: torch.device) -> None:
    case = ZOO[name]().to(torch.float64)
    subject = on(device, case)
    sites = studied_sites(name, case, subject)
    assert sites
    pairs = [both(subject, case, site, nd.Add(nd.Std(1.0))) for site in sites]
    assert largest_gap(pairs) < 1e-10
    assert subject.recording(0).cost.device.type == device.type


@pytest.mark.parametrize("budget", ["all", "40%"])
def test_audits_there_equal_audits_here(budget: str, device: torch.device) -> None:
    case = ZOO["relu mlp"]().to(torch.float64)
    there, here = (
        nd.audit(subject, budget=budget, top=3).effects
        for subject in (on(device, case), on(torch.device("cpu"), case))
    )
    for column in ("predicted", "measured", "low", "high"):
        found, expected = (np.array(own[column], float) for own in (there, here))
        assert np.isfinite(expected).any()
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_positions_there_equal_positions_here(device: torch.device) -> None:
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_embd=WIDTH, n_layer=2, n_head=2, n_positions=12,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    inputs, _ = prompts((4,))[0]
    model = drawn(transformers.GPT2LMHeadModel, config)
    case = Case(model, [(inputs, torch.arange(4))], nd.logit_difference(3, 7)).to(torch.float64)
    there, here = on(device, case), on(torch.device("cpu"), case)
    for at in ("", "@1", "@3"):
        site = f"transformer.h.0.attn.c_proj:in/head{at}"
        expected = nd.measure(here, site).per_example
        assert expected is not None
        assert expected.any()
        for memory in (None, "1GB"):
            found = nd.measure(there, site, memory=memory).per_example
            np.testing.assert_allclose(found, expected, atol=1e-10)
