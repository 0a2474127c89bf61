"""Places and spans: where positions stand in a value, and which of them are meant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Place:
    """Where positions stand in a value.

    Attributes:
        axis: along which axis.
        is_merged: whether examples and positions stand along axis 0 together, example by example.
    """

    axis: int
    is_merged: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Positions in a row.

    Attributes:
        place: where they stand in the value.
        start: the first.
        stop: one past the last.
    """

    place: Place
    start: int
    stop: int

    def __len__(self) -> int:
        """Count the positions."""
        return self.stop - self.start

    def moved(self, place: Place, by: int = 0) -> "Span":
        """Name the same positions of another value, where they may be counted from elsewhere."""
        return Span(place, self.start + by, self.stop + by)


ALL: Literal["all"] = "all"  # the whole value, also where it has no positions
NONE: Literal["none"] = "none"  # nothing of it
Region = Span | Literal["all", "none"]


def meet(one: Region, other: Region) -> Region:
    """Give what lies in both regions of a value."""
    if NONE in (one, other):
        return NONE
    if isinstance(one, Span) and isinstance(other, Span) and one.place == other.place:
        both = replace(one, start=max(one.start, other.start), stop=min(one.stop, other.stop))
        return both if both.start < both.stop else NONE
    return other if one == ALL else one


def join(one: Region, other: Region) -> Region:
    """Give the smallest region of a value that holds both."""
    if NONE in (one, other):
        return other if one == NONE else one
    if isinstance(one, Span) and isinstance(other, Span) and one.place == other.place:
        return replace(one, start=min(one.start, other.start), stop=max(one.stop, other.stop))
    return ALL


def holds(outer: Region, inner: Region) -> bool:
    """Whether a region of a value lies within another."""
    if isinstance(outer, Span) and isinstance(inner, Span) and outer.place == inner.place:
        return outer.start <= inner.start and inner.stop <= outer.stop
    return outer in (ALL, inner) or inner == NONE


def narrow(value: Any, outer: Region, inner: Region, size: int) -> Any:
    """Take a part of a value.

    Args:
        value: a tensor, or several of one layout.
        outer: the region that it is of.
        inner: the region to take, within that one.
        size: the size of its folded example axis.

    Returns:
        The part; the value itself where it is all of it.
    """
    if not isinstance(inner, Span) or outer == inner:
        return value
    if isinstance(value, (tuple, list)):
        return type(value)(narrow(one, outer, inner, size) for one in value)
    first = inner.start - (outer.start if isinstance(outer, Span) else 0)
    if not inner.place.is_merged:
        return value.narrow(inner.place.axis, first, len(inner))
    return value.reshape(size, -1, *value.shape[1:]).narrow(1, first, len(inner)).flatten(0, 1)


def put(into: Any, outer: Region, part: Any, inner: Region, size: int) -> Any:
    """Put a part into a copy of a value, where both overlap.

    Args:
        into: a tensor, or several of one layout; it stays as it is.
        outer: the region that it is of.
        part: of the same layout.
        inner: the region that it is of.
        size: the size of the folded example axis.

    Returns:
        The copy; the value itself where they do not overlap.
    """
    both = meet(outer, inner)
    if not isinstance(both, Span):
        return into if both == NONE else part
    if isinstance(into, (tuple, list)):
        pairs = zip(into, part, strict=True)
        return type(into)(put(old, outer, new, inner, size) for old, new in pairs)
    result = into.clone()
    narrowed = narrow(part, inner, both, size)
    first = both.start - (outer.start if isinstance(outer, Span) else 0)
    if both.place.is_merged:
        own = result.reshape(size, -1, *result.shape[1:])
        own.narrow(1, first, len(both)).copy_(narrowed.reshape(size, -1, *result.shape[1:]))
    else:
        result.narrow(both.place.axis, first, len(both)).copy_(narrowed)
    return result


def layout(value: Any) -> Tensor | None:
    """Give the tensor whose layout a value has: itself, or the first of several."""
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return first if isinstance(first, Tensor) else None


def ahead(sizes: Sequence[int], axis: int) -> int:
    """Count what stands along the axes before one."""
    count = 1
    for size in sizes[:axis]:
        count *= size
    return count
