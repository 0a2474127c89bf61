"""The examples of built-in subjects: the first so many, in batches."""

import pytest
import torch

from neurodemon.errors import SubjectError
from neurodemon.subjects.examples import take_first

INPUTS, TARGETS = torch.arange(2_500)[:, None], torch.arange(2_500)


@pytest.mark.parametrize(
    ("examples", "sizes"), [(1, [1]), (1_000, [1_000]), (2_300, [1_000, 1_000, 300])]
)
def test_the_first_examples_come_in_order(examples: int, sizes: list[int]) -> None:
    batches = take_first(INPUTS, TARGETS, examples)
    assert [inputs.shape[0] for inputs, _ in batches] == sizes
    assert torch.cat([target for _, target in batches]).tolist() == list(range(examples))
    assert all(torch.equal(inputs[:, 0], target) for inputs, target in batches)


@pytest.mark.parametrize("examples", [0, -1, 2_501])
def test_a_number_of_examples_that_are_not_there_is_refused(examples: int) -> None:
    with pytest.raises(SubjectError, match=rf"{examples} examples were .* expected 1 to 2500"):
        take_first(INPUTS, TARGETS, examples)
