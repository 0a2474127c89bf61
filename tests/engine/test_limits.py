"""Limits: no effect is larger than the last layer's weights allow, and none is given elsewhere."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.limits import effect_limits
from neurodemon.engine.predict import ladder_of
from neurodemon.jobs.nudging import Nudges


def data(count: int = 30) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    inputs = torch.randn(count, 5, dtype=torch.float64)
    return inputs, inputs[:, :4].argmax(1)


def limits_of(
    subject: nd.Subject, units: str, perturbation: object
) -> tuple[np.ndarray, np.ndarray] | None:
    block = nd.units(subject, units).blocks[0]
    recording = subject.recording(0)
    dz = Nudges(subject, perturbation)(block, 0)
    found = effect_limits(recording, block, dz, ladder_of(recording))
    if found is None:
        return None
    return found.numpy(), nd.measure(subject, units, perturbation).per_example


def classifier(*tail: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 4), *tail).double()


class ByHand(nn.Module):
    """x @ W, the outputs standing last in W."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(5, 12).double()
        self.weight = nn.Parameter(torch.randn(12, 4, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.fc(x)) @ self.weight


@pytest.mark.parametrize("units", ["1", "0"])
@pytest.mark.parametrize("perturbation", [nd.Zero(), nd.Add(3.0), nd.Scale(-2.0)])
def test_no_effect_is_larger_and_some_come_near(units: str, perturbation: object) -> None:
    subject = nd.Subject(classifier(), [data()], "cross_entropy")
    limits, effects = limits_of(subject, units, perturbation)
    assert (np.abs(effects) <= limits + 1e-12).all()
    assert (np.abs(effects) > 0.5 * limits).any()


def test_a_product_by_hand_has_them_too() -> None:
    subject = nd.Subject(ByHand(), [data()], "cross_entropy")
    limits, effects = limits_of(subject, "fc", nd.Zero())
    assert (np.abs(effects) <= limits + 1e-12).all()
    assert (np.abs(effects) > 0.3 * limits).any()


class Beside(nn.Module):
    """The last hidden layer is read twice on its way to the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.one, self.two = nn.Linear(5, 12), nn.Linear(12, 4), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.fc(x))
        return self.one(hidden) + self.two(hidden)


class Positions(nn.Module):
    """The logits are of one position, which a product over all positions does not say."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 12), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.fc(x.unsqueeze(1))))


class Scaled(nn.Module):
    """The logits are the product of the last weights, fifty times."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.weight = nn.Linear(5, 12), nn.Parameter(torch.randn(12, 4))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, torch.relu(self.fc(x)), self.weight, alpha=50.0)


@pytest.mark.parametrize(
    ("model", "cost", "units"),
    [
        (lambda: classifier(nn.Tanh()), "cross_entropy", "1"),
        (classifier, lambda output, target: nn.functional.cross_entropy(
            output, target, reduction="none", label_smoothing=0.1), "1"),
        (lambda: Beside().double(), "cross_entropy", "fc"),
        (lambda: Scaled().double(), "cross_entropy", "fc"),
        (classifier, "cross_entropy", "2"),  # the logits themselves
        (lambda: Positions().double(), lambda output, target: nn.functional.cross_entropy(
            output[:, 0], target, reduction="none"), "fc"),
        (lambda: classifier(nn.LogSoftmax(1)), "cross_entropy", "2"),
        (lambda: nn.Sequential(
            nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 4)
        ).double(), "cross_entropy", "1"),
    ],
    ids=["bent logits", "smoothed", "read twice", "scaled", "logits", "positions", "log_softmax", "a layer between"],
)  # fmt: skip
def test_elsewhere_there_are_none(model: object, cost: object, units: str) -> None:
    subject = nd.Subject(model(), [data()], cost)
    assert limits_of(subject, units, nd.Zero()) is None


def test_groups_have_none() -> None:
    subject = nd.Subject(classifier(), [data()], "cross_entropy")
    units = nd.units(subject, nd.Group("1", "two", (0, 1)))
    recording = subject.recording(0)
    dz = Nudges(subject, nd.Zero())(units.blocks[0], 0)
    assert effect_limits(recording, units.blocks[0], dz, ladder_of(recording)) is None
