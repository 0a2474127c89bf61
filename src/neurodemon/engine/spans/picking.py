"""Operations that take some positions of a value: slices, single ones, one for each example."""

from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.spans.looking import MIXED, Aligned, Back, Look, Stride, axis_of, is_from
from neurodemon.engine.spans.places import ALL, NONE, Place, Region, Span, layout, meet
from neurodemon.graph.node import Node, Ref


def unbind(look: Look, node: Node, name: str, place: Place) -> Back:
    """`unbind(x, dim)` and `select(x, dim, index)` along another axis."""
    value = layout(look.value(name))
    dim = look.argument(node, 1, "dim", 0)
    if value is None or axis_of(dim, value.ndim) == 0 or not is_from(node, 0, name):
        return MIXED
    is_behind = place.axis >= axis_of(dim, value.ndim)
    return Place(place.axis + is_behind, place.is_merged)


class Slicing:
    """`slice(x, dim, start, stop, step)`: along positions, or along another axis."""

    def forward(self, look: Look, node: Node) -> Region:
        """Count the positions from the slice's first."""
        span = _read_alone(look, node)
        if not isinstance(span, Span):
            return span
        dim, first, count = _cut(look, node)
        if count is None:
            return ALL
        if dim == 0:  # of the examples: a part of them mixes rows
            return span if count == len(look.value(node.inputs[0])) else ALL
        if dim != span.place.axis:
            return span
        start, stop = max(span.start - first, 0), min(span.stop - first, count)
        return Span(span.place, start, stop) if start < stop else NONE

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """Count them from the input's first again."""
        name = node.inputs[0]
        if not isinstance(region, Span):
            return {**dict.fromkeys(node.inputs, ALL), name: ALL}
        dim, first, _ = _cut(look, node)
        by = first if dim == region.place.axis > 0 else 0
        return {**dict.fromkeys(node.inputs, ALL), name: region.moved(region.place, by)}

    def call(
        self,
        look: Look,
        stride: Stride,
        _size: int,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> Any:
        """Along positions, the part read is the part wanted; else as it stands."""
        node, region = stride.node, stride.region
        if isinstance(region, Span) and _cut(look, node)[0] in {0, region.place.axis}:
            return arguments[0]
        return node.operation(*arguments, **keywords)  # type: ignore[misc]  # a slice


def _read_alone(look: Look, node: Node) -> Region:
    """The change in the first input; all, where sizes or numbers among the arguments change."""
    changing = look.changing(node)
    return changing.get(node.inputs[0], NONE) if set(changing) <= {node.inputs[0]} else ALL


def _cut(look: Look, node: Node) -> tuple[int, int, int | None]:
    """A slice's axis, its first, and how many; None where it steps."""
    value = look.value(node.inputs[0])
    dim = axis_of(look.argument(node, 1, "dim", 0), value.ndim)
    first, stop, step = slice(
        look.argument(node, 2, "start"),
        look.argument(node, 3, "end"),
        look.argument(node, 4, "step", 1),
    ).indices(value.shape[dim])
    return dim, first, max(stop - first, 0) if step == 1 else None


class Picking:
    """`select(x, dim, index)`: one position, or along another axis."""

    along_others = Aligned(unbind)

    def forward(self, look: Look, node: Node) -> Region:
        """All of the result, if the position is one that changes."""
        span = _read_alone(look, node)
        if span == ALL:
            return ALL
        place = self._picked(look, node, span)
        if place is None:
            return self.along_others.forward(look, node)
        return ALL if isinstance(span, Span) and span.start <= place < span.stop else NONE

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """The one position."""
        name = node.inputs[0]
        span = look.reach.get(name, ALL)
        place = self._picked(look, node, span)
        if place is None:
            return self.along_others.needs(look, node, region)
        found: dict[str, Region] = dict.fromkeys(node.inputs, ALL)
        if isinstance(span, Span):
            found[name] = Span(span.place, place, place + 1)
        return found

    def call(
        self,
        _look: Look,
        stride: Stride,
        _size: int,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> Any:
        """The one position is the first of the part read."""
        node = stride.node
        span = stride.needs[node.inputs[0]]
        if isinstance(span, Span) and not isinstance(stride.region, Span):
            return torch.select(arguments[0], span.place.axis, 0)
        return node.operation(*arguments, **keywords)  # type: ignore[misc]  # a selection

    @staticmethod
    def _picked(look: Look, node: Node, span: Region) -> int | None:
        """The position that is selected, if it is one."""
        value = look.value(node.inputs[0])
        dim = axis_of(look.argument(node, 1, "dim", 0), value.ndim)
        if not isinstance(span, Span) or span.place.is_merged or span.place.axis != dim:
            return None
        return axis_of(int(look.argument(node, 2, "index", 0)), value.shape[dim])


class Gathering:
    """`gather(x, dim, index)` and `index(x, (…, index))`: positions told by numbers.

    The numbers may be other ones for each example: what is read is from the least to the largest.
    """

    def forward(self, look: Look, node: Node) -> Region:
        """All of the result, if one of the positions changes."""
        span = look.reach.get(node.inputs[0], NONE)
        told = self._told(look, node, span)
        if told is None or len(look.changing(node)) > 1:
            return ALL
        return NONE if meet(span, told) == NONE else ALL

    def needs(self, look: Look, node: Node, _region: Region) -> dict[str, Region]:
        """From the least to the largest position."""
        told = self._told(look, node, look.reach.get(node.inputs[0], NONE))
        found: dict[str, Region] = dict.fromkeys(node.inputs, ALL)
        if told is not None:
            found[node.inputs[0]] = told
        return found

    def call(
        self,
        _look: Look,
        stride: Stride,
        _size: int,
        arguments: tuple[Any, ...],
        _keywords: dict[str, Any],
    ) -> Tensor:
        """Count the positions from the first that is read."""
        node, value = stride.node, arguments[0]
        span = stride.needs[node.inputs[0]]
        if not isinstance(span, Span):
            found: Tensor = node.operation(*arguments)  # type: ignore[misc]  # it is run
            return found
        if node.operation_name == "gather":
            return torch.gather(value, span.place.axis, _from(arguments[2], span))
        picked: Tensor = value[arguments[1][0], _from(arguments[1][1], span)]
        return picked

    @staticmethod
    def _told(look: Look, node: Node, span: Region) -> Span | None:
        """From which position to which, if positions are told."""
        if not isinstance(span, Span) or span.place.is_merged or node.keywords:
            return None
        at = node.arguments[2] if node.operation_name == "gather" else _second(node.arguments[1])
        axis = node.arguments[1] if node.operation_name == "gather" else 1
        if not isinstance(at, Ref) or at.name in look.reach:
            return None
        value, index = look.value(node.inputs[0]), look.value(at.name)
        is_one = node.operation_name != "gather" or index.shape[axis] == 1
        if not is_one or axis_of(axis, value.ndim) != span.place.axis or index.dtype == torch.bool:
            return None
        if int(index.min()) < 0:  # counted from the end
            return None
        return Span(span.place, int(index.min()), int(index.max()) + 1)


def _second(indices: Any) -> Any:
    """The index along the second axis, where both have one and no other."""
    return indices[1] if len(indices) == 2 and None not in indices else None


def _from(index: Tensor, span: Span) -> Tensor:
    """Count positions from the first of a span."""
    return index - span.start
