"""Replay: run only what lies below a change, for many nudged copies of a batch at once.

Values from outside the cone come from the recording, folded for the rows of the pass.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, put_units, restore
from neurodemon.engine.operations import Rule, rank_one
from neurodemon.engine.recording import Recording
from neurodemon.engine.spans.course import Course
from neurodemon.engine.spans.folding import fold_part
from neurodemon.engine.spans.places import ALL, Place, Region, Span, narrow
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.node import Node, fill
from neurodemon.terms.shapes import Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

Column = Float[Tensor, "row example part"]


@dataclass(frozen=True, eq=False)
class Replay:
    """The cone below one node, ready to run for one pass shape.

    Attributes:
        recording: the clean pass.
        source: the node whose value changes.
        shape: the pass.
        course: which positions to run; None for all of them.
    """

    recording: Recording
    source: str
    shape: Pass
    course: Course | None = None
    _parts: dict[tuple[str, Region], Any] = field(default_factory=dict)

    @cached_property
    def cone(self) -> tuple[Node, ...]:
        """The nodes below the source."""
        return self.recording.graph.cone(self.source)

    @cached_property
    def surroundings(self) -> dict[str, Any]:
        """All values that the cone reads from outside, folded; the source's own left out."""
        return self.recording.fold(self.outside, self.shape)

    @cached_property
    def clean(self) -> Tensor:
        """The source's own value, folded."""
        value: Tensor = self.recording.fold([self.source], self.shape)[self.source]
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
        return self._finish({self.source: (ALL, value)})

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
            changed[self.source] = (ALL, restore(rows.flatten(0, 1), site, tuple(value.shape)))
        return self._finish(changed)

    def cost_of_part(self, value: Tensor, span: Span) -> Float[Tensor, "row example"]:
        """Compute the cost with other values at some of the source's positions, by the course.

        Args:
            value: the source's value for all rows, folded, in its own layout: these positions.
            span: which they are.

        Returns:
            The cost per row and example.
        """
        return self._finish({self.source: (span, value)})

    def _enter(self, site: Site, change: Column, block: UnitBlock) -> dict[str, tuple[Region, Any]]:
        """Enter the nodes that have a rank-one rule: their results, or a part of each, by name."""
        graph = self.recording.graph
        units = torch.as_tensor(block.indices, device=change.device)
        positions = _positions(site, tuple(self.recording.values[self.source].shape))
        column = change.reshape(*change.shape[:2], *positions)
        found: dict[str, tuple[Region, Any]] = {}
        for name, rule in self.rules(site).items():
            known = {one: self._clean_part(one, ALL) for one in graph[name].inputs}
            known[self.source] = None  # a rule must not read what changes
            region = self._part_to_enter(name, column)
            own = narrow(column.flatten(0, 1), ALL, region, self.shape.size)
            own = own.reshape(*column.shape[:2], *own.shape[1:])
            clean = self._clean_part(name, region)
            result = rule(fill(graph[name].arguments, known), clean, own, units)
            found[name] = (region, result)
        return found

    def _part_to_enter(self, name: str, column: Tensor) -> Region:
        """Which part of a reader's result is wanted, where positions stand as in the column."""
        region = ALL if self.course is None else self.course.regions.get(name, ALL)
        is_alike = column.ndim == 3 and self.recording.values[name].ndim == 3
        is_part = isinstance(region, Span) and region.place == Place(1)
        return region if is_part and is_alike else ALL

    def _clean_part(self, name: str, region: Region) -> Any:
        """A part of a recorded value, folded once."""
        key = (name, region)
        if key not in self._parts:
            self._parts[key] = fold_part(self.recording, name, region, self.shape)
        return self._parts[key]

    def _finish(self, changed: dict[str, tuple[Region, Any]]) -> Tensor:
        """Run the rest of the cone."""
        cost = self.recording.graph.cost
        if self.course is not None:
            result = self.course.run(changed, self.shape.size, self._clean_part)
        else:
            values = {name: value for name, (_, value) in changed.items()}
            nodes = [node for node in self.cone if node.name not in values]
            with torch.no_grad():
                found = evaluate(nodes, {**self.surroundings, **values}, wanted=[cost])
            result = found[cost]
        return cast("Tensor", result).reshape(self.shape.rows, self.shape.n_examples)


def _positions(site: Site, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of the position axes."""
    return tuple(size for role, size in zip(site.axes, shape, strict=True) if role == "position")
