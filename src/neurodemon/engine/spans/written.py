"""Attention written out: queries times keys, a mask, a softmax, and that times values.

No single operation of these says that a key reaches no query that may not read it: a product
takes all rows of what it is given. The mask says it, so that it is looked for from two sides:
where scores are masked, and where weights meet values.
"""

from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.spans.looking import Aligned, Call, Look, axis_of, is_from
from neurodemon.engine.spans.masks import Allowed, allowed_by, is_open, of_last_query, readers
from neurodemon.engine.spans.places import NONE, Place, Region, Span, join
from neurodemon.engine.spans.shutting import let_through
from neurodemon.graph.node import Node

ROWS = -2  # the axis of queries in scores and weights, and that of positions in values
COPYING = {"clone", "_to_copy", "to", "contiguous", "alias", "dropout"}
MASKING = {"masked_fill", "where", "add"}
PRODUCTS = {"matmul", "bmm", "mm"}
SOFTMAX = {"softmax", "_softmax"}
DEPTH = 6  # operations between scores, mask and softmax: more are not looked through


class Masking:
    """An operation on each element that may be a mask: of scores, or of positions."""

    def __init__(self, aligned: Aligned) -> None:
        """Take the rule that holds whether it is one or not."""
        self.aligned = aligned
        self.call: Call | None = aligned.call

    def forward(self, look: Look, node: Node) -> Region:
        """The queries that change, and those that may read a key that does."""
        region = let_through(look, node, self.aligned.forward(look, node))
        if region == NONE or not _meets_softmax(look, node, DEPTH):
            return region
        allowed, scores = _unmasked(look, node)
        spans = None if allowed is None else _factors(look, scores)
        if allowed is None or spans is None:
            return region
        return _reached(allowed, *spans, look.value(node.name).ndim)

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """The same positions of each input."""
        return self.aligned.needs(look, node, region)


def rows_of_weighted(look: Look, node: Node) -> Region | None:
    """Say which rows of weights times values change.

    Args:
        look: the way down so far.
        node: a product.

    Returns:
        The rows; None where its first factor is no softmax of masked scores.
    """
    spans = _changed(look, node, (ROWS, ROWS))
    if spans is None or spans[1] == NONE or look.value(node.name).ndim < 3:
        return None
    allowed = _read(look, node.inputs[0])
    return None if allowed is None else _reached(allowed, *spans, look.value(node.name).ndim)


def _changed(look: Look, node: Node, axes: tuple[int, int]) -> tuple[Region, Region] | None:
    """What changes in both factors of a product; None if it is no rows along these axes."""
    if len(node.inputs) != 2 or not is_from(node, 0, node.inputs[0]):
        return None
    found = []
    for name, axis in zip(node.inputs, axes, strict=True):
        span, n_axes = look.reach.get(name, NONE), look.value(name).ndim
        is_there = isinstance(span, Span) and span.place == Place(n_axes + axis)
        if n_axes != look.value(node.name).ndim or not (is_there or span == NONE):
            return None
        found.append(span)
    return found[0], found[1]


def _read(look: Look, name: str) -> Allowed | None:
    """Which keys have a weight that can be other than 0, by masks before a softmax."""
    softmax = _up(look, name)
    dim, n_axes = look.argument(softmax, 1, "dim"), look.value(name).ndim
    if softmax.operation_name not in SOFTMAX or axis_of(dim, n_axes) != n_axes - 1:
        return None
    return _unmasked(look, look.recording.graph[softmax.inputs[0]])[0]


def _reached(allowed: Allowed, query: Region, key: Region, n_axes: int) -> Region:
    """The queries that change, and those that may read a key that does."""
    place = Place(n_axes + ROWS)
    found: Region = query.moved(place) if isinstance(query, Span) else NONE
    return join(found, readers(allowed, key.moved(place))) if isinstance(key, Span) else found


