"""Folding: the recorded values of a batch, as they are for the rows of a pass.

Rows (nudged copies) are folded into the example axis, row by row: copy r of example i is at
r·examples + i; or each row holds one example of its own. Values that follow the examples are
tiled. What counts examples or mixes them is computed again at the folded size, and so is all that
follows from it, unless it is proved to come out as a tiled value would.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node, Ref

PROVING = 5  # examples on which it is tried what may be tiled; one more where a batch has as many
ROUNDOFFS = 64.0  # of the largest value: how far the same value may be off, computed again


@dataclass(frozen=True)
class Pass:
    """The shape of one pass: which examples, and how many rows of them.

    Attributes:
        start: the first example.
        stop: one past the last.
        rows: the number of nudged copies.
        picks: where examples do not stand as in the batch: the one of each row and example, row
            by row; else empty.
        group: of the batch's groups of examples, which one these are of; None if of none.
    """

    start: int
    stop: int
    rows: int
    picks: tuple[int, ...] = ()
    group: int | None = None

    @classmethod
    def of_pairs(cls, examples: Iterable[int], group: int | None = None) -> "Pass":
        """Make the pass in which each row is one example of its own."""
        picks = tuple(examples)
        return cls(0, 1, len(picks), picks, group)

    @classmethod
    def of_examples(cls, examples: Sequence[int], rows: int, group: int | None = None) -> "Pass":
        """Make the pass of some examples in an order of their own."""
        return cls(0, len(examples), rows, tuple(examples) * rows, group)

    @property
    def examples(self) -> slice | list[int]:
        """Which examples of the batch they are."""
        return list(self.picks[: self.n_examples]) if self.picks else slice(self.start, self.stop)

    @property
    def n_examples(self) -> int:
        """The number of examples."""
        return self.stop - self.start

    @property
    def size(self) -> int:
        """The size of the folded example axis."""
        return self.rows * self.n_examples


def fold_values(
    graph: Graph,
    values: Mapping[str, Any],
    names: Iterable[str],
    shape: Pass,
    tiles: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Give recorded values as they are for the rows of a pass.

    Args:
        graph: the graph.
        values: of all its nodes, as recorded.
        names: the nodes whose values to give.
        shape: the pass.
        tiles: of these it is proved that they may be tiled.

    Returns:
        The values by name: as recorded, tiled, or computed again at the folded size.
    """
    wanted = set(names)
    given, again = _take_apart(graph, values, wanted, shape, tiles)
    with torch.no_grad():
        return evaluate(again, given, wanted=wanted)


def find_tiles(graph: Graph, values: Mapping[str, Any], n_examples: int) -> frozenset[str]:
    """Find which values may be tiled though something they follow from may not.

    A transformer counts its tokens and makes a mask of that: by the rules alone all that follows
    would be computed again for each pass. Most of it comes out as the recorded values of the
    examples; that is tried here once, on a pass of another size, of examples at random.

    Args:
        graph: the graph; its operations must run by themselves.
        values: of all its nodes, as recorded.
        n_examples: how many examples they are of.

    Returns:
        The nodes that came out so, up to rounding.
    """
    needed = graph.upstream([graph.cost, *graph.outputs])
    unsure = {n.name for n in graph.nodes if n.folding == "recompute" and n.name in needed}
    if not unsure:
        return frozenset()
    count = PROVING + (n_examples == PROVING)
    chance = torch.Generator().manual_seed(count)
    shape = Pass.of_pairs(torch.randint(n_examples, (count,), generator=chance).tolist())
    given, again = _take_apart(graph, values, unsure, shape, frozenset())
    found = set()

    def compare(name: str, value: Any) -> Any:
        if name in unsure and _is_tile(values[name], graph[name], value, shape):
            found.add(name)
        return value

    with torch.no_grad():
        evaluate(again, given, wanted=[], observe=compare)
    return frozenset(found)


def _is_tile(recorded: object, node: Node, again: object, shape: Pass) -> bool:
    """Whether a value computed again is that of the examples picked, up to rounding."""
    axis = node.example_axis
    if not (isinstance(recorded, Tensor) and isinstance(again, Tensor)) or axis is None:
        return False
    expected = tile(recorded, axis, shape)
    if expected.shape != again.shape:
        return False
    if not expected.is_floating_point():
        return torch.equal(expected, again)
    is_number = expected.isfinite()
    if not torch.equal(is_number, again.isfinite()):
        return False
    off = (expected - again)[is_number].abs()
    size = expected[is_number].abs().amax() if off.numel() else off.new_zeros(())
    return bool((off <= ROUNDOFFS * torch.finfo(expected.dtype).eps * size).all())


def _take_apart(
    graph: Graph,
    values: Mapping[str, Any],
    wanted: set[str],
    shape: Pass,
    tiles: frozenset[str],
) -> tuple[dict[str, Any], list[Node]]:
    """Sort what is wanted into values that are given, and nodes to compute from them."""
    needed = set(wanted)
    given: dict[str, Any] = {}
    for node in reversed(graph.nodes):
        if node.name not in needed:
            continue
        if node.folding == "constant" or (node.operation is None and node.example_axis is None):
            given[node.name] = values[node.name]
        elif node.folding == "tile" or node.name in tiles:
            given[node.name] = tile(values[node.name], node.example_axis, shape)
        elif (size := _known_size(graph, values, node, shape, tiles)) is not None:
            given[node.name] = size
        else:
            needed.update(node.inputs)
    return given, [node for node in graph.nodes if node.name in needed and node.name not in given]


def _known_size(
    graph: Graph, values: Mapping[str, Any], node: Node, shape: Pass, tiles: frozenset[str]
) -> int | None:
    """The folded size that a node asks for, without folding the value it asks of."""
    if node.operation_name != "sym_size" or not isinstance(node.arguments[0], Ref):
        return None
    asked = graph[node.arguments[0].name]
    if asked.folding != "tile" and asked.name not in tiles:
        return None
    is_folded = node.arguments[1] == asked.example_axis
    return shape.size if is_folded else int(values[node.name])


def tile(value: Any, axis: int | None, shape: Pass) -> Any:
    """Take the pass's examples of a value and repeat them for each row."""
    if axis is None:
        return value
    if shape.picks:
        return value.index_select(axis, torch.tensor(shape.picks, device=value.device))
    piece = value.narrow(axis, shape.start, shape.n_examples)
    if shape.rows == 1:
        return piece
    spread_out = piece.unsqueeze(axis).expand(*piece.shape[:axis], shape.rows, *piece.shape[axis:])
    return spread_out.reshape(*piece.shape[:axis], shape.size, *piece.shape[axis + 1 :])
