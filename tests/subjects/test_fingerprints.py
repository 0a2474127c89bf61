"""What a model computes with is seen to change, so that no verb goes on with what it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd


class Scaled(nn.Module):
    """A layer scaled by a number in a dict, as adapters keep it, and by one of a long array."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act, self.last = nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)
        self.scaling = {"default": [1.0, 2.0]}

    def forward(self, x: Tensor, weights: np.ndarray | None = None) -> Tensor:
        """Go through both layers."""
        weight = 1.0 if weights is None else float(weights[1500])
        z = self.first(x) * self.scaling["default"][0] * weight
        return self.last(self.act(z))


def add_hook(model: Scaled, _: np.ndarray) -> None:
    model.first.register_forward_hook(lambda _module, _inputs, output: output * 2)


def add_early_hook(model: Scaled, _: np.ndarray) -> None:
    model.first.register_forward_pre_hook(lambda _module, inputs: (inputs[0] * 2,))


def replace_module(model: Scaled, _: np.ndarray) -> None:
    model.act = nn.Sigmoid()  # type: ignore[assignment]  # as a user does


def scale(model: Scaled, _: np.ndarray) -> None:
    model.scaling["default"][0] = 3.0


def replace_forward(model: Scaled, _: np.ndarray) -> None:
    act = model.act
    model.act.forward = lambda z: nn.Tanh.forward(act, 2 * z)  # type: ignore[method-assign]  # as a user does


def change_input(_: Scaled, weights: np.ndarray) -> None:
    weights[1500] = 3.0


CHANGES = (add_hook, add_early_hook, replace_module, scale, replace_forward)
CASES = [(change, capture) for change in CHANGES for capture in ("exported", "hooked")]


def make(model: Scaled, weights: np.ndarray, capture: Any) -> nd.Subject:
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    given = (inputs, weights) if capture == "hooked" else inputs  # no export takes an array
    batch = (given, torch.arange(6) % 3)
    return nd.Subject(model, [batch], "cross_entropy", capture=capture)


@pytest.mark.parametrize(("change", "capture"), [*CASES, (change_input, "hooked")])
def test_a_change_is_seen(change: Callable[[Scaled, np.ndarray], None], capture: str) -> None:
    model, weights = Scaled(), np.ones(3000, np.float32)
    subject = make(model, weights, capture)
    before = nd.measure(subject, "last").array("measured")
    kept = subject.capture(0)
    nd.measure(subject, "last")
    assert subject.capture(0) is kept  # the control: what has not changed is gone on with
    change(model, weights)
    after = nd.measure(subject, "last").array("measured")
    fresh = nd.measure(make(model, weights, capture), "last").array("measured")
    np.testing.assert_array_equal(after, fresh)
    assert np.abs(after - before).max() > 1e-3


def test_what_a_model_notes_of_its_runs_changes_nothing() -> None:
    class Noting(Scaled):
        def forward(self, x: Tensor, weights: np.ndarray | None = None) -> Tensor:
            self.seen = [*getattr(self, "seen", []), x.detach()]
            return super().forward(x, weights)

    subject = make(Noting(), np.ones(3000, np.float32), "hooked")
    nd.measure(subject, "last")
    kept = subject.capture(0)
    nd.measure(subject, "last")
    assert subject.capture(0) is kept


def test_batches_of_other_dtypes_are_captured_apart() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.only = nn.Linear(4, 3)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return (self.only(x) * (~mask.bool()).to(x.dtype)[..., None]).sum(1)

    torch.manual_seed(0)
    model, mask, x = Masked(), torch.rand(6, 5) < 0.4, torch.randn(6, 5, 4)
    target = torch.arange(6) % 3
    batches = [((x, mask), target), ((x, mask.long()), target)]
    subject = nd.Subject(model, batches, "cross_entropy")
    found = nd.measure(subject, "only").per_example
    assert subject.capture(1).engine == "exported"
    assert found is not None
    np.testing.assert_array_equal(found[:6], found[6:])
