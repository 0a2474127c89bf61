"""Forms: how a change is kept, where it came along, and what a pass looks at."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.recording import Recording, weakly
from neurodemon.graph.node import Node, Ref, fill

Made = TypeVar("Made")


@dataclass(frozen=True)
class Form:
    """How a change is kept. Examples are axis 0 of the node's own value, and axis 1 here.

    Attributes:
        kind: `column`: that of one unit, (row, example, *positions). `block`: that of
            consecutive features, (row, example, feature). `product`: a column, and the weights
            (row, feature) with which it is yet to be multiplied. `dense`: all of it, (row,
            example, *the rest of the value). `classes`: likewise, (class, row, example).
        axis: of a column: along which axis of the value the units stand.
    """

    kind: Literal["column", "block", "product", "dense", "classes"]
    axis: int = -1


BLOCK, PRODUCT, DENSE, CLASSES = Form("block"), Form("product"), Form("dense"), Form("classes")
SINGLE = {"column", "block", "dense"}  # kinds of one tensor whose features lie last or apart

Change = Tensor | tuple[Tensor, Tensor]  # a pair where it is a product
Changes = Sequence[Change]


@dataclass(frozen=True, eq=False)
class Window:
    """What one pass looks at: some examples for all rows, or one example for each row.

    Attributes:
        shape: the pass.
        units: the unit of each row.
        rooms: where results may be written that nobody reads in the next rows: fresh memory for
            each costs more than the arithmetic.
    """

    shape: Pass
    units: Tensor
    rooms: dict[str, Tensor] | None = None

    def room(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor:
        """Give room for a result, of any content."""
        if self.rooms is None:
            return like.new_empty(shape)
        if name not in self.rooms or self.rooms[name].shape != torch.Size(shape):
            self.rooms[name] = like.new_empty(shape)
        return self.rooms[name]

    def of(self, value: Tensor) -> Tensor:
        """Take the examples of a recorded value: (1, example, …), or (row, 1, …) of pairs."""
        if self.shape.picks:
            return value[self._picks].unsqueeze(1)
        return value[self.shape.start : self.shape.stop].unsqueeze(0)

    def at(self, value: Tensor, axis: int) -> Tensor:
        """Take each row's own unit of a recorded value: (row, example, *positions)."""
        if self.shape.picks:
            return value.movedim(axis, 1)[self._picks, self.units].unsqueeze(1)
        part = value[self.shape.start : self.shape.stop]
        return part.movedim(axis, 0).index_select(0, self.units)

    def features(self, value: Tensor, width: int) -> Tensor:
        """Take each row's own block of features of a recorded value: (row, example, feature)."""
        return self.at(value.reshape(len(value), -1, width), 1)

    def rows(self, start: int, stop: int) -> "Window":
        """Look at some of the rows alone."""
        shape = replace(self.shape, rows=stop - start, picks=self.shape.picks[start:stop])
        return Window(shape, self.units[start:stop], self.rooms)

    @property
    def _picks(self) -> Tensor:
        return torch.as_tensor(self.shape.picks, device=self.units.device)


Step = Callable[[Window, Changes], Change]  # the changes of what varies → the node's own
Carried = tuple[Form, Step]


@dataclass(frozen=True, eq=False)
class Way:
    """The way of a change down from a site, as far as it is known.

    Attributes:
        recording: the clean pass, which is not held: it keeps what is made of this.
        forms: of the nodes passed so far, by name.
        inside: all nodes that the change reaches on its way to the cost.
    """

    recording: Recording
    forms: dict[str, Form]
    inside: frozenset[str]

    def __post_init__(self) -> None:
        """Let the recording go."""
        object.__setattr__(self, "recording", weakly(self.recording))

    def varying(self, node: Node) -> list[str]:
        """The inputs of a node that change, in order."""
        return [name for name in node.inputs if name in self.forms]

    def value(self, name: str) -> Tensor:
        """The recorded value of a node."""
        return cast("Tensor", self.recording.values[name])

    def rest(self, node: Node, place: int) -> tuple[Any, ...]:
        """The arguments of a node from a place on, recorded values filled in."""
        return tuple(fill(node.arguments[place:], self.recording.values))

    def reads_first(self, node: Node) -> bool:
        """Whether a node's first argument changes, and nothing else that it reads."""
        names = self.varying(node)
        return len(names) == 1 and node.arguments[0] == Ref(names[0])

    def readers(self, name: str) -> list[Node]:
        """The nodes on the way that read a value."""
        graph = self.recording.graph
        return [graph[user] for user in graph.users[name] if user in self.inside]

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Make something of recorded values when it is first needed, and keep it with them."""
        kept = self.recording.kept
        if key not in kept:
            kept[key] = make()
        return cast("Made", kept[key])

    def clean(self, window: Window, name: str, change: Tensor) -> Tensor:
        """The clean value that a change is one of, in its form."""
        value, form = self.value(name), self.forms[name]
        if form.kind == "column":
            return window.at(value, form.axis)
        if form == BLOCK:
            return window.features(value, change.shape[2])
        return window.of(value)


Rule = Callable[[Way, Node, Sequence[Form]], Carried | None]


def single(changes: Changes) -> Tensor:
    """The one change there is, no product."""
    (change,) = changes
    return cast("Tensor", change)


def pair(changes: Changes) -> tuple[Tensor, Tensor]:
    """The one change there is, a product: its column, and its weights beside it.

    Args:
        changes: one, of kind `product`.

    Returns:
        The column (row, example, *positions, 1) and the weights, shaped so that the column times
        them is (row, example, *positions, feature).
    """
    ((column, weights),) = changes
    return column.unsqueeze(-1), weights.reshape(len(weights), *[1] * (column.ndim - 1), -1)
