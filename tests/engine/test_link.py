"""The closed forms, and which losses are recognised. Oracle: the formulas of theory.md §1.4."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracles.models import Case, classes
from oracles.predictors import link_absolute, link_cross_entropy, link_squared
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.engine.link import Link
from neurodemon.engine.predict import ladder_of


def subject_of(cost: Callable[[Any, Any], Tensor] | str, n_outputs: int = 3) -> nd.Subject:
    """A small network under a cost."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, n_outputs)).double()
    case: Case = classes(model, (6,), (5,), n_classes=max(n_outputs, 2))
    x, y = case.batches[0]
    is_regression = n_outputs == 1 or cost in {"squared_error", "quadratic", "absolute_error"}
    target = torch.randn(6, n_outputs, dtype=torch.float64) if is_regression else y
    return nd.Subject(model, [(x, target)], cost)


def link_of(cost: Callable[[Any, Any], Tensor] | str, n_outputs: int = 3) -> Link | None:
    """What is recognised."""
    return ladder_of(subject_of(cost, n_outputs).recording(0)).link


def own(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    """A callable of the user's own, whose name says nothing."""
    return functools.partial(function)


def multi_margin(output: Tensor, target: Tensor) -> Tensor:
    """A margin loss."""
    return functional.multi_margin_loss(output, target, reduction="none")


RECOGNISED = {
    "named cross-entropy": ("cross_entropy", 3, "cross_entropy"),
    "own cross-entropy": (own(lambda o, t: functional.cross_entropy(o, t, reduction="none")), 3, "cross_entropy"),
    "logsumexp by hand": (own(lambda o, t: o.logsumexp(1) - o[torch.arange(o.shape[0]), t]), 3, "cross_entropy"),
    "squared error": ("squared_error", 3, "quadratic"),
    "the book's half": ("quadratic", 3, "quadratic"),
    "own mean of squares": (own(lambda o, t: (o - t).square().mean(1)), 1, "quadratic"),
    "absolute": ("absolute_error", 1, "absolute"),
    "own absolute": (own(lambda o, t: 2.5 * (o - t).abs().squeeze(1)), 1, "absolute"),
}  # fmt: skip
REFUSED = {
    "label smoothing": (own(lambda o, t: functional.cross_entropy(o, t, reduction="none", label_smoothing=0.1)), 3),
    "temperature": (own(lambda o, t: functional.cross_entropy(o / 2, t, reduction="none")), 3),
    "scaled cross-entropy": (own(lambda o, t: 2 * functional.cross_entropy(o, t, reduction="none")), 3),
    "margin": (own(multi_margin), 3),
    "focal": (own(lambda o, t: functional.cross_entropy(o, t, reduction="none") ** 2), 3),
    "shifted squares": (own(lambda o, t: (o - t).square().sum(1) + 1), 1),
    "weighted squares": (own(lambda o, _: (o.square() * torch.tensor([1.0, 2.0, 3.0])).sum(1)), 3),
    "absolute of several": ("absolute_error", 3),
    "huber": (own(lambda o, t: functional.smooth_l1_loss(o, t, reduction="none").squeeze(1)), 1),
    "fourth power": (own(lambda o, t: (o - t).pow(4).sum(1)), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_known_loss_is_recognised_by_its_numbers(name: str) -> None:
    cost, n_outputs, kind = RECOGNISED[name]
    link = link_of(cost, n_outputs)
    assert link is not None
    assert link.kind == kind


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_loss_is_refused(name: str) -> None:
    cost, n_outputs = REFUSED[name]
    assert link_of(cost, n_outputs) is None


def test_asking_for_link_where_it_does_not_apply_is_refused_with_the_reason() -> None:
    subject = subject_of(REFUSED["temperature"][0])
    with pytest.raises(
        nd.NeurodemonError, match="'link' does not apply here: the cost is no known"
    ):
        nd.predict(subject, predictor="link")


def test_cross_entropy_of_a_confident_example_keeps_its_precision() -> None:
    """q comes from the wrong classes' gradients: 1 − p_y in float64 would be 0 here."""
    torch.manual_seed(0)
    model = nn.Linear(3, 3).double()
    with torch.no_grad():
        model.weight.copy_(60 * torch.eye(3))
        model.bias.zero_()
    subject = nd.Subject(model, [(torch.eye(3).double(), torch.arange(3))], "cross_entropy")
    link = ladder_of(subject.recording(0)).link
    assert link is not None
    expected = 2 * np.exp(-60.0)
    assert torch.allclose(link.parameter, torch.full((3,), expected).double(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("x", [-3.0, -1e-6, 0.0, 1e-9, 0.2, 2.0])
def test_the_closed_forms_are_those_of_the_notes(x: float) -> None:
    cost = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    first_order = torch.full((3, 1), x, dtype=torch.float64)
    known = {
        "cross_entropy": (-torch.expm1(-cost), link_cross_entropy),
        "quadratic": (cost, link_squared),
        "absolute": (cost, link_absolute),
    }
    for kind, (parameter, formula) in known.items():
        found = Link(kind, parameter)(first_order).numpy()
        assert np.allclose(
            found, formula(first_order.numpy(), cost.numpy()), rtol=1e-12, atol=1e-15
        )


def test_cross_entropy_stays_finite_at_both_ends() -> None:
    link = Link("cross_entropy", torch.tensor([1e-12, 0.5, 0.0], dtype=torch.float64))
    far = link(torch.tensor([[1.0], [1.0e4], [0.0]]).double())
    assert torch.isfinite(far).all()
    assert float(far[0]) == pytest.approx(1e12 + np.log(1e-12), rel=1e-12)
    assert float(far[2]) == 0
    # x → −∞ takes the whole cost away: −C
    gone = Link("cross_entropy", torch.tensor([0.5]).double())(torch.tensor([[-1e6]]).double())
    assert float(gone) == pytest.approx(np.log(0.5), rel=1e-12)


def test_a_squared_cost_of_zero_gives_no_effect() -> None:
    link = Link("quadratic", torch.zeros(1).double())
    assert float(link(torch.zeros(1, 1).double())) == 0