def _factors(look: Look, node: Node) -> tuple[Region, Region] | None:
    """The queries and the keys that change, where scores are their product, scaled."""
    for _ in range(DEPTH):
        changing = list(look.changing(node))
        if node.operation_name in PRODUCTS:
            break
        is_scaled = node.operation_name in COPYING | {"mul", "div", "add", "sub"}
        if not is_scaled or len(changing) != 1:
            return None
        node = look.recording.graph[changing[0]]
    return _changed(look, node, (ROWS, -1)) if node.operation_name in PRODUCTS else None


def _unmasked(look: Look, node: Node) -> tuple[Allowed | None, Node]:
    """What may be read by all masks from a node upwards, and the scores that are masked."""
    sizes = tuple(look.value(node.name).shape[ROWS:])
    mask: Tensor | None = None  # together: no one of them tells which rows may read nothing
    for _ in range(DEPTH):
        node = _up(look, node.name)
        found = _mask_of(look, node)
        if found is None:
            break
        own, scores, name = found
        if own.ndim > 2 and own.shape[-1] == sizes[1]:
            look.note(of_last_query(own), name, own.ndim - 2)
        own = look.meant(own, name)
        mask = own if mask is None else mask & own
        node = look.recording.graph[scores]
    return None if mask is None else allowed_by(mask, sizes, is_causal=False), node


def _mask_of(look: Look, node: Node) -> tuple[Tensor, str, str] | None:
    """A mask, true where it lets through, what it masks, and its name; None if it is none."""
    if node.operation_name not in MASKING:
        return None
    kept, key = look.recording.kept, ("mask", node.name)
    if key not in kept:
        kept[key] = _read_mask(look, node)
    found: tuple[Tensor, str, str] | None = kept[key]
    changes = found is not None and set(look.changing(node)) - {found[1]}
    return None if changes else found


def _read_mask(look: Look, node: Node) -> tuple[Tensor, str, str] | None:
    """A mask, true where it lets through, the name of what it masks, and its own."""
    out, names = look.value(node.name), [getattr(one, "name", "") for one in node.arguments]
    values = [look.argument(node, place, "") for place in range(len(node.arguments))]
    if not isinstance(out, Tensor) or out.ndim < 3 or node.keywords or not out.is_floating_point():
        return None
    if node.operation_name == "add":
        closed = [_is_real(own) and bool((~is_open(own)).any()) for own in values]
        masks = [place for place, is_closed in enumerate(closed) if is_closed]
        found = [(is_open(values[at]), names[1 - at], names[at]) for at in masks[:1]]
    elif len(values) != 3 or not _forbids(values[2], out):
        return None
    else:
        is_fill = node.operation_name == "masked_fill"
        own = (~values[1], names[0], names[1]) if is_fill else (values[0], names[1], names[0])
        found = [own]
    return found[0] if found and all(found[0][1:]) else None


def _forbids(fill: Any, out: Tensor) -> bool:
    """Whether what is put in the place of scores gives a weight of 0."""
    limit = torch.finfo(out.dtype).min / 2
    return bool((torch.as_tensor(fill) <= limit).all())


def _is_real(value: object) -> bool:
    """Whether a value is a tensor of real numbers that can be added to scores as a mask."""
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim >= 2


def _up(look: Look, name: str) -> Node:
    """The first node from here upwards that is no copy."""
    node = look.recording.graph[name]
    while node.operation_name in COPYING and node.inputs and is_from(node, 0, node.inputs[0]):
        if node.operation_name == "dropout" and look.argument(node, 2, "train", default=True):
            break
        node = look.recording.graph[node.inputs[0]]
    return node


def _meets_softmax(look: Look, node: Node, depth: int) -> bool:
    """Whether a softmax reads a node, through copies and other masks at the most."""
    graph = look.recording.graph
    users = [graph[name] for name in graph.users[node.name]] if depth else []
    return any(
        user.operation_name in SOFTMAX
        or (user.operation_name in COPYING | MASKING and _meets_softmax(look, user, depth - 1))
        for user in users
    )
