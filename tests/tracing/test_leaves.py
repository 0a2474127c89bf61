"""Nested batches: the tensors inside, counted and taken by example."""

from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.tracing.leaves import (
    at_least_two,
    count_examples,
    floating_leaves,
    map_tensors,
    take_examples,
    tensor_leaves,
    with_tensors,
    without_tensors,
)


@dataclass
class Output:
    """Like a Hugging Face output."""

    logits: Tensor
    loss: None = None


def test_leaves_are_found_in_order_in_tuples_dicts_and_dataclasses() -> None:
    parts = [torch.tensor(float(number)) for number in range(4)]
    nested = (parts[0], {"k": [parts[1], "text"]}, Output(parts[2]), parts[3], None)
    assert [float(leaf) for leaf in tensor_leaves(nested)] == [0, 1, 2, 3]


def test_a_dataclass_itself_is_no_value() -> None:
    assert list(tensor_leaves(Output)) == []


Pair = namedtuple("Pair", ["left", "right"])


@dataclass(frozen=True)
class Frozen:
    """Cannot be set."""

    logits: Tensor
    cache: object


def test_a_nested_value_is_taken_apart_and_put_together_again() -> None:
    tensors = [torch.tensor(float(number)) for number in range(5)]
    kept = object()
    nested = {
        "pair": Pair(tensors[0], [tensors[1], "text"]),
        "output": Output(tensors[2]),
        "frozen": Frozen(tensors[3], kept),
        "last": (tensors[4], None),
    }
    bare = without_tensors(nested)
    assert list(tensor_leaves(bare)) == []
    assert list(tensor_leaves(nested)) == tensors, "the value itself is left alone"
    changed = with_tensors(bare, iter([tensor + 10 for tensor in tensors]))
    assert [float(leaf) for leaf in tensor_leaves(changed)] == [10, 11, 12, 13, 14]
    assert changed["pair"].right[1] == "text"
    assert changed["frozen"].cache is kept
    assert isinstance(changed["output"], Output)


def test_only_real_numbers_can_hold_a_demon() -> None:
    assert len(floating_leaves((torch.ones(2), torch.ones(2).int(), torch.ones(2).bool()))) == 1


def test_examples_are_taken_in_the_order_given_from_every_tensor() -> None:
    batch = ({"x": torch.arange(3)}, torch.arange(6).reshape(3, 2))
    taken = take_examples(batch, torch.tensor([2, 0]))
    assert taken[0]["x"].tolist() == [2, 0]
    assert taken[1].tolist() == [[4, 5], [0, 1]]


def test_constants_of_a_batch_stay() -> None:
    assert map_tensors(lambda leaf: leaf + 1, {"a": torch.zeros(()), "b": 7})["b"] == 7


def test_examples_are_counted_on_the_first_tensor() -> None:
    assert count_examples(({"x": torch.ones(4, 2)}, torch.ones(4))) == 4
    assert count_examples(("no tensor", 1)) == 0
    assert count_examples(torch.tensor(1.0)) == 0


def test_a_lone_example_is_repeated_and_others_are_left_alone() -> None:
    assert at_least_two((torch.ones(1, 2), torch.zeros(1)))[0].shape == (2, 2)
    pair = (torch.ones(3, 2), torch.zeros(3))
    assert at_least_two(pair) is pair
