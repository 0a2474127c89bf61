"""Forms: how a change is kept, where it came along, and what a pass looks at."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor
from torch.nn import functional

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
            (row, feature) with which it is yet to be multiplied. `plane`: s and t, both (row,
            example, *positions), and a vector v of each row, (row, feature): it is s times the
            recorded vector of its place, its base, and t times v. `dense`: all of it, (row,
            example, *the rest of the value). `classes`: likewise, (class, row, example).
        axis: of a column: along which axis of the value the units stand.
        is_folded: whether the value has its positions within axis 0, beside the examples; the
            change keeps them apart.
    """

    kind: Literal["column", "block", "product", "plane", "dense", "classes"]
    axis: int = -1
    is_folded: bool = False


BLOCK, PRODUCT, PLANE = Form("block"), Form("product"), Form("plane")
DENSE, CLASSES, CHANNEL = Form("dense"), Form("classes"), Form("column", 1)
SINGLE = {"column", "block", "dense"}  # kinds of one tensor whose features lie last or apart

Change = Tensor | tuple[Tensor, ...]  # several where it is a product or in a plane
Changes = Sequence[Change]


@dataclass(frozen=True, eq=False)
class Base:
    """The recorded vectors of planes, and what they went through since.

    Attributes:
        origin: the node whose vectors they were at first.
        vectors: gives one for each example and position, (example, *positions, feature).
        maps: a vector multiplies them feature by feature, a matrix (out, in) is a Linear's.
    """

    origin: str
    vectors: Callable[[], Tensor]
    maps: tuple[Tensor, ...] = ()

    def through(self, other: Tensor) -> "Base":
        """The same behind one more map."""
        return replace(self, maps=(*self.maps, other))

    def seen(self, view: Callable[[Tensor], Tensor]) -> "Base":
        """Some of them: a view that leaves features alone, so that maps can wait for it."""
        return replace(self, vectors=lambda: view(self.vectors()))

    def made(self) -> Tensor:
        """The vectors as they are behind all maps."""
        return self.mapped(self.vectors())

    def mapped(self, value: Tensor) -> Tensor:
        """Anything of such vectors behind all maps."""
        for one in self.maps:
            value = value * one if one.ndim == 1 else functional.linear(value, one)
        return value


