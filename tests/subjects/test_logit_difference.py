"""The logit difference: one pair of ids for all examples, or one per example."""

import pytest
import torch
from torch import Tensor, nn

from neurodemon.errors import CostShapeError, SubjectError
from neurodemon.subjects.logit_difference import LogitDifference, logit_difference

RIGHTS, WRONGS = [3, 0, 1, 2, 4], [0, 1, 2, 3, 0]


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_one_pair_of_ids_serves_all_examples() -> None:
    logits = drawn(5, 6)
    expected = (logits[:, 2] - logits[:, 4]).tolist()
    assert logit_difference(2, 4)(logits, None).tolist() == expected


@pytest.mark.parametrize("position", [-1, 0, 2])
def test_the_difference_is_taken_at_the_position(position: int) -> None:
    logits = drawn(5, 4, 6)
    expected = (logits[:, position, 2] - logits[:, position, 4]).tolist()
    assert logit_difference(2, 4, position)({"logits": logits}, None).tolist() == expected


def test_equal_metrics_are_equal_and_frozen() -> None:
    metric = logit_difference(torch.tensor([1, 2]), 0)
    assert metric == LogitDifference((1, 2), 0, -1)
    assert hash(metric) == hash(LogitDifference((1, 2), 0, -1))
    with pytest.raises(AttributeError, match="cannot assign"):
        metric.position = 3  # type: ignore[misc]


@pytest.mark.parametrize("target", [None, torch.arange(5)])
def test_ids_per_example_travel_with_the_batches(target: Tensor | None) -> None:
    inputs, logits = drawn(5, 2), drawn(5, 6)
    metric = logit_difference(RIGHTS, torch.tensor(WRONGS))
    pieces = [slice(0, 2), slice(2, 5)]
    batches = [(inputs[piece], None if target is None else target[piece]) for piece in pieces]
    bound = metric.bind(batches)
    costs = [metric(logits[piece], made) for piece, (_, made) in zip(pieces, bound, strict=True)]
    expected = [logits[row, RIGHTS[row]] - logits[row, WRONGS[row]] for row in range(5)]
    assert torch.cat(costs).tolist() == torch.stack(expected).tolist()
    assert [len(made) for _, made in bound] == [2 if target is None else 3] * 2


def test_one_id_for_all_may_stand_beside_ids_per_example() -> None:
    logits = drawn(5, 6)
    metric = logit_difference(5, WRONGS)
    [(_, target)] = metric.bind([({"ids": drawn(5, 2)}, None)])
    expected = [(logits[row, 5] - logits[row, WRONGS[row]]).item() for row in range(5)]
    assert metric(logits, target).tolist() == expected


def test_batches_stay_as_they_are_for_one_pair_of_ids() -> None:
    batch = (drawn(5, 2), None)
    assert logit_difference(1, 2).bind([batch])[0] is batch


@pytest.mark.parametrize(("right", "wrong"), [(RIGHTS, WRONGS), (1, 2)])
def test_the_metric_exports_with_a_dynamic_number_of_examples(
    right: int | list[int], wrong: int | list[int]
) -> None:
    metric = logit_difference(right, wrong)
    batch = torch.export.Dim("batch")

    class Costed(nn.Module):
        def forward(self, output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
            return metric(output * 1, target)

    logits, target = drawn(5, 4, 6), (torch.tensor(RIGHTS), torch.tensor(WRONGS))
    axes = {"output": {0: batch}, "target": ({0: batch}, {0: batch})}
    program = torch.export.export(Costed(), (logits, target), dynamic_shapes=axes, strict=False)
    part = (logits[:3], tuple(piece[:3] for piece in target))
    assert program.module()(*part).tolist() == metric(*part).tolist()


def test_too_few_ids_are_refused() -> None:
    with pytest.raises(SubjectError, match=r"right has 5 ids, but the batches hold 6 examples"):
        logit_difference(RIGHTS, WRONGS).bind([(drawn(6, 2), None)])


def test_batches_that_were_not_bound_are_refused() -> None:
    with pytest.raises(SubjectError, match=r"target is Tensor without them.*cost\.bind"):
        logit_difference(RIGHTS, WRONGS)(drawn(5, 6), torch.zeros(5))


@pytest.mark.parametrize("right", [-1, True, torch.tensor([0.5, 1.0]), torch.tensor([[1, 2]])])
def test_ids_that_are_no_ids_are_refused(right: int | Tensor) -> None:
    with pytest.raises(SubjectError, match="expected the id of an answer"):
        logit_difference(right, 0)


def test_equal_answers_are_refused() -> None:
    with pytest.raises(SubjectError, match="both 3, so their difference is always 0"):
        logit_difference(3, 3)


def test_an_id_out_of_range_is_refused() -> None:
    with pytest.raises(SubjectError, match=r"does not fit logits of shape \(5, 6\)"):
        logit_difference(6, 0)(drawn(5, 6), None)
    metric = logit_difference([9] * 5, WRONGS)
    [(_, target)] = metric.bind([(drawn(5, 2), None)])
    with pytest.raises(SubjectError, match=r"does not fit logits of shape \(5, 6\)"):
        metric(drawn(5, 6), target)


def test_a_position_out_of_range_is_refused() -> None:
    with pytest.raises(SubjectError, match=r"at position 4 does not fit .*\(5, 4, 6\)"):
        logit_difference(1, 0, position=4)(drawn(5, 4, 6), None)


def test_a_position_that_is_no_number_is_refused() -> None:
    with pytest.raises(SubjectError, match="position is True; expected a whole number"):
        logit_difference(1, 0, position=True)


def test_logits_of_one_axis_are_refused() -> None:
    with pytest.raises(CostShapeError, match=r"found \(5,\)"):
        logit_difference(1, 0)(drawn(5), None)
