"""Keep the examples apart where a Linear is given positions and examples in one axis.

`nn.MultiheadAttention` and hand-written layers merge the two before a Linear, (a, b, …) →
(a·b, unit), and part them after it. A Linear works on the last axis alone, so its input can be
given the axes that its result is parted into: then a demon can sit there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from neurodemon.graph.node import Node, Ref, references
from neurodemon.tracing.axes import Form
from neurodemon.tracing.operations import aten

SHAPINGS = {"view", "reshape", "_unsafe_view"}


def unflatten(
    nodes: Sequence[Node], forms: Mapping[str, Form]
) -> tuple[tuple[Node, ...], dict[str, str]]:
    """Let each Linear between a merging and a parting of axes read what is not merged.

    Args:
        nodes: in running order.
        forms: the shape of each node's value.

    Returns:
        The nodes, and each merging's name → the name of what is read in its place.
    """
    by_name = {node.name: node for node in nodes}
    users: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.inputs:
            users.setdefault(name, []).append(node)
    made: list[Node] = []
    seen: set[str] = set()
    instead: dict[str, str] = {}
    for node in nodes:
        merging = by_name.get(node.inputs[0]) if _is_linear(node) else None
        sizes = None
        if merging is not None and _is_merging(merging, forms):
            sizes = _sizes(node, users.get(node.name, []), forms, seen)
        if merging is not None and sizes is not None:
            apart = f"{merging.name}_apart_{node.name}"
            instead[merging.name] = apart
            width = forms[merging.name]
            shape = [*sizes, width[-1]] if isinstance(width, tuple) else [*sizes]
            made.append(Node(apart, aten.reshape.default, (Ref(merging.inputs[0]), shape)))
            made.append(replace(node, arguments=(Ref(apart), *node.arguments[1:])))
        else:
            made.append(node)
        seen.add(node.name)
    return tuple(made), instead


def _is_linear(node: Node) -> bool:
    """Whether a node is `linear(x, W[, b])`."""
    is_named = node.operation_name == "linear" and len(node.arguments) > 1
    return is_named and isinstance(node.arguments[0], Ref)


def _is_merging(node: Node, forms: Mapping[str, Form]) -> bool:
    """Whether a node makes two axes of more."""
    if node.operation_name not in SHAPINGS or not node.inputs:
        return False
    before, after = forms.get(node.inputs[0]), forms.get(node.name)
    is_known = isinstance(before, tuple) and isinstance(after, tuple)
    return is_known and len(after) == 2 < len(before)  # type: ignore[arg-type]  # tuples: known


def _sizes(
    linear: Node, users: Sequence[Node], forms: Mapping[str, Form], seen: set[str]
) -> list[Any] | None:
    """The axes before the last into which a Linear's result is parted, by all that read it."""
    form = forms.get(linear.name)
    if not users or not isinstance(form, tuple):
        return None
    parted = [forms.get(user.name) for user in users]
    for user, after in zip(users, parted, strict=True):
        if user.operation_name not in SHAPINGS or not isinstance(after, tuple):
            return None
        if len(after) < 3 or after[-1] != form[-1] or prod(after[:-1]) != form[0]:
            return None
    if len({after[:-1] for after in parted if isinstance(after, tuple)}) > 1:
        return None
    sizes = list(users[0].arguments[1])[:-1]
    return sizes if seen.issuperset(references(sizes)) else None