@dataclass(frozen=True, eq=False)
class Window:
    """What one pass looks at: some examples for all rows, or one example for each row.

    Attributes:
        units: the unit of each row.
        start: the first example; 0 of pairs.
        stop: one past the last; 1 of pairs.
        picks: the example of each row, of pairs; else None.
        rooms: where results may be written that nobody reads in the next rows: fresh memory for
            each costs more than the arithmetic.
    """

    units: Tensor
    start: int
    stop: int
    picks: Tensor | None = None
    rooms: dict[str, Tensor] | None = None

    @classmethod
    def of_pass(cls, shape: Pass, units: Tensor) -> "Window":
        """Look at what a pass does."""
        picks = torch.as_tensor(shape.picks, device=units.device) if shape.picks else None
        return cls(units, shape.start, shape.stop, picks)

    @property
    def shape(self) -> Pass:
        """The pass."""
        if self.picks is not None:
            return Pass.of_pairs(self.picks.tolist())
        return Pass(self.start, self.stop, len(self.units))

    @property
    def n_examples(self) -> int:
        """The number of examples of each row."""
        return self.stop - self.start

    def room(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor:
        """Give room for a result, of any content."""
        if self.rooms is None:
            return like.new_empty(shape)
        if name not in self.rooms or self.rooms[name].shape != torch.Size(shape):
            self.rooms[name] = like.new_empty(shape)
        return self.rooms[name]

    def of(self, value: Tensor) -> Tensor:
        """Take the examples of a recorded value: (1, example, …), or (row, 1, …) of pairs."""
        if self.picks is not None:
            return value.index_select(0, self.picks).unsqueeze(1)
        return value[self.start : self.stop].unsqueeze(0)

    def at(self, value: Tensor, axis: int) -> Tensor:
        """Take each row's own unit of a recorded value: (row, example, *positions)."""
        if self.picks is not None:
            return value.movedim(axis, 1)[self.picks, self.units].unsqueeze(1)
        return value[self.start : self.stop].movedim(axis, 0).index_select(0, self.units)

    def features(self, value: Tensor, width: int) -> Tensor:
        """Take each row's own block of features of a recorded value: (row, example, feature)."""
        return self.at(value.reshape(len(value), -1, width), 1)

    def rows(self, start: int, stop: int) -> "Window":
        """Look at some of the rows alone."""
        picks = None if self.picks is None else self.picks[start:stop]
        return replace(self, units=self.units[start:stop], picks=picks)

    def pairs(self, rows: Tensor, examples: Tensor) -> "Window":
        """Look at some rows' own examples alone, each pair a row.

        Args:
            rows: of each pair.
            examples: of each pair, counted from the window's first.

        Returns:
            The window, a row for each pair.
        """
        return replace(
            self, units=self.units.index_select(0, rows), start=0, stop=1,
            picks=examples + self.start,
        )  # fmt: skip


Step = Callable[[Window, Changes], Change]  # the changes of what varies → the node's own
Carried = tuple[Form, Step]


@dataclass(frozen=True, eq=False)
class Way:
    """The way of a change down from a site, as far as it is known.

    Attributes:
        recording: the clean pass, which is not held: it keeps what is made of this.
        forms: of the nodes passed so far, by name.
        inside: all nodes that the change reaches on its way to the cost.
        bases: of the forms that are planes, by name.
        waiting: which ReLUs are left to the maximum that reads them, and what they read: until
            there the change is still one of that.
    """

    recording: Recording
    forms: dict[str, Form]
    inside: frozenset[str]
    bases: dict[str, Base] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

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

    def stands(self, node: Node, factor: Tensor) -> Literal["example", "shared", "apart"]:
        """How a factor stands beside a value: one for each example, for all, or neither."""
        name, result = self.varying(node)[0], self.value(node.name)
        others = [one for one in node.inputs if one != name]
        axis = self.recording.graph[others[0]].example_axis if others else None
        if result.shape != self.value(name).shape:
            return "apart"
        if axis == 0 and factor.ndim == result.ndim:
            return "example"
        is_shared = axis is None and (factor.ndim < result.ndim or len(factor) == 1)
        return "shared" if is_shared else "apart"

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

    def base(self, window: Window, name: str) -> Tensor:
        """The base of a plane, as it is at a node: (1, example, …), or (row, 1, …) of pairs."""
        base = self.bases[name]  # of another site it may be another
        return window.of(self.once(("base", name, base.origin), base.made))

    def clean(self, window: Window, name: str, form: Form, change: Tensor) -> Tensor:
        """The clean value that a change is one of, in its form when it was read."""
        return taken(window, self.value(name), form, change)


def taken(window: Window, value: Tensor, form: Form, change: Tensor) -> Tensor:
    """Take what stands beside a change from a value of all numbers, in the form of the change."""
    if form.kind == "column":
        return window.at(value, form.axis)
    if form == BLOCK:
        return window.features(value, change.shape[2])
    return window.of(value)


MAKERS = {"linear", "mm", "addmm", "matmul", "conv1d", "conv2d", "conv3d"}  # of new tensors


def owns(way: Way, name: str) -> bool:
    """Whether a change may be overwritten by the one node that reads it."""
    return len(way.readers(name)) == 1 and way.recording.graph[name].operation_name in MAKERS


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
    return column.unsqueeze(-1), over_positions(weights, column)


def over_positions(weights: Tensor, column: Tensor) -> Tensor:
    """Shape vectors (row, feature) so that they can stand beside a column's examples."""
    return weights.reshape(len(weights), *[1] * (column.ndim - 1), -1)
