"""Named costs: against slow loops, at their edges, and under export."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from neurodemon.errors import CostShapeError, SubjectError
from neurodemon.subjects.costs import (
    NAMED_COSTS,
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    named_cost,
    next_token,
    quadratic,
    squared_error,
)

BATCH = torch.export.Dim("batch")


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def ids(*shape: int, top: int, seed: int = 1) -> Tensor:
    return torch.randint(top, shape, generator=torch.Generator().manual_seed(seed))


def batch_for(name: str, n: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    if name == "cross_entropy":
        return drawn(n, 5, dtype=dtype), ids(n, top=5)
    if name == "next_token":
        return drawn(n, 4, 6, dtype=dtype), ids(n, 4, top=6)
    if name == "binary_cross_entropy":
        return drawn(n, 3, dtype=dtype).sigmoid(), drawn(n, 3, seed=1, dtype=dtype).sigmoid()
    return drawn(n, 3, dtype=dtype), drawn(n, 3, seed=1, dtype=dtype)


class Costed(nn.Module):
    def __init__(self, cost: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.cost = cost

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.cost(output * 1, target)


def exported(cost: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor]) -> nn.Module:
    axes = {"output": {0: BATCH}, "target": {0: BATCH}}
    program = torch.export.export(Costed(cost), batch, dynamic_shapes=axes, strict=False)
    return program.run_decompositions({}).module()


@pytest.mark.parametrize("name", sorted(NAMED_COSTS))
def test_each_name_finds_a_cost_of_one_number_per_example(name: str) -> None:
    assert named_cost(name)(*batch_for(name, 7)).shape == (7,)


@pytest.mark.parametrize("name", sorted(NAMED_COSTS))
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_each_cost_keeps_the_dtype_of_the_output(name: str, dtype: torch.dtype) -> None:
    assert named_cost(name)(*batch_for(name, 2, dtype)).dtype == dtype


@pytest.mark.parametrize("name", sorted(NAMED_COSTS))
def test_each_cost_is_the_same_one_example_at_a_time(name: str) -> None:
    output, target = batch_for(name, 6)
    alone = [named_cost(name)(output[[row]], target[[row]]) for row in range(6)]
    torch.testing.assert_close(
        named_cost(name)(output, target), torch.cat(alone), rtol=1e-14, atol=0
    )


@pytest.mark.filterwarnings("ignore:.isinstance:FutureWarning")  # torch's own
@pytest.mark.parametrize("name", sorted(NAMED_COSTS))
def test_each_cost_exports_with_a_dynamic_number_of_examples(name: str) -> None:
    module = exported(NAMED_COSTS[name], batch_for(name, 4))
    for n in (2, 9):
        batch = batch_for(name, n)
        torch.testing.assert_close(module(*batch), NAMED_COSTS[name](*batch), rtol=1e-14, atol=0)


def test_a_cost_that_branches_on_values_does_not_export() -> None:
    def branching(output: Tensor, target: Tensor) -> Tensor:
        return output.sum(1) if output.sum() > 0 else target.sum(1)

    with pytest.raises(Exception, match=r"[Dd]ata-dependent"):
        exported(branching, batch_for("squared_error", 4))


def test_an_unknown_name_lists_the_nearest_and_all() -> None:
    with pytest.raises(SubjectError, match=r"'crossentropy' not found. Nearest: 'cross_entropy'"):
        named_cost("crossentropy")
    with pytest.raises(SubjectError, match=r"Expected one of .*'next_token', 'quadratic'"):
        named_cost("xyz")


def test_cross_entropy_is_minus_the_log_probability() -> None:
    logits, classes = batch_for("cross_entropy", 5)
    expected = [-math.log(row.softmax(0)[k].item()) for row, k in zip(logits, classes, strict=True)]
    assert cross_entropy(logits, classes).tolist() == pytest.approx(expected, rel=1e-13)


def test_cross_entropy_takes_class_probabilities() -> None:
    logits, classes = batch_for("cross_entropy", 5)
    certain = nn.functional.one_hot(classes, 5).to(torch.float32)
    torch.testing.assert_close(cross_entropy(logits, certain), cross_entropy(logits, classes))


def test_cross_entropy_averages_probabilities_over_positions() -> None:
    logits, wanted = drawn(2, 3, 4), drawn(2, 3, 4, seed=1).softmax(1)
    expected = -(wanted * logits.log_softmax(1)).sum(1).mean(1)
    torch.testing.assert_close(cross_entropy(logits, wanted), expected)


def test_cross_entropy_averages_over_counted_positions() -> None:
    logits, classes = drawn(2, 5, 3), ids(2, 3, top=5)
    classes[0, 1] = -100
    both = cross_entropy(logits[:1, :, [0, 2]], classes[:1, [0, 2]])
    torch.testing.assert_close(cross_entropy(logits, classes)[:1], both)


def test_cross_entropy_takes_small_integers_as_class_numbers() -> None:
    logits, classes = batch_for("cross_entropy", 5)
    small = cross_entropy(logits, classes.to(torch.uint8))
    assert small.tolist() == cross_entropy(logits, classes).tolist()


@pytest.mark.parametrize("wrap", [dict, SimpleNamespace])
def test_logits_are_found_by_name(wrap: Callable[..., object]) -> None:
    logits, classes = batch_for("cross_entropy", 5)
    assert (
        cross_entropy(wrap(logits=logits), classes).tolist()
        == cross_entropy(logits, classes).tolist()
    )


def test_an_output_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(CostShapeError, match="output is tuple; this cost expects one tensor"):
        squared_error((drawn(2, 3),), drawn(2, 3))


def test_a_missing_target_is_refused() -> None:
    with pytest.raises(CostShapeError, match="target is NoneType"):
        cross_entropy(drawn(2, 3), None)


@pytest.mark.parametrize("shape", [(5, 1), (4,), (5, 5)])
def test_class_numbers_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(CostShapeError, match=r"class numbers has shape .* expected \(5,\)"):
        cross_entropy(drawn(5, 5), ids(*shape, top=5))


def test_logits_without_a_class_axis_are_refused() -> None:
    with pytest.raises(CostShapeError, match=r"expects logits .* found \(5,\)"):
        cross_entropy(drawn(5), ids(5, top=5))


def test_squared_error_sums_over_outputs() -> None:
    assert squared_error(torch.tensor([[1.0, 5.0]]), torch.tensor([[0.0, 3.0]])).tolist() == [5.0]


def test_quadratic_is_half_of_squared_error() -> None:
    batch = batch_for("quadratic", 4)
    assert quadratic(*batch).tolist() == (squared_error(*batch) / 2).tolist()


def test_absolute_error_sums_over_outputs() -> None:
    assert absolute_error(torch.tensor([[1.0, 5.0]]), torch.tensor([[2.0, 3.0]])).tolist() == [3.0]


@pytest.mark.parametrize("cost", [squared_error, quadratic, absolute_error])
def test_outputs_of_one_axis_are_one_number_per_example(cost: Callable[..., Tensor]) -> None:
    assert cost(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0])).shape == (2,)


@pytest.mark.parametrize("cost", [squared_error, quadratic, absolute_error, binary_cross_entropy])
@pytest.mark.parametrize(
    ("shape", "target_shape"), [((5, 1), (5,)), ((5,), (5, 1)), ((5, 1), (5, 3)), ((5, 3), (1, 3))]
)
def test_shapes_are_never_broadcast(
    cost: Callable[..., Tensor], shape: tuple[int, ...], target_shape: tuple[int, ...]
) -> None:
    with pytest.raises(CostShapeError) as caught:
        cost(torch.full(shape, 0.5), torch.full(target_shape, 0.5))
    assert str(shape) in str(caught.value)
    assert str(target_shape) in str(caught.value)


def test_a_single_number_for_all_examples_is_refused() -> None:
    with pytest.raises(CostShapeError, match=r"output has shape \(\)"):
        squared_error(torch.tensor(1.0), torch.tensor(1.0))


def test_binary_cross_entropy_is_the_books_sum() -> None:
    a, y = batch_for("binary_cross_entropy", 4)
    expected = nn.functional.binary_cross_entropy(a, y, reduction="none").sum(1)
    torch.testing.assert_close(binary_cross_entropy(a, y), expected, rtol=1e-13, atol=0)


def test_nothing_times_the_log_of_nothing_is_nothing() -> None:
    a = torch.tensor([[0.0, 1.0]], requires_grad=True)
    cost = binary_cross_entropy(a, torch.tensor([[0.0, 1.0]]))
    assert cost.tolist() == [0.0]


def test_certain_and_wrong_costs_infinity() -> None:
    assert binary_cross_entropy(torch.tensor([[1.0]]), torch.tensor([[0.0]])).tolist() == [math.inf]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_delta_at_the_output_is_a_minus_y_even_when_saturated(dtype: torch.dtype) -> None:
    z = torch.tensor([[-2.0, 0.5, 1.0, 40.0, -120.0]], dtype=dtype, requires_grad=True)
    y = torch.tensor([[0.0, 1.0, 0.3, 1.0, 0.0]], dtype=dtype)
    (delta,) = torch.autograd.grad(binary_cross_entropy(z.sigmoid(), y).sum(), z)
    torch.testing.assert_close(delta, (z.sigmoid() - y).detach(), rtol=1e-5, atol=0)


def test_xlogy_would_lose_that_delta() -> None:
    z = torch.tensor([[40.0]], requires_grad=True)
    cost = -torch.xlogy(torch.zeros(1, 1), 1 - z.sigmoid()).sum()
    (delta,) = torch.autograd.grad(cost, z)
    assert delta.isnan().all()


def test_next_token_judges_each_token_by_the_one_after_it() -> None:
    logits, tokens = batch_for("next_token", 3)
    expected = [
        -sum(row[t].log_softmax(0)[one[t + 1]].item() for t in range(3)) / 3
        for row, one in zip(logits, tokens, strict=True)
    ]
    assert next_token(logits, tokens).tolist() == pytest.approx(expected, rel=1e-13)


def test_padded_tokens_are_not_counted() -> None:
    logits, tokens = batch_for("next_token", 3)
    padded = tokens.clone()
    padded[:, 3] = -100
    torch.testing.assert_close(next_token(logits, padded), next_token(logits[:, :3], tokens[:, :3]))


def test_an_example_without_a_token_to_judge_costs_nothing() -> None:
    logits, tokens = batch_for("next_token", 3)
    assert next_token(logits, torch.full_like(tokens, -100)).tolist() == [0.0] * 3
    assert next_token(logits[:, :1], tokens[:, :1]).tolist() == [0.0] * 3


def test_token_ids_of_another_length_are_refused() -> None:
    with pytest.raises(CostShapeError, match=r"token ids has shape \(3, 5\), expected \(3, 4\)"):
        next_token(drawn(3, 4, 6), ids(3, 5, top=6))


def test_next_token_refuses_what_has_no_tokens() -> None:
    with pytest.raises(CostShapeError, match=r"\(example, token, vocabulary\).*found \(3, 6\)"):
        next_token(drawn(3, 6), ids(3, top=6))
    with pytest.raises(CostShapeError, match=r"whole numbers as ids, found .* torch.float64"):
        next_token(drawn(3, 4, 6), drawn(3, 4))
