"""Operations that make each number of the same one: a column stays a column."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.activations import Activation, activation_of, rectified_parts
from neurodemon.engine.carrying import planes
from neurodemon.engine.carrying.forms import (
    CHANNEL,
    CLASSES,
    DENSE,
    PLANE,
    PRODUCT,
    SINGLE,
    Carried,
    Change,
    Changes,
    Form,
    Step,
    Way,
    Window,
    owns,
    pair,
    single,
    taken,
)
from neurodemon.engine.carrying.pooling import tiled_kernel
from neurodemon.engine.formulas import change_of, rectified_change
from neurodemon.engine.operations import is_pointwise
from neurodemon.graph.node import Node, Ref

MOST_AXES = 2  # of a value, all of whose numbers change, where float64 takes little


def same(_way: Way, _node: Node, forms: Sequence[Form]) -> Carried | None:
    """Carry a change through an operation that gives back what it reads."""
    return (forms[0], lambda _, changes: changes[0]) if len(forms) == 1 else None


def identity(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`clone`, `dropout` that is off, a cast that casts nothing."""
    if not is_pointwise(node) or way.value(node.name).dtype != way.value(node.inputs[0]).dtype:
        return None
    return same(way, node, forms)


def first_of_several(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`getitem`: the first of several results is the one that a rule speaks of."""
    return same(way, node, forms) if node.arguments[1] == 0 else None


def elementwise(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Any function of one number, where all else it is given are numbers too."""
    name, (form, *_) = way.varying(node)[0], forms
    is_alike = way.value(node.name).shape == way.value(name).shape
    is_one = len(node.inputs) == 1 and form.kind in SINGLE and not form.is_folded
    if not is_one or not is_alike or node.operation is None:
        return None
    place = node.arguments.index(Ref(name))
    settings = node.arguments[place + 1 :]
    if place == 0:
        keywords = dict(node.keywords or {})
        activation = activation_of(node.operation_name, settings, keywords)
        if activation is not None:
            return form, _bent(way, node, form, activation)
    if node.keywords or (form == DENSE and way.value(name).ndim > MOST_AXES):
        return None  # in float64 whole states take a fraction of the time
    return form, _any_function(way, node, form, node.operation)


def _bent(way: Way, node: Node, form: Form, activation: Activation) -> Step:
    """An activation whose formula is known."""
    name = way.varying(node)[0]

    def parts() -> tuple[Tensor, ...]:
        value = way.value(name)
        return tuple(part.to(value.dtype) for part in activation.parts(value.double()))

    def run(window: Window, changes: Changes) -> Tensor:
        change = single(changes)
        made = way.once(("activation", node.name), parts)
        own = [taken(window, part, form, change) for part in made]
        return activation.change(own, change)

    return run


def _any_function(way: Way, node: Node, form: Form, operation: Callable[..., Any]) -> Step:
    """Any other, by way of float64."""
    name = way.varying(node)[0]
    place = node.arguments.index(Ref(name))
    before, after = node.arguments[:place], node.arguments[place + 1 :]

    def run(window: Window, changes: Changes) -> Tensor:
        change = single(changes)
        clean = way.clean(window, name, form, change)
        return change_of(lambda z: operation(*before, z, *after), clean, change)

    return run


def relu(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """ReLU, in place where nobody else reads the change; at once with a product."""
    (name,), (form,) = way.varying(node), forms
    if form in {CLASSES, PLANE} or form.is_folded:
        return None
    if _can_wait(way, node, form):
        way.waiting[node.name] = name
        return form, lambda _, changes: changes[0]
    is_ours = owns(way, name)

    def parts() -> tuple[Tensor, Tensor]:
        return rectified_parts(way.value(name))

    def run_product(window: Window, changes: Changes) -> Tensor:
        below, above = map(window.of, way.once(("relu", name), parts))
        column, weights = pair(changes)
        room = window.room(node.name, (*column.shape[:-1], weights.shape[-1]), column)
        torch.addcmul(below, column, weights, out=room)
        return torch.maximum(room, above, out=room)

    def run(window: Window, changes: Changes) -> Tensor:
        change = single(changes) if is_ours else single(changes).clone()
        if form == DENSE:
            below, above = map(window.of, way.once(("relu", name), parts))
        else:
            below, above = rectified_parts(way.clean(window, name, form, change))
        return rectified_change(below, above, change)

    return (DENSE, run_product) if form == PRODUCT else (form, run)


def _can_wait(way: Way, node: Node, form: Form) -> bool:
    """Whether a ReLU can be left to a maximum over windows side by side, which alone reads it."""
    readers = way.readers(node.name)
    is_fit = len(readers) == 1 and form in {CHANNEL, DENSE}
    return is_fit and tiled_kernel(way, readers[0]) is not None


def add(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`x + y` and `x − y`: what does not change is left out."""
    names, shape = way.varying(node), way.value(node.name).shape
    is_alike = all(way.value(name).shape == shape for name in names) and len(set(forms)) == 1
    if len(node.arguments) != 2 or forms[0] == CLASSES or forms[0].is_folded or not is_alike:
        return None
    sign = -1 if node.operation_name == "sub" else 1
    if len(names) == 1 and (sign > 0 or way.reads_first(node)):
        return same(way, node, forms)
    if forms[0].kind not in SINGLE:
        return None

    def run(_: Window, changes: Changes) -> Change:
        first, *second = (one for one in changes if isinstance(one, Tensor))
        return torch.add(first, second[0], alpha=sign) if second else -first

    return forms[0], run


def scale(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`x·c` and `x/c`, c a number or a value that does not change; products and ratios of both."""
    names, (form, *_) = way.varying(node), forms
    is_product, is_first = node.operation_name == "mul", way.reads_first(node)
    if len(node.arguments) != 2 or form == CLASSES:
        return None
    if len(names) == 2 or not (is_first or is_product):
        return _combined(way, node, forms) if is_product else _ratio(way, node, forms)
    factor = way.rest(node, 1 if is_first else 0)[0]
    if form.kind in {"product", "plane"}:
        if not isinstance(factor, Tensor):
            factor = torch.tensor(factor, dtype=torch.float64)
        return planes.scale(way, node, form, factor, is_divided=not is_product)
    return _times(way, node, form, factor)


def _times(way: Way, node: Node, form: Form, factor: Any) -> Carried | None:
    """A factor that does not change."""
    combine = torch.mul if node.operation_name == "mul" else torch.div
    if not isinstance(factor, Tensor):
        return form, lambda _, changes: combine(single(changes), factor)
    stands = way.stands(node, factor)
    if form != DENSE or stands == "apart":
        return None
    if stands == "shared":
        return form, lambda _, changes: combine(single(changes), factor)
    return form, lambda window, changes: combine(single(changes), window.of(factor))


def _combined(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """The product of two changes: Δ(x·y) = dx·y + (x + dx)·dy."""
    first, second = names = way.varying(node)
    is_alike = len({way.value(name).ndim for name in (*names, node.name)}) == 1
    if set(forms) != {DENSE} or not is_alike:
        return None

    def run(window: Window, changes: Changes) -> Tensor:
        dx, dy = (one for one in changes if isinstance(one, Tensor))
        x, y = window.of(way.value(first)), window.of(way.value(second))
        return dx * y + (x + dx) * dy

    return DENSE, run


def _ratio(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """A ratio whose denominator changes: Δ(x/y) = (dx − (x/y)·dy) / (y + dy)."""
    names, result = way.varying(node), way.value(node.name)
    is_alike = len({way.value(name).ndim for name in (*names, node.name)}) == 1
    if set(forms) != {DENSE} or not is_alike or node.arguments[1] != Ref(names[-1]):
        return None

    def run(window: Window, changes: Changes) -> Tensor:
        *dx, dy = (one for one in changes if isinstance(one, Tensor))
        found = (dx[0] if dx else 0) - window.of(result) * dy
        return found / (window.of(way.value(names[-1])) + dy)

    return DENSE, run
