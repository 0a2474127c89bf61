"""The toys have the book's own numbers (Nielsen, chapter 3; MIT data, see NOTICE)."""

import pytest
import torch

from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import kink, saturated


def cost_and_delta(subject: Subject, dz: float = 0.0) -> tuple[list[float], list[float]]:
    """The cost per example and δ at the neuron, its z moved by dz."""
    [(inputs, target)] = subject.batches
    z = (subject.model[0](inputs) + dz).detach().requires_grad_()
    cost = subject.cost(subject.model[1:](z), target)
    (delta,) = torch.autograd.grad(cost.sum(), z)
    return cost.tolist(), delta[:, 0].tolist()


@pytest.mark.parametrize(
    ("start", "output", "delta", "cost", "measured"),
    [
        ((2.0, 2.0), 0.982014, 0.017345, 0.482176, -0.028477),
        ((0.6, 0.9), 0.817574, 0.121938, 0.334214, -0.140486),
    ],
    ids=["saturated", "ordinary"],
)
def test_the_saturated_neuron_has_the_books_numbers(
    start: tuple[float, float], output: float, delta: float, cost: float, measured: float
) -> None:
    subject = saturated(*start)
    [(inputs, _)] = subject.batches
    [found_cost], [found_delta] = cost_and_delta(subject)
    [moved], _ = cost_and_delta(subject, -1.0)
    found = [subject.model(inputs).item(), found_delta, found_cost, moved - found_cost]
    assert found == pytest.approx([output, delta, cost, measured], abs=6e-7)


def test_the_worse_neuron_has_the_smaller_delta() -> None:
    [worse], [small] = cost_and_delta(saturated())
    [better], [large] = cost_and_delta(saturated(0.6, 0.9))
    assert worse > better
    assert small < large


@pytest.mark.parametrize(("dz", "ratio"), [(-1.0, 1.642), (-4.0, 5.148)])
def test_the_saturated_neuron_breaks_its_promise(dz: float, ratio: float) -> None:
    [cost], [delta] = cost_and_delta(saturated())
    [moved], _ = cost_and_delta(saturated(), dz)
    assert (moved - cost) / (delta * dz) == pytest.approx(ratio, abs=6e-4)


def test_the_kink_has_the_same_slope_at_any_distance() -> None:
    costs, deltas = cost_and_delta(kink())
    assert costs == [0.5, 1.0, 2.0, 4.0]
    assert deltas == [1.0] * 4


def test_beyond_the_kink_the_slope_flips() -> None:
    _, deltas = cost_and_delta(kink(), -3.0)
    assert deltas == [-1.0, -1.0, -1.0, 1.0]


@pytest.mark.parametrize("make", [saturated, kink])
def test_a_toy_draws_no_random_number_and_is_in_double_precision(make: type[Subject]) -> None:
    before = torch.get_rng_state()
    subject = make()
    assert torch.equal(before, torch.get_rng_state())
    assert {weight.dtype for weight in subject.model.parameters()} == {torch.float64}
    assert subject.batches[0][0].dtype == torch.float64
