"""Each verdict on a network made for it, through nd.headroom, and its neighbour that has another."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurodemon.jobs.exploring import headroom
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import kink, saturated
from neurodemon.terms.radii import Absolute, Radius, Std

FOUR = Std(4)


def neuron(
    weight: float = 1.0, bias: float = 0.0, *after: nn.Module, cost="quadratic", target=0.0
) -> Subject:
    """One neuron on the input 1, and what comes after it."""
    layer = nn.Linear(1, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    one = torch.ones(1, 1, dtype=torch.float64)
    return Subject(nn.Sequential(layer, *after), [(one, one * target)], cost)


def offset_by_ten(output: Tensor, target: Tensor) -> Tensor:
    """A cost of at least 10."""
    return 10 + (output - target).square().sum(1)


CASES: dict[str, tuple[Subject, Radius, str]] = {
    "a ReLU that no Δz within reach turns on": (neuron(1, -9, nn.ReLU(), target=1.0), FOUR, "DEAD"),
    "one that a Δz within reach does": (neuron(1, -4, nn.ReLU(), target=1.0), FOUR, "SATURATED"),
    "at its least": (neuron(cost=offset_by_ten, target=1.0), FOUR, "CONVERGED"),
    "far from its least": (neuron(cost=offset_by_ten, target=9.0), FOUR, "AGREES"),
    "Nielsen's saturated neuron": (saturated(2.0, 2.0), FOUR, "SATURATED"),
    "Nielsen's other neuron": (saturated(0.6, 0.9), FOUR, "AGREES"),
    "|z|": (kink(), FOUR, "KINK"),
    "|z|, out of reach": (kink(3.0), Absolute(2), "AGREES"),
    "z²/2": (neuron(), FOUR, "CURVED"),
    "z²/2, far away": (neuron(1, 20), FOUR, "AGREES"),
}


@pytest.mark.parametrize("scope", ["shared", "each"])
@pytest.mark.parametrize("name", CASES)
def test_each_network_gets_its_verdict(name, scope):
    subject, radius, verdict = CASES[name]
    found = headroom(subject, "fc" if subject.name in {"saturated", "kink"} else "0", radius, scope)
    assert found["verdict"] == [verdict]


def test_a_unit_that_cancels_is_told_beside_its_verdict():
    """Two examples that pull to opposite sides: the mean of their slopes is 2 % of its size."""
    layer = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(1)
    inputs = torch.tensor([[1.0], [-0.96]], dtype=torch.float64)
    subject = Subject(nn.Sequential(layer), [(inputs, 0 * inputs)], "quadratic")
    shared, each = (headroom(subject, ":out", scope=scope) for scope in ("shared", "each"))
    assert shared["cancellation"][0] == pytest.approx(0.04 / 1.96, rel=1e-12)
    assert shared["cancelling"] == each["cancelling"] == [True]
    assert shared["headroom"][0] == pytest.approx(0.02**2 / 2, rel=1e-6)  # one Δz for both
    assert each["headroom"][0] == pytest.approx(np.mean([0.5, 0.96**2 / 2]), rel=1e-9)
