"""Products and planes: changes that are a few numbers for each place, times a vector or two.

A unit's change behind a Linear is d·w, w its weights; behind a normalisation it lies in the plane
of two vectors, the recorded one of its place and one of the unit's own (`norms`). A Linear after
that is two scaled additions of what it makes of both, whatever its width: no matrix product.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.carrying.forms import (
    CLASSES,
    DENSE,
    PLANE,
    PRODUCT,
    Carried,
    Changes,
    Form,
    Way,
    Window,
    over_positions,
)
from neurodemon.graph.node import Node


def through_linear(way: Way, node: Node, form: Form, weight: Tensor, *, is_last: bool) -> Carried:
    """A Linear: of a plane what it makes of both vectors, of a product what of its weights."""
    name = way.varying(node)[0]
    if form.kind == "plane":
        way.bases[node.name] = way.bases[name].through(weight)

    def run(_: Window, changes: Changes) -> tuple[Tensor, ...]:
        *factors, vector = cast("tuple[Tensor, ...]", changes[0])
        return *factors, functional.linear(vector, weight)

    def run_classes(window: Window, changes: Changes) -> Tensor:
        (*factors, vector) = run(window, changes)
        found = factors[-1] * vector.T.unsqueeze(2)
        if form == PLANE:
            found.addcmul_(factors[0], way.base(window, node.name).movedim(2, 0))
        return found

    return (CLASSES, run_classes) if is_last else (form, run)


def scale(way: Way, node: Node, form: Form, factor: Tensor, *, is_divided: bool) -> Carried | None:
    """`x·c` and `x/c`, c one number for each place, or one for each feature."""
    stands = way.stands(node, factor)
    if form.is_folded or stands == "apart":
        return None
    if stands == "shared" and factor.numel() > 1 and factor.numel() == factor.shape[-1]:
        return _by_feature(way, node, form, 1 / factor if is_divided else factor)
    if factor.ndim and factor.shape[-1] != 1:
        return None
    flat = factor.squeeze(-1) if factor.ndim else factor

    def run(window: Window, changes: Changes) -> tuple[Tensor, ...]:
        *factors, own = cast("tuple[Tensor, ...]", changes[0])
        here = window.of(flat) if stands == "example" else flat
        return *(one / here if is_divided else one * here for one in factors), own

    return form, run


def _by_feature(way: Way, node: Node, form: Form, factor: Tensor) -> Carried:
    """One number for each feature."""
    vector = factor.flatten()
    if form == PLANE:
        way.bases[node.name] = way.bases[way.varying(node)[0]].through(vector)

    def run(_: Window, changes: Changes) -> tuple[Tensor, ...]:
        *factors, own = cast("tuple[Tensor, ...]", changes[0])
        return *factors, own * vector

    return form, run


def average(
    way: Way, node: Node, form: Form, axes: Sequence[int], *, keeps: bool
) -> Carried | None:
    """`mean` and `sum` over positions: of a product it stays one; of a plane, all of them at once."""
    name, is_mean = way.varying(node)[0], node.operation_name == "mean"
    value = way.value(name)
    if value.ndim - 1 in axes or form.is_folded:
        return None
    if form == PRODUCT:
        reduce = torch.mean if is_mean else torch.sum

        def run_product(_: Window, changes: Changes) -> tuple[Tensor, ...]:
            column, own = cast("tuple[Tensor, ...]", changes[0])
            return reduce(column, [axis + 1 for axis in axes], keeps), own

        return form, run_product
    if list(axes) != list(range(1, value.ndim - 1)):
        return None
    base, count = way.bases[name], value[0, ..., 0].numel() if is_mean else 1
    rest = way.value(node.name).shape[1:]

    def run(window: Window, changes: Changes) -> Tensor:
        kept, own, vector = cast("tuple[Tensor, ...]", changes[0])
        vectors, kept = window.of(base.vectors()).flatten(2, -2), kept.flatten(2)
        if window.picks is not None:
            summed = (kept.unsqueeze(2) @ vectors).squeeze(2)
        else:
            summed = (kept.transpose(0, 1) @ vectors[0]).transpose(0, 1)
        found = base.mapped(summed)
        found = found + own.flatten(2).sum(2, keepdim=True) * vector.unsqueeze(1)
        return (found / count).reshape(*found.shape[:2], *rest)

    return DENSE, run


def look(
    way: Way, node: Node, form: Form, axis: int, view: Callable[[Tensor, int], Tensor]
) -> Carried:
    """Some positions alone, by a view along an axis of theirs; of features a dense change."""
    name = way.varying(node)[0]
    if axis < way.value(name).ndim - 1:
        if form == PLANE:
            way.bases[node.name] = way.bases[name].seen(lambda value: view(value, axis))

        def run(_: Window, changes: Changes) -> tuple[Tensor, ...]:
            *factors, own = cast("tuple[Tensor, ...]", changes[0])
            return *(view(one, axis + 1) for one in factors), own

        return form, run

    def run_features(window: Window, changes: Changes) -> Tensor:
        *factors, whole = cast("tuple[Tensor, ...]", changes[0])
        own = view(whole, 1)
        is_one, base = own.ndim == 1, None
        if form == PLANE:
            base = way.base(window, name)
            base = view(base, base.ndim - 1).unsqueeze(-1) if is_one else view(base, base.ndim - 1)
        found = spelled(base, factors, own.unsqueeze(1) if is_one else own)
        return found.squeeze(-1) if is_one else found

    return DENSE, run_features


def spelled(base: Tensor | None, factors: Sequence[Tensor], own: Tensor) -> Tensor:
    """All numbers of a product or a plane."""
    found = factors[-1].unsqueeze(-1) * over_positions(own, factors[-1])
    return found if base is None else found.addcmul_(factors[0].unsqueeze(-1), base)
