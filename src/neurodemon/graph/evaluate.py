"""Evaluate nodes in order: each value computed once, freed after its last use.

Single assignment, nothing upstream is run again, the caller's values are not edited.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from neurodemon.graph.node import Node, fill

Observer = Callable[[str, Any], Any]


def evaluate(
    nodes: Sequence[Node],
    values: Mapping[str, Any],
    *,
    wanted: Iterable[str],
    observe: Observer | None = None,
) -> dict[str, Any]:
    """Compute the nodes in order from given values.

    Args:
        nodes: in running order. A node whose value is given is not computed.
        values: name → value, at least of all that the nodes read from outside.
        wanted: the names whose values to return.
        observe: called with each computed node's name and value; its result takes the
            value's place.

    Returns:
        The wanted values by name.

    Example:
        >>> from neurodemon.graph.node import Node, Ref
        >>> double = Node("y", lambda x: 2 * x, (Ref("x"),))
        >>> evaluate([double], {"x": 21}, wanted=["y"])
        {'y': 42}
    """
    kept = set(wanted)
    computed = [node for node in nodes if node.operation is not None and node.name not in values]
    last_use = {name: node.name for node in computed for name in node.inputs}
    environment = dict(values)
    for node in computed:
        arguments = fill(node.arguments, environment)
        keywords = fill(dict(node.keywords or {}), environment)
        value = node.operation(*arguments, **keywords)  # type: ignore[misc]  # not None: filtered
        environment[node.name] = value if observe is None else observe(node.name, value)
        for name in node.inputs:
            if last_use[name] == node.name and name not in kept and name not in values:
                del environment[name]
    return {name: environment[name] for name in kept}
