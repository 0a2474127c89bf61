"""The slow obvious twin of `measure`: one full forward of the user's model per unit.

A forward hook (or pre-hook) puts another value in the place of one unit; nothing is replayed,
folded or shared. Written from the glossary, without a look at the engine.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Batches = Sequence[tuple[Any, Any]]
Cost = Callable[[Any, Any], Tensor]
NAME = re.compile(r"(?P<path>[^:#\[]*)(?P<side>:in|:out)?(#(?P<call>\d+))?(\[out=(?P<leaf>\d+)\])?")


@dataclass(frozen=True)
class Place:
    """A tensor that goes into or comes out of a module while it runs."""

    path: str
    is_input: bool = False
    call: int = 1
    leaf: int = 0

    @classmethod
    def parse(cls, name: str) -> "Place":
        """Read the name of a module's site."""
        found = NAME.fullmatch(name)
        assert found is not None, name
        return cls(
            found["path"],
            found["side"] == ":in",
            int(found["call"] or 1),
            int(found["leaf"] or 0),
        )


def clean_values(model: nn.Module, batches: Batches, name: str) -> list[Tensor]:
    """Copy the value at a place, for each batch."""
    values: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        values.append(value.detach().clone())
        return value

    for inputs, _target in batches:
        with hooked(model, Place.parse(name), keep), torch.no_grad():
            run(model, inputs)
    return values


def effects_by_hooks(
    model: nn.Module,
    batches: Batches,
    cost: Cost,
    name: str,
    moved: Sequence[Tensor],
    masks: Sequence[tuple[Any, ...]],
) -> np.ndarray:
    """Measure effects by full forwards.

    Args:
        model: the user's model, in the mode it is studied in.
        batches: pairs of inputs and target.
        cost: per example.
        name: of a module's site.
        moved: what the value becomes where a unit is, one tensor per batch.
        masks: per unit, the index of its numbers in the value.

    Returns:
        cost after − cost before, float64, of shape (example, unit).
    """
    parts = []
    for (inputs, target), there in zip(batches, moved, strict=True):
        base = cost_with(model, inputs, target, cost, name, lambda value: value)
        columns = []
        for mask in masks:

            def change(value: Tensor, mask: Any = mask, there: Tensor = there) -> Tensor:
                value = value.clone()
                value[mask] = there[mask]
                return value

            columns.append(cost_with(model, inputs, target, cost, name, change) - base)
        parts.append(torch.stack(columns, dim=1))
    return torch.cat(parts).numpy()


def cost_with(
    model: nn.Module,
    inputs: Any,
    target: Any,
    cost: Cost,
    name: str,
    change: Callable[[Tensor], Tensor],
) -> Tensor:
    """The cost per example in float64, with the value at a place changed."""
    with hooked(model, Place.parse(name), change), torch.no_grad():
        return cost(run(model, inputs), target).double()


def run(model: nn.Module, inputs: Any) -> Any:
    """Call the model on copies of its inputs: dicts by keyword, tuples by position."""
    inputs = torch.utils._pytree.tree_map_only(Tensor, Tensor.clone, inputs)
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


def unit_masks(
    axes: Sequence[str], shape: Sequence[int], kind: str = "neuron"
) -> list[tuple[Any, ...]]:
    """Index the numbers of each unit of a value.

    Args:
        axes: the role of each axis.
        shape: the size of each axis.
        kind: `neuron` (or `channel`): one index along the unit axis, at all positions;
            `position`: one index along each position axis; `cell`: both.

    Returns:
        Per unit an index; positions in row-major order, each with its features in order.
    """
    free = {"neuron": {"unit"}, "channel": {"unit"}, "position": {"position"}}.get(
        kind, {"unit", "position"}
    )
    order = [axis for axis, role in enumerate(axes) if role in free and role == "position"]
    order += [axis for axis, role in enumerate(axes) if role in free and role == "unit"]
    masks = []
    for place in np.ndindex(*[shape[axis] for axis in order]):
        fixed = dict(zip(order, place, strict=True))
        masks.append(tuple(fixed.get(axis, slice(None)) for axis in range(len(axes))))
    return masks


@contextlib.contextmanager
def hooked(model: nn.Module, place: Place, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Change one floating tensor at a place while the model runs."""
    calls = 0

    def before(_module: nn.Module, arguments: Any, keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == place.call:
            return change_leaf((arguments, keywords), place.leaf, change)
        return None

    def after(_module: nn.Module, _arguments: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        return change_leaf(output, place.leaf, change) if calls == place.call else None

    module = model.get_submodule(place.path)
    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if place.is_input
        else module.register_forward_hook(after)
    )
    try:
        yield
    finally:
        handle.remove()
    assert calls >= place.call, f"{place} was never reached"


def change_leaf(value: Any, leaf: int, change: Callable[[Tensor], Tensor]) -> Any:
    """Change one floating tensor of a nested value, by its number in order."""
    leaves, structure = torch.utils._pytree.tree_flatten(value)
    floating = [
        number
        for number, part in enumerate(leaves)
        if isinstance(part, Tensor) and part.is_floating_point()
    ]
    leaves[floating[leaf]] = change(leaves[floating[leaf]])
    return torch.utils._pytree.tree_unflatten(leaves, structure)
