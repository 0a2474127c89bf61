"""The tensors inside what models take and return: tuples, lists, dicts, dataclasses."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


def tensor_leaves(value: Any) -> Iterator[Tensor]:
    """Find the tensors of a nested value, in order.

    Args:
        value: a tensor, or tuples, lists, mappings and dataclasses of such.

    Yields:
        Each tensor; anything else is passed over.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensor_leaves(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensor_leaves(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for place in fields(value):
            yield from tensor_leaves(getattr(value, place.name))


def floating_leaves(value: Any) -> list[Tensor]:
    """Find the tensors of real numbers, in which alone a demon can sit."""
    return [leaf for leaf in tensor_leaves(value) if leaf.is_floating_point()]


def swap_leaf(value: Any, instead: Mapping[int, Tensor]) -> Any:
    """Put other tensors in the place of some of a nested value, which itself stays as it is.

    Args:
        value: a tensor, or tuples, lists, mappings and dataclasses of such.
        instead: by the `id` of the tensor whose place it takes.

    Returns:
        The same structure with those tensors in it.
    """
    return _rebuild(value, lambda tensor: instead.get(id(tensor), tensor))


@dataclass(frozen=True)
class Gap:
    """Stands for a tensor that was taken out of a nested value."""


def without_tensors(value: Any) -> Any:
    """Copy a nested value with a gap in the place of each tensor that `tensor_leaves` finds."""
    return _rebuild(value, lambda _tensor: Gap())


def with_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    """Copy what `without_tensors` made, its gaps filled with tensors in the order given."""
    return _rebuild(value, lambda _gap: next(tensors))


def _rebuild(value: Any, change: Callable[[Any], Any]) -> Any:
    """Copy a nested value, its tensors and gaps changed; in the order of `tensor_leaves`."""
    if isinstance(value, (Tensor, Gap)):
        return change(value)
    if isinstance(value, Mapping):
        mapping: Any = copy.copy(value)
        for name, part in value.items():
            mapping[name] = _rebuild(part, change)
        return mapping
    if isinstance(value, (tuple, list)):
        found = [_rebuild(part, change) for part in value]
        return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
    if is_dataclass(value) and not isinstance(value, type):
        copied: Any = copy.copy(value)
        for place in fields(value):  # a frozen one too
            object.__setattr__(copied, place.name, _rebuild(getattr(value, place.name), change))
        return copied
    return value


def map_tensors(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Apply a function to every tensor of a nested batch, keeping its structure."""
    return pytree.tree_map_only(Tensor, change, value)


def take_examples(batch: Any, rows: Tensor) -> Any:
    """Take examples by number from every tensor of a nested batch, in the order given."""
    with torch.inference_mode(mode=False):  # they may have to be differentiated
        return map_tensors(lambda leaf: leaf.index_select(0, rows.to(leaf.device)), batch)


def count_examples(batch: Any) -> int:
    """Count the examples: the size of axis 0 of the first tensor; 0 without a tensor."""
    first = next(tensor_leaves(batch), None)
    return 0 if first is None or first.ndim == 0 else int(first.shape[0])


def at_least_two(batch: Any) -> Any:
    """Repeat a lone example: capturing a batch of one would freeze its size."""
    count = count_examples(batch)
    return batch if count > 1 else take_examples(batch, torch.zeros(2, dtype=torch.int64))
