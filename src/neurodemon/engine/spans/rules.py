"""Rules: for each operation, where positions go, one small function each, in one table.

What has no rule takes all of its inputs and gives all of its result.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from neurodemon.engine.operations import POINTWISE
from neurodemon.engine.spans.attention import Attention
from neurodemon.engine.spans.looking import (
    MIXED,
    WHOLE,
    Aligned,
    Back,
    Call,
    Look,
    Stride,
    axis_of,
    is_from,
)
from neurodemon.engine.spans.picking import Gathering, Picking, Slicing, unbind
from neurodemon.engine.spans.places import (
    ALL,
    NONE,
    Place,
    Region,
    Span,
    ahead,
    layout,
)
from neurodemon.engine.spans.product import Product
from neurodemon.engine.spans.written import Masking
from neurodemon.graph.node import Node

OF_CHANNELS = {
    "batch_norm", "_native_batch_norm_legit_no_training", "prelu", "_prelu_kernel", "getitem",
    "log_sigmoid_forward", "scalar_tensor",
}  # fmt: skip


class Mixing:
    """An operation of which nothing is known."""

    call: Call | None = None

    def forward(self, look: Look, node: Node) -> Region:
        """Any change reaches all of the result."""
        return ALL if look.changing(node) else NONE

    def needs(self, _look: Look, node: Node, _region: Region) -> dict[str, Region]:
        """All is read."""
        return dict.fromkeys(node.inputs, ALL)


def _elementwise(look: Look, node: Node, name: str, place: Place) -> Back:
    """Operations on each element, inputs broadcast."""
    out, value = look.own(node), look.value(name)
    if out is None or (node.operation_name == "dropout" and node.arguments[2]):
        return MIXED
    return _broadcast(look, name, value, place, out) if isinstance(value, Tensor) else WHOLE


def _broadcast(look: Look, name: str, value: Tensor, place: Place, out: Tensor) -> Back:
    """Where positions stand in a tensor that is broadcast to another."""
    if place.is_merged:
        if value.ndim < out.ndim or value.shape[0] == 1:
            return WHOLE
        return MIXED if look.recording.graph[name].folding == "constant" else place
    axis = place.axis - (out.ndim - value.ndim)
    if axis < 0 or value.shape[axis] == 1:
        return WHOLE
    return Place(axis)


def _linear(look: Look, node: Node, name: str, place: Place) -> Back:
    """`linear(x, W, b)`: of the last axis."""
    out = look.own(node)
    if not is_from(node, 0, name):
        return WHOLE
    return MIXED if out is None or place.axis == out.ndim - 1 else place


def _addmm(look: Look, node: Node, name: str, place: Place) -> Back:
    """`addmm(b, x, W)`, where b may have a row for each of x."""
    if place.axis != 0 or not (is_from(node, 0, name) or is_from(node, 1, name)):
        return WHOLE if is_from(node, 2, name) and place.axis == 0 else MIXED
    return _elementwise(look, node, name, place) if is_from(node, 0, name) else place


def _layer_norm(look: Look, node: Node, name: str, place: Place) -> Back:
    """`layer_norm(x, normalized_shape, …)` and `rms_norm`."""
    out = look.own(node)
    if not is_from(node, 0, name):
        return WHOLE
    is_outside = out is not None and place.axis < out.ndim - len(node.arguments[1])
    return place if is_outside else MIXED


def _softmax(look: Look, node: Node, name: str, place: Place) -> Back:
    """`softmax(x, dim)`: along one axis, all others by themselves."""
    value = layout(look.value(name))
    dim = look.argument(node, 1, "dim")
    if value is None or not isinstance(dim, int) or place.axis == axis_of(dim, value.ndim):
        return MIXED
    return place


def _reduce(look: Look, node: Node, name: str, place: Place) -> Back:
    """`mean(x, dims, keepdim)` and its like."""
    value, out = layout(look.value(name)), look.own(node)
    dims = look.argument(node, 1, "dim")
    dims = [dims] if isinstance(dims, int) else dims
    if value is None or out is None or not dims or not is_from(node, 0, name):
        return MIXED
    gone = {axis_of(dim, value.ndim) for dim in dims}
    if 0 in gone:
        return MIXED
    kept = [axis for axis in range(value.ndim) if out.ndim == value.ndim or axis not in gone]
    axis = kept[place.axis]
    return MIXED if axis in gone else Place(axis, place.is_merged)


def _permute(look: Look, node: Node, name: str, place: Place) -> Back:
    """`permute` and `transpose`: examples stay in front."""
    value = layout(look.value(name))
    if value is None:
        return MIXED
    order = list(range(value.ndim))
    if node.operation_name == "permute":
        order = [axis_of(axis, value.ndim) for axis in look.argument(node, 1, "dims")]
    elif node.operation_name == "transpose":
        one, other = (axis_of(look.argument(node, at, ""), value.ndim) for at in (1, 2))
        order[one], order[other] = order[other], order[one]
    return Place(order[place.axis], place.is_merged) if order[0] == 0 else MIXED


def _reshape(look: Look, node: Node, name: str, place: Place) -> Back:
    """`reshape`, `flatten`, `unsqueeze` and their like: the axis of positions stays whole."""
    value, out = layout(look.value(name)), look.own(node)
    if not isinstance(value, Tensor) or value.ndim == 0:
        return WHOLE  # a size among the arguments
    if out is None or not is_from(node, 0, name):
        return MIXED
    n, count = look.recording.n_examples, look.count(node.name, place)
    before = n if place.is_merged else ahead(out.shape, place.axis)
    for axis in range(1, value.ndim):
        if value.shape[axis] == count and ahead(value.shape, axis) == before:
            return Place(axis)
    is_merged = value.shape[0] == n * count and before == n
    return Place(0, is_merged=True) if is_merged else MIXED


def _resized(
    look: Look, stride: Stride, size: int, arguments: tuple[Any, ...], _: dict[str, Any]
) -> Tensor:
    """Run a reshape or an expansion to the size of the part."""
    node, region = stride.node, stride.region
    out = look.own(node)
    if not isinstance(region, Span) or out is None:
        raise AssertionError
    shape = list(out.shape)
    shape[0] = shape[0] // look.recording.n_examples * size
    if region.place.is_merged:
        shape[0] = size * len(region)
    else:
        shape[region.place.axis] = len(region)
    value: Tensor = arguments[0]
    return value.expand(shape) if node.operation_name == "expand" else value.reshape(shape)


def _expand(look: Look, node: Node, name: str, place: Place) -> Back:
    """`expand(x, sizes)`."""
    return _elementwise(look, node, name, place) if is_from(node, 0, name) else WHOLE


def _split(look: Look, node: Node, name: str, place: Place) -> Back:
    """`split(x, sizes, dim)`, `chunk`: apart along another axis."""
    value = layout(look.value(name))
    dim = look.argument(node, 2, "dim", 0)
    is_other = value is not None and axis_of(dim, value.ndim) not in {0, place.axis}
    return place if is_other and is_from(node, 0, name) else MIXED


def _getitem(_look: Look, _node: Node, _name: str, place: Place) -> Back:
    """`getitem`: one of several values of one layout."""
    return place


def _cat(look: Look, node: Node, name: str, place: Place) -> Back:
    """`cat(values, dim)`: put together along another axis."""
    value, out = layout(look.value(name)), look.own(node)
    dim = look.argument(node, 1, "dim", 0)
    if value is None or out is None or value.ndim != out.ndim:
        return MIXED
    is_fixed = place.is_merged and look.recording.graph[name].folding == "constant"
    return MIXED if is_fixed or axis_of(dim, out.ndim) in {0, place.axis} else place


class Asking:
    """`sym_size`: a size, which no change changes."""

    call: Call | None = None

    def forward(self, _look: Look, _node: Node) -> Region:
        """No change."""
        return NONE

    def needs(self, _look: Look, node: Node, _region: Region) -> dict[str, Region]:
        """Never run: it is taken as it is for the pass."""
        return dict.fromkeys(node.inputs, ALL)


Rule = Aligned | Asking | Attention | Gathering | Masking | Mixing | Picking | Product | Slicing


def _rules(names: Sequence[str], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: dict[str, Rule] = {
    **_rules(sorted(POINTWISE - OF_CHANNELS), Aligned(_elementwise)),
    **_rules(("to", "addcmul"), Aligned(_elementwise)),
    **_rules(("masked_fill", "where", "add", "mul"), Masking(Aligned(_elementwise))),
    "linear": Aligned(_linear),
    "addmm": Aligned(_addmm),
    **_rules(("mm", "bmm", "matmul"), Product()),
    **_rules(("layer_norm", "rms_norm"), Aligned(_layer_norm)),
    **_rules(("softmax", "_softmax", "log_softmax", "_log_softmax"), Aligned(_softmax)),
    **_rules(("mean", "sum", "amax", "amin", "var"), Aligned(_reduce)),
    **_rules(("permute", "transpose"), Aligned(_permute)),
    **_rules(("reshape", "view", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze"),
             Aligned(_reshape, _resized)),
    "expand": Aligned(_expand, _resized),
    **_rules(("split", "split_with_sizes", "chunk"), Aligned(_split)),
    "unbind": Aligned(unbind),
    "getitem": Aligned(_getitem),
    "cat": Aligned(_cat),
    "sym_size": Asking(),
    **_rules(("gather", "index"), Gathering()),
    "slice": Slicing(),
    "select": Picking(),
    "scaled_dot_product_attention": Attention(),
}  # fmt: skip
UNKNOWN: Rule = Mixing()
