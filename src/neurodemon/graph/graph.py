"""The graph: nodes in the order they run, the sites on them, and where the cost is.

Frozen data. Values never live here: they are handed to `evaluate`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from neurodemon.errors import CaptureError
from neurodemon.graph.node import Node
from neurodemon.graph.whole import Whole
from neurodemon.terms.sites import Site


@dataclass(frozen=True, eq=False)
class Graph:
    """A forward pass with its cost.

    Attributes:
        nodes: in an order in which each node stands after those it reads.
        inputs: names of the placeholders for the batch (inputs, then target), in order.
        parameters: name of each placeholder for a weight → the model's name for it.
        constants: values of placeholders that belong to the graph itself.
        outputs: names of the nodes the model returns.
        cost: name of the node that holds one cost per example.
        sites: where demons can sit.
        whole: runs the model itself, where the nodes do not run one by one: they then say what
            reads what, and the cost alone is computed from them.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    parameters: dict[str, str]
    constants: dict[str, object]
    outputs: tuple[str, ...]
    cost: str
    sites: tuple[Site, ...] = ()
    whole: Whole | None = None

    def __post_init__(self) -> None:
        """Refuse an order in which a node reads a value that comes later."""
        seen: set[str] = set()
        for node in self.nodes:
            late = [name for name in node.inputs if name not in seen]
            if late:
                raise CaptureError(f"Node {node.name!r} reads {late} before they are computed.")
            seen.add(node.name)

    def __getitem__(self, name: str) -> Node:
        """Look a node up by name."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """For each node, the nodes that read its value, in order."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node.name)
        return {name: tuple(names) for name, names in found.items()}

    @cached_property
    def site_by_name(self) -> dict[str, Site]:
        """The sites by canonical name."""
        return {site.name: site for site in self.sites}

    def upstream(self, targets: Iterable[str]) -> frozenset[str]:
        """All nodes that the targets need, the targets included."""
        found = set(targets)
        for node in reversed(self.nodes):
            if node.name in found:
                found.update(node.inputs)
        return frozenset(found)

    def downstream(self, sources: Iterable[str]) -> frozenset[str]:
        """All nodes that the sources can change, the sources left out unless they feed others."""
        found = set(sources)
        below: set[str] = set()
        for node in self.nodes:
            if not found.isdisjoint(node.inputs):
                found.add(node.name)
                below.add(node.name)
        return frozenset(below)

    def below(self, source: str, target: str | None = None) -> tuple[Node, ...]:
        """The nodes between a source and a target: what a demon at the source can change.

        Args:
            source: the node where the demon sits; itself not among them.
            target: the node that is read in the end; the cost, if None.

        Returns:
            The nodes downstream of the source that the target needs, in running order. Empty
            if the target does not depend on the source.
        """
        wanted = self.downstream([source]) & self.upstream([target or self.cost])
        return tuple(node for node in self.nodes if node.name in wanted)

    def cone(self, source: str, target: str | None = None) -> tuple[Node, ...]:
        """The nodes to run for another value at a source, in running order.

        Args:
            source: the node where the demon sits; itself not in the cone.
            target: the node that is read in the end; the cost, if None.

        Returns:
            What lies between; where the model runs only as a whole, its run with that value,
            and the cost of what it returns.
        """
        nodes = self.below(source, target)
        if self.whole is None or not any(node.name in self.in_model for node in nodes):
            return nodes
        return (*self.whole.replaced(source), *self.cost_nodes)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether the user's own code is run: the model as a whole, or a cost not captured."""
        operations = (node.operation for node in self.nodes)
        return self.whole is not None or any(
            getattr(operation, "is_foreign", False) for operation in operations
        )

    @cached_property
    def in_model(self) -> frozenset[str]:
        """The nodes of the model: what its outputs need."""
        return self.upstream(self.outputs)

    @cached_property
    def cost_nodes(self) -> tuple[Node, ...]:
        """The nodes from the model's outputs to the cost."""
        wanted = self.upstream([self.cost]) - self.in_model
        return tuple(node for node in self.nodes if node.name in wanted and node.operation)
