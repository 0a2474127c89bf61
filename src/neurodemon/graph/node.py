"""A node: one operation of the captured forward pass, an opaque callable with arguments.

Arguments are nested tuples, lists and dicts in which a `Ref` stands for another node's
value. This room knows no torch: what an operation does is its own business.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

# How a node's value follows when rows of nudged copies are folded into the example axis:
# "constant" stays as it is, "tile" is repeated along its one pure example axis, "recompute"
# must be computed again at the folded size (index arithmetic, mixed axes, and what is below).
Folding = Literal["constant", "tile", "recompute"]


@dataclass(frozen=True)
class Ref:
    """Stands for another node's value among the arguments."""

    name: str


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes:
        name: unique in its graph.
        operation: called as `operation(*arguments, **keywords)`; None for a placeholder,
            whose value is given.
        arguments: positional arguments, with `Ref` for values of other nodes.
        keywords: keyword arguments, likewise.
        folding: how its value follows when rows are folded into the example axis.
        example_axis: which axis of its value is the example axis, if exactly one is.
    """

    name: str
    operation: Callable[..., Any] | None
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None
    folding: Folding = "constant"
    example_axis: int | None = None

    @cached_property
    def operation_name(self) -> str:
        """The operation's name without namespace and overload: `aten.relu.default` → `relu`."""
        packet = getattr(self.operation, "_overloadpacket", None)
        name = getattr(packet, "__name__", None) or getattr(self.operation, "__name__", "")
        return str(name)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the nodes whose values it reads, each once, in order."""
        found = references(self.arguments), references(self.keywords or {})
        return tuple(dict.fromkeys(name for names in found for name in names))


def references(argument: Any) -> Iterator[str]:
    """Name the nodes that an argument refers to, in order of appearance."""
    if isinstance(argument, Ref):
        yield argument.name
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from references(part)
    elif isinstance(argument, dict):
        for part in argument.values():
            yield from references(part)


def fill(argument: Any, values: Mapping[str, Any]) -> Any:
    """Put values in the place of references, keeping the nesting."""
    if isinstance(argument, Ref):
        return values[argument.name]
    if isinstance(argument, (tuple, list)):
        return type(argument)(fill(part, values) for part in argument)
    if isinstance(argument, dict):
        return {key: fill(part, values) for key, part in argument.items()}
    return argument
