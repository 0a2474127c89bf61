"""Shutting: positions where an operation gives what it gives, whatever changes before it.

Times 0, or filled with another number. A mean over the real tokens of a sentence reads no padded
one for that; what is no number there before it is not looked at either.
"""

from torch import Tensor

from neurodemon.engine.spans.looking import Look
from neurodemon.engine.spans.masks import hull
from neurodemon.engine.spans.places import Region, Span, meet
from neurodemon.graph.node import Node

# Of an operation whose argument at a place changes: the place of what decides, and whether
# anything but 0 there lets the change through, or only 0.
DECIDING = {
    ("mul", 0): (1, True),
    ("mul", 1): (0, True),
    ("masked_fill", 0): (1, False),
    ("where", 1): (0, True),
    ("where", 2): (0, False),
}


def let_through(look: Look, node: Node, region: Region) -> Region:
    """Say how much of a change gets through an operation on each element.

    Args:
        look: the way down so far.
        node: the operation.
        region: the part of its result that a change would reach if nothing were shut.

    Returns:
        The part that it does reach.
    """
    out = look.own(node)
    if not isinstance(region, Span) or region.place.is_merged or out is None:
        return region
    found = _opening(look, node)
    if found is None:
        return region
    is_open, name = found
    axis = region.place.axis - (out.ndim - is_open.ndim)
    if axis < 0 or is_open.shape[axis] != out.shape[region.place.axis]:
        return region
    if axis:
        look.note(is_open, name, axis)
    own = look.meant(is_open, name).movedim(axis, 0)
    return meet(region, hull(own.reshape(len(own), -1).any(1).cpu(), region))


def _opening(look: Look, node: Node) -> tuple[Tensor, str] | None:
    """Where a change gets through, and the name of the value that decides it, itself unchanged."""
    changing, names = look.changing(node), [getattr(one, "name", "") for one in node.arguments]
    if node.keywords or len(changing) != 1:
        return None
    places = [place for place, name in enumerate(names) if name in changing]
    deciding = DECIDING.get((node.operation_name, places[0])) if len(places) == 1 else None
    if deciding is None or not names[deciding[0]]:
        return None
    at, opens = deciding
    value = look.value(names[at])
    if not isinstance(value, Tensor) or not value.ndim:
        return None
    return (value != 0 if opens else value == 0), names[at]
