"""The two factors of δ equal Jacobians taken one example and one unit at a time."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from neurodemon.jobs.factors import find_factors
from neurodemon.jobs.selecting import settle_units
from neurodemon.subjects.subject import Subject


def make(n_outputs: int = 3) -> tuple[nn.Sequential, Subject]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, n_outputs)).double()
    batches = [(torch.randn(n, 4).double(), torch.randint(n_outputs, (n,))) for n in (5, 3)]
    return model, Subject(model, batches, "cross_entropy")


def slow_unit_slope(model: nn.Sequential, subject: Subject) -> float:
    """‖∂output/∂z‖, one example at a time."""
    norms = []
    for inputs, _ in subject.batches:
        for z in model[0](inputs):
            norms.append(jacobian(model[1:], z.detach()).norm(dim=0))  # noqa: PERF401 (output, unit)
    return float(torch.stack(norms).mean())


def slow_output_slope(model: nn.Sequential, subject: Subject) -> float:
    """‖∂C/∂output‖, one example at a time: p − y of softmax and cross-entropy."""
    norms = []
    for inputs, targets in subject.batches:
        for output, target in zip(model(inputs).detach(), targets, strict=True):
            norms.append((output.softmax(0) - nn.functional.one_hot(target, len(output))).norm())
    return float(torch.stack(norms).mean())


def test_both_factors_equal_their_slow_twins():
    model, subject = make()
    found = find_factors(subject, settle_units(subject, "0"))
    assert found.output_slope == pytest.approx(slow_output_slope(model, subject), rel=1e-10)
    assert found.unit_slopes[0] == pytest.approx(slow_unit_slope(model, subject), rel=1e-10)
    assert found.notes == ()


def test_each_block_of_units_has_its_own():
    _, subject = make()
    both = find_factors(subject, settle_units(subject, "0, 1[2]"))
    alone = find_factors(subject, settle_units(subject, "1[2]"))
    assert both.unit_slopes[1] == pytest.approx(alone.unit_slopes[0], rel=1e-12)
    assert both.unit_slopes[0] != both.unit_slopes[1]


def test_many_outputs_are_estimated_from_random_sums_which_is_told():
    model, subject = make(200)
    found = find_factors(subject, settle_units(subject, "0"))
    # tolerance: 32 random sums leave a norm of 200 numbers an uncertainty of about 12 %
    assert found.unit_slopes[0] == pytest.approx(slow_unit_slope(model, subject), rel=0.1)
    assert found.notes == ("‖∂output/∂z‖: from 32 random sums of the 200 outputs.",)


class Sequences(nn.Module):
    """An output for each position."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def test_an_output_that_is_no_vector_is_told():
    batches = [(torch.randn(3, 5, 2), torch.randn(3, 5, 2))]
    subject = Subject(
        Sequences(), batches, lambda output, target: (output - target).pow(2).mean((1, 2))
    )
    found = find_factors(subject, settle_units(subject, "fc"))
    assert (found.output_slope, found.unit_slopes) == (None, (None,))
    assert "no output of one vector per example" in found.notes[0]


def test_a_cost_without_a_gradient_is_told():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    batches = [(torch.randn(5, 3), torch.zeros(5).long())]
    subject = Subject(model, batches, lambda output, target: (output.argmax(1) != target).float())
    found = find_factors(subject, settle_units(subject, "0"))
    assert found.output_slope is None
    assert "no gradient" in found.notes[0]
