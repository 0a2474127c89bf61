"""The toys have the book's own numbers (Nielsen, chapters 3 and 5; MIT data, see NOTICE)."""

import pytest
import torch

from neurodemon.errors import SubjectError
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.predicting import delta, predict
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import DISTANCES, chain, kink, saturated, xor


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
    costs, deltas = cost_and_delta(kink(*DISTANCES))
    assert costs == [0.5, 1.0, 2.0, 4.0]
    assert deltas == [1.0] * 4


def test_beyond_the_kink_the_slope_flips() -> None:
    _, deltas = cost_and_delta(kink(*DISTANCES), -3.0)
    assert deltas == [-1.0, -1.0, -1.0, 1.0]


def test_left_out_the_kink_has_one_example_and_one_kink() -> None:
    assert cost_and_delta(kink()) == ([1.0], [1.0])
    assert cost_and_delta(kink(), -1.0)[0] == [0.0]


def test_at_the_kink_there_is_no_slope() -> None:
    with pytest.raises(SubjectError, match="no slope at x = 0"):
        kink(1.0, 0.0)


def test_the_chain_has_the_books_delta_by_the_engine() -> None:
    subject = chain()
    found = [delta(subject, f"fc{place}").item() for place in (1, 2, 3, 4)]
    assert found == pytest.approx([1953.125, 78.125, 3.125, 0.125], rel=1e-12)


def test_a_chain_of_small_weights_vanishes_instead() -> None:
    subject = chain(1.0)
    found = [delta(subject, f"fc{place}").item() for place in (1, 2, 3, 4)]
    assert found == pytest.approx([0.125 / 4**steps for steps in (3, 2, 1, 0)], rel=1e-12)


def test_xor_is_solved() -> None:
    subject = xor()
    [(inputs, target)] = subject.batches
    assert inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert target.flatten().tolist() == [0, 1, 1, 0]
    assert (subject.model(inputs) - target).abs().max().item() < 0.008


def test_both_or_and_and_are_needed_and_the_spare_one_is_not() -> None:
    subject = xor()
    promised = predict(subject, "sigmoid1", predictor="first_order")["predicted"]
    done = measure(subject, "sigmoid1")["measured"]
    assert promised == pytest.approx([0.0200, 0.0175, 0.0], abs=5e-5)  # as the docs say
    assert done == pytest.approx([2.531, 1.250, 0.0], abs=5e-4)


@pytest.mark.parametrize("make", [saturated, kink, chain, xor])
def test_a_toy_draws_no_random_number_and_is_in_double_precision(make: type[Subject]) -> None:
    before = torch.get_rng_state()
    subject = make()
    assert torch.equal(before, torch.get_rng_state())
    assert {weight.dtype for weight in subject.model.parameters()} == {torch.float64}
    assert subject.batches[0][0].dtype == torch.float64
