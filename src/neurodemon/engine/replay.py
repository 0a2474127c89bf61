"""Replay: run only what lies below a change, for many nudged copies of a batch at once.

Rows (nudged copies) are folded into the example axis, row by row: copy r of example i is at
r·examples + i; or each row holds one example of its own. Values from outside the cone come from the recording: tiled where they have one
pure example axis, computed again at the folded size where they do not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.layout import canonical, put_units, restore
from neurodemon.engine.operations import Rule, rank_one
from neurodemon.engine.recording import Recording
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.node import Node, Ref, fill
from neurodemon.terms.shapes import Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

Column = Float[Tensor, "row example part"]


@dataclass(frozen=True)
class Pass:
    """The shape of one pass: which examples, and how many rows of them.

    Attributes:
        start: the first example.
        stop: one past the last.
        rows: the number of nudged copies.
        picks: where each row has one example of its own: which one; else empty.
    """

    start: int
    stop: int
    rows: int
    picks: tuple[int, ...] = ()

    @classmethod
    def of_pairs(cls, examples: Iterable[int]) -> "Pass":
        """Make the pass in which each row is one example of its own."""
        picks = tuple(examples)
        return cls(0, 1, len(picks), picks)

    @property
    def n_examples(self) -> int:
        """The number of examples."""
        return self.stop - self.start

    @property
    def size(self) -> int:
        """The size of the folded example axis."""
        return self.rows * self.n_examples


@dataclass(frozen=True, eq=False)
class Replay:
    """The cone below one node, ready to run for one pass shape.

    Attributes:
        recording: the clean pass.
        source: the node whose value changes.
        shape: the pass.
        picked: nodes that are proved to be picked example by example: they are not computed
            again for a pass of pairs.
    """

    recording: Recording
    source: str
    shape: Pass
    picked: frozenset[str] = frozenset()

    @cached_property
    def cone(self) -> tuple[Node, ...]:
        """The nodes below the source."""
        return self.recording.graph.cone(self.source)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """All values that the cone reads from outside, and the source's own, folded."""
        names = self.outside | {self.source}
        return fold_values(self.recording, names, self.shape, self.picked)

    @cached_property
    def surroundings(self) -> dict[str, Any]:
        """The same; the source's own may be missing, where it costs nothing to fold it later."""
        if not self.picked:
            return self.environment
        return fold_values(self.recording, self.outside, self.shape, self.picked)

    @property
    def clean(self) -> Tensor:
        """The source's own value, folded."""
        value: Tensor = self.environment[self.source]
        return value

    @cached_property
    def outside(self) -> frozenset[str]:
        """The nodes that the cone reads from outside, the source left out."""
        inside = {node.name for node in self.cone}
        return (
            frozenset(name for node in self.cone for name in node.inputs) - inside - {self.source}
        )

    def rules(self, site: Site) -> dict[str, Rule]:
        """The rank-one rules of the nodes that read the source, by node."""
        graph, values = self.recording.graph, self.recording.values
        if "unit" not in site.axes or site.axes[0] != "example" or graph.whole is not None:
            return {}
        axis = site.axes.index("unit")
        inside = {node.name for node in self.cone}
        found = {
            name: rank_one(graph[name], self.source, values, axis)
            for name in graph.users[self.source]
            if name in inside
            and graph[name].example_axis == 0
            and inside.isdisjoint(graph[name].inputs)  # all else it reads must stay as it was
        }
        return {name: rule for name, rule in found.items() if rule is not None}

    def cost_of(self, value: Tensor) -> Float[Tensor, "row example"]:
        """Compute the cost with another value at the source.

        Args:
            value: the source's value for all rows, folded, in its own layout.

        Returns:
            The cost per row and example.
        """
        return self._finish({self.source: value}, self.cone)

    def cost_of_columns(
        self, site: Site, own: tuple[Column, Column], block: UnitBlock
    ) -> Float[Tensor, "row example"]:
        """Compute the cost with one unit changed per row.

        Args:
            site: the site of the units, in whose layout the source's value is.
            own: the clean and the moved numbers of each row's unit, of this pass's examples, as
                `layout.take_units` gives them.
            block: one unit per row.

        Returns:
            The cost per row and example.
        """
        clean, moved = own
        graph = self.recording.graph
        is_column = block.kind in {"neuron", "channel"}
        changed = self._enter(site, moved - clean, block) if is_column else {}
        readers = {node.name for node in self.cone if self.source in node.inputs}
        if not readers <= changed.keys() or self.source == graph.cost:
            value = self.clean
            flat = canonical(value, site)
            rows = flat.reshape(len(block), -1, *flat.shape[1:]).clone()
            put_units(rows, moved, block)
            changed[self.source] = restore(rows.flatten(0, 1), site, tuple(value.shape))
        return self._finish(changed, [node for node in self.cone if node.name not in changed])

    def _enter(self, site: Site, change: Column, block: UnitBlock) -> dict[str, Any]:
        """Enter the nodes that have a rank-one rule: their results, by name."""
        graph = self.recording.graph
        rules = self.rules(site)
        units = torch.as_tensor(block.indices, device=change.device)
        positions = _positions(site, tuple(self.recording.values[self.source].shape))
        column = change.reshape(*change.shape[:2], *positions)
        clean = fold_values(self.recording, rules, self.shape, self.picked)
        known = {**self.surroundings, self.source: None}  # a rule must not read what changes
        return {
            name: rule(fill(graph[name].arguments, known), clean[name], column, units)
            for name, rule in rules.items()
        }

    def _finish(self, changed: dict[str, Any], nodes: Iterable[Node]) -> Tensor:
        """Run the rest of the cone."""
        cost = self.recording.graph.cost
        with torch.no_grad():
            found = evaluate(list(nodes), {**self.surroundings, **changed}, wanted=[cost])
        result: Tensor = found[cost]
        return result.reshape(self.shape.rows, self.shape.n_examples)


