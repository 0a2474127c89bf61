"""Pooling: averages and maxima over windows of each channel by itself."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import (
    CHANNEL,
    DENSE,
    Carried,
    Change,
    Changes,
    Form,
    Way,
    Window,
    owns,
    single,
)
from neurodemon.engine.formulas import rectified_change
from neurodemon.graph.node import Node

MAXIMA = {"max_pool1d", "max_pool2d", "max_pool3d"}


def average_pool(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Averages over windows of each channel by itself: of a change as of a state."""
    (form, *_), dims, operation = forms, _dims(node), node.operation
    value = way.value(way.varying(node)[0])
    is_fit = way.reads_first(node) and value.ndim == dims + 2 and form in {CHANNEL, DENSE}
    if not is_fit or operation is None:
        return None
    rest = way.rest(node, 1)

    def run(_: Window, changes: Changes) -> Change:
        change = single(changes)
        found: Tensor = operation(change.reshape(-1, 1, *change.shape[-dims:]), *rest)
        return found.reshape(*change.shape[:-dims], *found.shape[2:])

    return form, run


def maximum_pool(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Maxima over windows side by side: max(z + d) − M = max(d + (z − M)), M the maximum of z."""
    (name, *_), (form, *_), kernel = way.varying(node), forms, tiled_kernel(way, node)
    if not way.reads_first(node) or kernel is None or form not in {CHANNEL, DENSE}:
        return None
    source = way.waiting.get(name, name)  # what the change is one of
    is_ours = source != name and owns(way, source)

    def parts() -> tuple[Tensor, ...]:
        low, top = _below_and_top(way.value(source), kernel)
        return (low,) if name == source else (low, top.clamp(max=0), -top.clamp(min=0))

    def run(window: Window, changes: Changes) -> Change:
        take = (lambda one: window.at(one, 1)) if form == CHANNEL else window.of
        low, *rectified = map(take, way.once(("pool", node.name, source), parts))
        found = single(changes)
        for axis in range(-len(kernel), 0):
            found = found.narrow(axis, 0, low.shape[axis])
        room = found if is_ours else window.room(node.name, found.shape, found)
        found = torch.add(found, low, out=room)
        for axis, width in enumerate(kernel, -len(kernel)):
            found = _highest(found, axis, width)
        # a ReLU before the maximum comes after it, on fewer numbers: max(ReLU(z)) = ReLU(max(z))
        return rectified_change(rectified[0], rectified[1], found) if rectified else found

    return form, run


def _below_and_top(value: Tensor, kernel: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """How far each number lies below its window's maximum, and the maxima."""
    axes = dict(enumerate(kernel, -len(kernel)))
    for axis, width in axes.items():
        value = value.narrow(axis, 0, value.shape[axis] // width * width)
    top = value
    for axis, width in axes.items():
        top = _highest(top, axis, width)
    spread = top
    for axis, width in axes.items():
        spread = spread.repeat_interleave(width, axis)
    return value - spread, top


def _highest(value: Tensor, axis: int, width: int) -> Tensor:
    """The maximum of each so many neighbours along an axis, counted from the last."""
    shape = list(value.shape)
    shape[axis : axis + 1 or None] = [value.shape[axis] // width, width]
    first, *others = value.reshape(shape).unbind(axis)
    for other in others:
        first = torch.maximum(first, other)
    return first


def tiled_kernel(way: Way, node: Node) -> tuple[int, ...] | None:
    """Give the windows' sizes of a maximum where they lie side by side.

    Args:
        way: where it stands.
        node: any operation.

    Returns:
        The sizes; None where it is no maximum, windows overlap, or some are cut off.
    """
    if node.operation_name not in MAXIMA or way.value(node.inputs[0]).ndim != _dims(node) + 2:
        return None
    dims, rest = _dims(node), way.rest(node, 1)
    defaults: list[Any] = [None, [], 0, 1, False]
    kernel, stride, padding, dilation, is_cut = [*rest, *defaults[len(rest) :]]
    sizes = _each(kernel, dims)
    is_tiled = _each(stride or kernel, dims) == sizes and not is_cut
    is_plain = set(_each(padding, dims)) == {0} and set(_each(dilation, dims)) == {1}
    return sizes if is_tiled and is_plain else None


def _each(setting: Any, dims: int) -> tuple[int, ...]:
    """One number for each dimension."""
    numbers = tuple(setting) if isinstance(setting, (list, tuple)) else (setting,)
    return numbers * dims if len(numbers) == 1 else numbers


def _dims(node: Node) -> int:
    """How many dimensions an operation pools over, by its name: `max_pool2d`."""
    return int(node.operation_name[-2])
