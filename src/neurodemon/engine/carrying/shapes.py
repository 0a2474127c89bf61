"""Operations that move or gather numbers: reshaping, averages, pooling, running statistics."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neurodemon.engine.carrying import planes
from neurodemon.engine.carrying.forms import (
    BLOCK,
    CHANNEL,
    CLASSES,
    DENSE,
    PLANE,
    PRODUCT,
    Carried,
    Change,
    Changes,
    Form,
    Way,
    Window,
    single,
)
from neurodemon.graph.node import Node


def reshape(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`reshape` and its like, which keep the examples: a column flattened becomes a block."""
    value, result = way.value(way.varying(node)[0]), way.value(node.name)
    (form, *_) = forms
    is_lost = 0 in {value.ndim, result.ndim}  # the axis of a batch of one example, squeezed
    if is_lost or not way.reads_first(node):
        return None
    if form.is_folded or len(value) != len(result):
        return _fold(form, value, result, way.recording.n_examples)
    if value.shape == result.shape:
        return form, lambda _, changes: changes[0]
    return _reshape(form, value, result)


def _reshape(form: Form, value: Tensor, result: Tensor) -> Carried | None:
    """Another shape of each example."""
    is_kept = form == CHANNEL and value.shape[:2] == result.shape[:2]
    is_flat = form == CHANNEL and result.ndim == 2
    if form != DENSE and not is_kept and not is_flat:
        return None
    rest = tuple(result.shape[1:]) if form == DENSE else tuple(result.shape[2:])

    def run(_: Window, changes: Changes) -> Tensor:
        change = single(changes)
        return change.reshape(*change.shape[:2], *([-1] if is_flat else rest))

    return (BLOCK if is_flat else form), run


def _fold(form: Form, value: Tensor, result: Tensor, n_examples: int) -> Carried | None:
    """Positions laid beside the examples, and taken apart: of the change itself they always are."""
    apart, folded = (result, value) if form.is_folded else (value, result)
    is_column = form == Form("column", value.ndim - 1, form.is_folded)
    is_known = is_column or form.kind in {"product", "plane", "dense"}
    is_fold = len(apart) == n_examples and apart.ndim > folded.ndim
    if not is_known or not is_fold or folded.ndim > 2:
        return None
    if folded.shape[1:] != apart.shape[apart.ndim - folded.ndim + 1 :]:
        return None
    axis = result.ndim - 1 if is_column else -1
    after = Form(form.kind, axis, is_folded=not form.is_folded)
    return after, lambda _, changes: changes[0]


def pick(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`select` and `slice` along any axis but the examples' own."""
    name, (form, *_) = way.varying(node)[0], forms
    value, result, operation = way.value(name), way.value(node.name), node.operation
    axis, *rest = way.rest(node, 1) or (0,)
    is_plain = way.reads_first(node) and operation is not None
    axis %= value.ndim
    if not is_plain or form.is_folded or form == CLASSES:
        return None
    if value.shape == result.shape:  # a slice of all
        return form, lambda _, changes: changes[0]
    if axis == 0 or operation is None:
        return None

    def view(change: Tensor, place: int) -> Tensor:
        found: Tensor = operation(change, place, *rest)
        return found

    if form == DENSE:
        return form, lambda _, changes: view(single(changes), axis + 1)
    return planes.look(way, node, form, axis, view) if form in {PRODUCT, PLANE} else None


def permute(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`permute` and `transpose` that leave the examples first, of all numbers."""
    ndim, rest = way.value(node.name).ndim, way.rest(node, 1)
    order = list(range(ndim))
    if node.operation_name == "permute":
        order = [axis % ndim for axis in rest[0]]
    else:
        first, second = (axis % ndim for axis in rest)
        order[first], order[second] = second, first
    if forms[0] != DENSE or not way.reads_first(node) or order[0] != 0:
        return None
    own = [0, *(axis + 1 for axis in order)]
    return DENSE, lambda _, changes: single(changes).permute(own)


def expand(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`expand` along any axis but the examples' own."""
    value, rest = way.value(way.varying(node)[0]), tuple(way.value(node.name).shape[1:])
    if forms[0] != DENSE or not way.reads_first(node) or value.ndim != len(rest) + 1:
        return None
    return DENSE, lambda _, changes: single(changes).expand(*single(changes).shape[:2], *rest)


def average(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`mean` and `sum` over axes of one example, the units' own left out."""
    value, result = way.value(way.varying(node)[0]), way.value(node.name)
    (form, *_), rest = forms, way.rest(node, 1)
    is_known = way.reads_first(node) and 0 < len(rest) <= 2 and rest[0] is not None
    if not is_known or not result.is_floating_point() or form.is_folded:
        return None
    keeps = bool(rest[1]) if len(rest) == 2 else False
    given = [rest[0]] if isinstance(rest[0], int) else rest[0]
    axes = sorted(axis % value.ndim for axis in given)
    if not axes or 0 in axes:
        return None
    if form.kind in {"product", "plane"}:
        return planes.average(way, node, form, axes, keeps=keeps)
    return _average(node, form, axes, keeps=keeps)


def _average(node: Node, form: Form, axes: Sequence[int], *, keeps: bool) -> Carried | None:
    """Of all numbers, or of one unit's own."""
    reduce: Callable[..., Tensor] = torch.mean if node.operation_name == "mean" else torch.sum
    if form == DENSE:
        own = [axis + 1 for axis in axes]
        return form, lambda _, changes: reduce(single(changes), own, keeps)
    if form.kind != "column" or form.axis in axes or keeps:
        return None
    inner = [axis + (axis < form.axis) for axis in axes]
    after = Form("column", form.axis - sum(axis < form.axis for axis in axes))
    return after, lambda _, changes: reduce(single(changes), inner)


def batch_norm(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Batch normalisation by running statistics: each channel times its own factor."""
    (form, *_), value = forms, way.value(way.varying(node)[0])
    weight, _, _, variance, *rest = way.rest(node, 1)
    is_plain = node.operation_name == "batch_norm"
    is_off = not is_plain or rest[0] is False
    if not way.reads_first(node) or not is_off or form not in {CHANNEL, DENSE}:
        return None
    eps = rest[2 if is_plain else 1]
    each = (variance.double() + eps).rsqrt() * (1.0 if weight is None else weight.double())
    factor: Tensor = each.to(value.dtype)

    def run(window: Window, changes: Changes) -> Change:
        change = single(changes)
        if form == DENSE:
            return change * factor.reshape(-1, *[1] * (value.ndim - 2))
        return change * factor[window.units].reshape(-1, *[1] * (change.ndim - 1))

    return form, run
