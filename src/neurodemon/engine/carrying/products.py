"""Matrix products and convolutions: a column becomes what is multiplied with its own weights."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.carrying import planes
from neurodemon.engine.carrying.entropy import feeds_entropy
from neurodemon.engine.carrying.forms import (
    BLOCK,
    CLASSES,
    DENSE,
    PRODUCT,
    Carried,
    Change,
    Changes,
    Form,
    Step,
    Way,
    Window,
    single,
)
from neurodemon.graph.node import Node, Ref

PARTS = 4  # of a product of few rows, which torch would leave to one core
LAID_OUT = 2  # numbers of a patch for each output, at most, where patches are laid out
CONVOLVE: dict[str, Callable[..., Tensor]] = {
    "conv1d": torch.conv1d,
    "conv2d": torch.conv2d,
    "conv3d": torch.conv3d,
}


def linear(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`linear(x, W, b)`, `mm(x, W)`, `addmm(b, x, W)`: W·d without b; of one unit rank one."""
    place = 1 if node.operation_name == "addmm" else 0
    names, (form, *_) = way.varying(node), forms
    if len(names) != 1 or node.arguments[place] != Ref(names[0]) or form == CLASSES:
        return None
    value, weight = way.value(names[0]), way.rest(node, place + 1)[0]
    is_last = form.kind != "column" or form.axis == value.ndim - 1
    if not isinstance(weight, Tensor) or weight.ndim != 2 or not is_last:
        return None
    weight = weight if node.operation_name == "linear" else weight.T  # (out, in)
    feeds = feeds_entropy(way, node) and not form.is_folded
    if form.kind in {"product", "plane"}:
        return planes.through_linear(way, node, form, weight, is_last=feeds)
    return (CLASSES, _to_classes(form, weight)) if feeds else _multiplied(form, weight)


def _multiplied(form: Form, weight: Tensor) -> Carried:
    """A product, of one unit; all numbers of it, of all."""
    if form.kind != "column":
        return replace(DENSE, is_folded=form.is_folded), _to_dense(form, weight)
    return replace(PRODUCT, is_folded=form.is_folded), lambda window, changes: (
        single(changes),
        weight.T.index_select(0, window.units),
    )


def _to_dense(form: Form, weight: Tensor) -> Step:
    """The product with all weights, or with those of each row's own block."""

    def run(window: Window, changes: Changes) -> Change:
        change = single(changes)
        if form == BLOCK:
            return torch.bmm(change, _own_block(weight, window, change.shape[2]).mT)
        return functional.linear(change, weight)

    return run


def _to_classes(form: Form, weight: Tensor) -> Step:
    """The last product of a classifier, class by class: examples lie side by side then."""

    def run(window: Window, changes: Changes) -> Change:
        change = single(changes)
        if form.kind == "column":
            return change * weight.index_select(1, window.units).unsqueeze(2)
        if form == BLOCK:
            own = _own_block(weight, window, change.shape[2])
            return torch.bmm(own, change.mT).transpose(0, 1)
        flat = change.flatten(0, 1)
        parts = PARTS if len(flat) % PARTS == 0 else 1
        apart = flat.reshape(parts, -1, flat.shape[1])
        found = torch.bmm(weight.expand(parts, -1, -1), apart.mT)  # few rows: else on one core
        return found.transpose(0, 1).reshape(len(weight), *change.shape[:2])

    return run


def _own_block(weight: Tensor, window: Window, width: int) -> Tensor:
    """The weights of each row's block of features, (row, out, feature)."""
    apart = weight.reshape(len(weight), -1, width)
    return apart.index_select(1, window.units).transpose(0, 1)


def convolution(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`conv(x, W, b, …)`: of one unit one input channel; of all as it is, without b."""
    (form, *_), weight = forms, way.rest(node, 1)[0]
    value, shape = way.value(way.varying(node)[0]), tuple(way.value(node.name).shape[2:])
    if not way.reads_first(node) or value.ndim != weight.ndim:
        return None
    given = way.rest(node, 3)  # none of them, not even b, where all are torch's own
    settings = [*given, *[1, 0, 1, 1][len(given) :]]
    groups, convolve = settings[3], CONVOLVE[node.operation_name]
    if form == DENSE:
        return DENSE, _whole(convolve, weight, tuple(settings))
    is_alone = groups == value.shape[1] == len(weight)
    if form != Form("column", 1) or not (is_alone or groups == 1):
        return None
    if is_alone and groups > 1:
        return form, _each_alone(convolve, weight, tuple(settings[:3]))
    return DENSE, _one_channel(node.name, convolve, weight, tuple(settings[:3]), shape)


def _whole(convolve: Callable[..., Tensor], weight: Tensor, settings: tuple[Any, ...]) -> Step:
    """All channels."""

    def run(_: Window, changes: Changes) -> Change:
        change = single(changes)
        found = convolve(change.flatten(0, 1), weight, None, *settings)
        return found.reshape(*change.shape[:2], *found.shape[1:])

    return run


def _each_alone(convolve: Callable[..., Tensor], weight: Tensor, settings: tuple[Any, ...]) -> Step:
    """Each channel by itself: a column stays one."""

    def run(window: Window, changes: Changes) -> Change:
        column = single(changes)
        own = weight.index_select(0, window.units)
        return convolve(column.transpose(0, 1), own, None, *settings, len(own)).transpose(0, 1)

    return run


def _one_channel(
    name: str,
    convolve: Callable[..., Tensor],
    weight: Tensor,
    settings: tuple[Any, ...],
    shape: tuple[int, ...],
) -> Step:
    """One input channel for each row."""
    n_patch, n_out = math.prod(weight.shape[2:]), len(weight)
    is_laid_out = convolve is torch.conv2d and not isinstance(settings[1], str)
    is_laid_out &= n_patch <= LAID_OUT * n_out  # else patches would take more room than results

    def run(window: Window, changes: Changes) -> Change:
        column = single(changes)
        rows, examples = column.shape[:2]
        own = weight.transpose(0, 1).index_select(0, window.units)  # (row, out, *kernel)
        if is_laid_out:
            room = window.room(name, (rows, examples, own.shape[1], math.prod(shape)), column)
            patches = _patches(column, tuple(own.shape[2:]), settings, shape)
            kernels = own.flatten(2)
            if examples == 1:
                torch.bmm(kernels, patches[:, 0], out=room[:, 0])
            for row in range(rows if examples > 1 else 0):
                torch.bmm(kernels[row].expand(examples, -1, -1), patches[row], out=room[row])
            return room.reshape(*room.shape[:3], *shape)
        filters = own.flatten(0, 1).unsqueeze(1)
        found = convolve(column.transpose(0, 1), filters, None, *settings, rows)
        return found.reshape(examples, rows, -1, *shape).transpose(0, 1)

    return run


def _patches(
    planes: Tensor, kernel: Sequence[int], settings: Sequence[Any], shape: Sequence[int]
) -> Tensor:
    """What a kernel meets at each place of each plane, (row, example, of the kernel, place)."""
    stride, padding, dilation = (
        tuple(one) * (1 if len(one) == 2 else 2) if isinstance(one, (list, tuple)) else (one, one)
        for one in settings
    )
    padded = functional.pad(planes, (padding[1], padding[1], padding[0], padding[0])).contiguous()
    down, across = padded.stride()[-2:]
    steps = (dilation[0] * down, dilation[1] * across, stride[0] * down, stride[1] * across)
    view = padded.as_strided((*planes.shape[:2], *kernel, *shape), (*padded.stride()[:2], *steps))
    return view.reshape(*planes.shape[:2], math.prod(kernel), math.prod(shape))