def fold_values(
    recording: Recording,
    names: Iterable[str],
    shape: Pass,
    picked: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Give recorded values as they are for the rows of a pass.

    Args:
        recording: the clean pass.
        names: the nodes whose values to give.
        shape: the pass.
        picked: of these it is proved that they may be tiled.

    Returns:
        The values by name: as recorded, tiled, or computed again at the folded size.
    """
    graph, values = recording.graph, recording.values
    if shape == Pass(0, recording.n_examples, 1):
        return {name: values[name] for name in names}
    wanted = set(names)
    needed = set(wanted)
    given: dict[str, Any] = {}
    for node in reversed(graph.nodes):
        if node.name not in needed:
            continue
        if node.folding == "constant" or (node.operation is None and node.example_axis is None):
            given[node.name] = values[node.name]
        elif node.folding == "tile" or node.name in picked:
            given[node.name] = _tile(values[node.name], node.example_axis, shape)
        elif (size := _known_size(node, recording, shape)) is not None:
            given[node.name] = size
        else:
            needed.update(node.inputs)
    again = [node for node in graph.nodes if node.name in needed and node.name not in given]
    with torch.no_grad():
        return evaluate(again, given, wanted=wanted)


def _known_size(node: Node, recording: Recording, shape: Pass) -> int | None:
    """The folded size that a node asks for, without folding the value it asks of."""
    if node.operation_name != "sym_size" or not isinstance(node.arguments[0], Ref):
        return None
    asked = recording.graph[node.arguments[0].name]
    if asked.folding != "tile":
        return None
    is_folded = node.arguments[1] == asked.example_axis
    return shape.size if is_folded else int(recording.values[node.name])


def _tile(value: Any, axis: int | None, shape: Pass) -> Any:
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


def _positions(site: Site, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of the position axes."""
    return tuple(size for role, size in zip(site.axes, shape, strict=True) if role == "position")
