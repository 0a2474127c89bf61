"""Attention: which queries a change in a key reaches, and which keys a query reads.

In a causal model a change at one position reaches no earlier one, and no key later than the last
query that is wanted is read.
"""

from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.spans.looking import Look, Stride
from neurodemon.engine.spans.masks import (
    Allowed,
    allowed_by,
    is_open,
    of_last_query,
    read_by,
    readers,
)
from neurodemon.engine.spans.places import ALL, NONE, Place, Region, Span, join
from neurodemon.graph.node import Node

ROWS = -2  # the axis of positions in queries, keys and values


class Attention:
    """`scaled_dot_product_attention(query, key, value, mask, dropout, is_causal)`."""

    def forward(self, look: Look, node: Node) -> Region:
        """The queries that change, and those that may read a key that does."""
        changing = look.changing(node)
        allowed = _allowed(look, node)
        spans = [own for own in changing.values() if isinstance(own, Span)]
        if allowed is None or len(spans) < len(changing):
            return ALL
        place = _place(look, node)
        if any(span.place != place for span in spans):
            return ALL
        region: Region = NONE
        for name, span in zip(changing, spans, strict=True):
            is_query = name == node.inputs[0]
            region = join(region, span if is_query else readers(allowed, span))
        return region

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """These queries, and the keys and values that they may read."""
        found: dict[str, Region] = dict.fromkeys(node.inputs, ALL)
        if not isinstance(region, Span):
            return found
        query, key, value = node.inputs[:3]
        found[query] = region
        allowed = _allowed(look, node)
        found[key] = found[value] = ALL if allowed is None else read_by(allowed, region)
        return found

    def call(
        self,
        look: Look,
        stride: Stride,
        _size: int,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> Tensor:
        """Attend with the part of the mask that is of these queries and keys."""
        node, region = stride.node, stride.region
        keys = stride.needs[node.inputs[1]]
        query, key, value, *rest = arguments
        settings = {name: own for name, own in keywords.items() if name in {"scale", "enable_gqa"}}
        if not isinstance(region, Span) or not isinstance(keys, Span):
            found: Tensor = node.operation(*arguments, **keywords)  # type: ignore[misc]  # attention
            return found
        mask = rest[0] if rest else keywords.get("attn_mask")
        if isinstance(mask, Tensor):
            mask = _part(_part(mask, ROWS, region), -1, keys)
        elif _is_causal(look, node):
            allowed = _allowed(look, node)
            mask = _part(_part(allowed, ROWS, region), -1, keys).to(query.device)  # type: ignore[arg-type]  # it is: no mask changes
            mask = None if bool(mask.all()) else mask
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, **settings
        )


def _place(look: Look, node: Node) -> Place:
    """Where positions stand: in the axis before the last."""
    return Place(look.value(node.name).ndim + ROWS)


def _is_causal(look: Look, node: Node) -> bool:
    """Whether the operation itself hides later keys."""
    return bool(look.argument(node, 5, "is_causal", default=False))


def _allowed(look: Look, node: Node) -> Allowed | None:
    """Which query may read which key, on any example; None where that is not known."""
    names = [getattr(argument, "name", "") for argument in node.arguments[:3]]
    if list(node.inputs[:3]) != names or look.argument(node, 4, "dropout_p", 0.0):
        return None  # one value in two parts, or chance
    if set(look.changing(node)) - set(names):
        return None  # the mask changes
    mask = look.argument(node, 3, "attn_mask")
    sizes = tuple(look.value(name).shape[ROWS] for name in names[:2])
    is_causal, kept = _is_causal(look, node), look.recording.kept
    if isinstance(mask, Tensor) and mask.shape[-1] == sizes[1] and mask.ndim > 2:
        look.note(of_last_query(is_open(mask)), node.inputs[3], mask.ndim - 2)
    key = ("allowed", node.inputs[3:], is_causal, sizes, look.examples)  # many layers share it
    if key not in kept:
        own = look.meant(mask, node.inputs[3]) if isinstance(mask, Tensor) else None
        kept[key] = allowed_by(own, sizes, is_causal=is_causal)
    found: Tensor = kept[key]
    return found


def _part(mask: Tensor, axis: int, span: Span) -> Tensor:
    """Take the part of a mask, unless it is one for all."""
    return mask if mask.shape[axis] == 1 else mask.narrow(axis, span.start, len(span))
