"""Keep the examples apart where a Linear is given positions and examples in one axis.

`nn.MultiheadAttention` and hand-written layers merge the two before a Linear, (a, b, …) →
(a·b, unit), and part them after it. A Linear works on the last axis alone, so the merging can be
left out: then a demon can sit there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from neurodemon.graph.node import Node, Ref
from neurodemon.tracing.axes import Form
from neurodemon.tracing.operations import aten

SHAPINGS = {"view", "reshape", "_unsafe_view"}
MERGED = 2  # axes that are merged into one


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
    instead: dict[str, str] = {}
    for node in nodes:
        merging = by_name.get(node.inputs[0]) if _is_linear(node) else None
        is_parted = all(user.operation_name in SHAPINGS for user in users.get(node.name, ()))
        if merging is None or not is_parted or not _merges(merging, forms):
            made.append(node)
            continue
        apart = f"{merging.name}_apart_{node.name}"
        instead[merging.name] = apart
        made.append(Node(apart, aten.flatten.using_ints, (Ref(merging.inputs[0]), MERGED)))
        made.append(replace(node, arguments=(Ref(apart), *node.arguments[1:])))
    return tuple(made), instead


def _is_linear(node: Node) -> bool:
    """Whether a node is `linear(x, W[, b])`."""
    is_named = node.operation_name == "linear" and len(node.arguments) > 1
    return is_named and isinstance(node.arguments[0], Ref)


def _merges(node: Node, forms: Mapping[str, Form]) -> bool:
    """Whether a node makes (a·b, unit) of (a, b, …)."""
    if node.operation_name not in SHAPINGS or not node.inputs:
        return False
    before, after = forms.get(node.inputs[0]), forms.get(node.name)
    if not isinstance(before, tuple) or not isinstance(after, tuple) or len(before) <= MERGED:
        return False
    return after == (prod(before[:MERGED]), prod(before[MERGED:]))
