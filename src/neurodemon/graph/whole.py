"""A forward pass that runs only as a whole: what a graph asks of the user's own model.

Where a model could not be cut into operations that run by themselves, the graph keeps what was
seen of them, for its structure, and asks this to run the model again from its inputs.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from neurodemon.graph.node import Node


@runtime_checkable
class Whole(Protocol):
    """The model's own forward, to be run again."""

    @property
    def one_by_one(self) -> bool:
        """Whether passes must hold one example: a branch may read the batch."""
        ...

    @property
    def has_regions(self) -> bool:
        """Whether all readers of a value were seen: elementwise ones may be run by themselves."""
        ...

    def record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model once; give the value of every node that has one, the cost left out."""
        ...

    def replaced(self, source: str) -> tuple[Node, ...]:
        """Make the nodes that run the model with another value at a source, to its outputs."""
        ...

    def tapped(self, sources: Sequence[str]) -> tuple[Node, ...]:
        """Make the nodes that run the model so that gradients reach the value at each source."""
        ...
