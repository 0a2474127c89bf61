"""What the rules look at: a node's arguments and the recorded values, none of them changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from neurodemon.engine.recording import Recording, weakly
from neurodemon.engine.spans.places import ALL, NONE, Place, Region, Span, join, layout
from neurodemon.graph.node import Node, Ref, fill, references

WHOLE: Literal["whole"] = "whole"  # the operation reads all of an input for each position
MIXED: Literal["mixed"] = "mixed"  # it does more than one position by itself
Back = Place | Literal["whole", "mixed"]  # where the positions of a result stand in an input


@dataclass(frozen=True, eq=False)
class Look:
    """The way down from a site, as far as it is known.

    Attributes:
        recording: the clean pass, which is not held: it keeps what is made of this.
        reach: of the nodes passed so far that a change reaches, which part.
        examples: those of the batch that are meant; None for all.
        open: what masks let through, (example, position), where they differ by example.
    """

    recording: Recording
    reach: dict[str, Region]
    examples: tuple[int, ...] | None = None
    open: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let the recording go."""
        object.__setattr__(self, "recording", weakly(self.recording))

    def value(self, name: str) -> Any:
        """The recorded value of a node."""
        return self.recording.values[name]

    def meant(self, value: Tensor, name: str) -> Tensor:
        """The part of a node's value, or of what was made of it, that is of the examples meant."""
        follows = self.recording.graph[name].example_axis == 0
        if self.examples is None or not follows or len(value) != self.recording.n_examples:
            return value
        return value[list(self.examples)]

    def note(self, mask: Tensor, name: str, axis: int) -> None:
        """Note what a node's mask, true where it lets through, says of positions by example."""
        follows = self.recording.graph[name].example_axis == 0
        if self.examples is None and follows and len(mask) == self.recording.n_examples:
            self.open.append(
                mask.movedim(axis, 1).reshape(*mask.shape[:1], mask.shape[axis], -1).any(2).cpu()
            )

    def own(self, node: Node) -> Tensor | None:
        """The recorded result of a node, or the first of several."""
        return layout(self.recording.values[node.name])

    def argument(self, node: Node, place: int, name: str, default: Any = None) -> Any:
        """An argument of a node by its place or its name, recorded values filled in."""
        if len(node.arguments) > place:
            return fill(node.arguments[place], self.recording.values)
        return fill((node.keywords or {}).get(name, default), self.recording.values)

    def changing(self, node: Node) -> dict[str, Region]:
        """The inputs of a node that change, and how far."""
        return {n: self.reach[n] for n in node.inputs if self.reach.get(n, NONE) != NONE}

    def places(self, node: Node) -> Iterator[Place]:
        """Where positions could stand in the result of a node."""
        value = self.own(node)
        if value is None or not value.ndim:
            return
        n_examples = self.recording.n_examples
        yield from (Place(axis) for axis in range(1, value.ndim) if value.shape[axis] > 1)
        if value.shape[0] > n_examples and value.shape[0] % n_examples == 0:
            yield Place(0, is_merged=True)

    def count(self, name: str, place: Place) -> int:
        """How many positions a value has."""
        value = layout(self.value(name))
        if value is None:
            return 0
        size = int(value.shape[place.axis])
        return size // self.recording.n_examples if place.is_merged else size


Backward = Callable[[Look, Node, str, Place], Back]
Call = Callable[[Look, "Stride", int, tuple[Any, ...], dict[str, Any]], Any]


@dataclass(frozen=True, eq=False)
class Stride:
    """One node to run, on a part of its value.

    Attributes:
        node: the node.
        region: the part.
        needs: which part it reads of each input.
        call: runs it; None for the operation as it stands.
    """

    node: Node
    region: Region
    needs: Mapping[str, Region]
    call: Call | None = None


@dataclass(frozen=True)
class Aligned:
    """An operation that does each position by itself, in one way or another.

    Attributes:
        back: where the positions of the result stand in an input.
        call: how to run it on some of them, where its own arguments name sizes.
    """

    back: Backward
    call: Call | None = None

    def forward(self, look: Look, node: Node) -> Region:
        """Say which part of the result a change in the inputs reaches."""
        changing = look.changing(node)
        if ALL in changing.values():
            return ALL
        for place in look.places(node):
            found = {name: self.back(look, node, name, place) for name in node.inputs}
            if MIXED in found.values():
                continue
            spans = [own for own in changing.values() if isinstance(own, Span)]
            if all(found[name] == span.place for name, span in zip(changing, spans, strict=True)):
                region: Region = NONE
                for span in spans:
                    region = join(region, span.moved(place))
                return region
        return ALL

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """Say which part of each input is read for a part of the result."""
        if not isinstance(region, Span):
            return dict.fromkeys(node.inputs, ALL)
        found: dict[str, Region] = {}
        for name in node.inputs:
            place = self.back(look, node, name, region.place)
            found[name] = region.moved(place) if isinstance(place, Place) else ALL
        return found


def is_from(node: Node, argument: int, name: str) -> bool:
    """Whether an argument of a node is the value of another, and that is read once."""
    is_there = len(node.arguments) > argument and node.arguments[argument] == Ref(name)
    read = [*references(node.arguments), *references(dict(node.keywords or {}))]
    return is_there and read.count(name) == 1


def axis_of(axis: int, n_axes: int) -> int:
    """Count an axis from the front."""
    return axis + n_axes if axis < 0 else axis
