"""A course: what to run of the cone below a change, position by position, and the run.

Slow twin: `replay` on all positions.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch

from neurodemon.engine.recording import Recording
from neurodemon.engine.spans.looking import Look, Stride
from neurodemon.engine.spans.places import (
    ALL,
    NONE,
    Place,
    Region,
    Span,
    holds,
    join,
    layout,
    meet,
    narrow,
    put,
)
from neurodemon.engine.spans.rules import RULES, UNKNOWN, Rule
from neurodemon.graph.node import Node, fill

WORTH = 0.9  # of the numbers of the whole cone: a course with more of them is not taken

KEPT = "courses"  # where a recording keeps them
MOST_KEPT = 256  # of some 0.1 MB each

Clean = Callable[[str, Region], Any]  # the folded clean value of a node, a part of it


@dataclass(frozen=True, eq=False)
class Course:
    """What to run below one node for a change in some of its positions.

    Attributes:
        look: the clean pass, and how far the change reaches.
        source: the node.
        strides: what to run, in order; empty where the change does not reach the cost.
        regions: of each node that changes, the part that is run; of the source what is read.
        share: of the numbers of the whole cone, how many are computed.
        width: of the widest value of the whole cone, how wide the widest computed is.
    """

    look: Look
    source: str
    strides: tuple[Stride, ...]
    regions: Mapping[str, Region]
    share: float
    width: float

    @property
    def is_dead(self) -> bool:
        """Whether the cost reads nothing that changes."""
        return not self.strides

    def run(self, given: Mapping[str, tuple[Region, Any]], size: int, clean: Clean) -> Any:
        """Run it.

        Args:
            given: values that are known already, the source's or of nodes that read it: which
                part of each, and the part.
            size: the size of the folded example axis.
            clean: gives clean values.

        Returns:
            The cost, folded.
        """
        cost = self.look.recording.graph.cost
        if self.is_dead:
            return clean(cost, ALL)
        made = dict(given)
        with torch.no_grad():
            for place, stride in enumerate(self.strides):
                if stride.node.name not in given:
                    made[stride.node.name] = (stride.region, self._step(stride, made, size, clean))
                for name in self._last_use[place]:
                    made.pop(name, None)
        return made[cost][1]

    def _step(
        self, stride: Stride, made: Mapping[str, tuple[Region, Any]], size: int, clean: Clean
    ) -> Any:
        """Run one node."""
        node = stride.node
        values = {name: _take(name, need, made, size, clean) for name, need in stride.needs.items()}
        arguments = fill(node.arguments, values)
        keywords = fill(dict(node.keywords or {}), values)
        is_part = any(isinstance(one, Span) for one in (stride.region, *stride.needs.values()))
        if stride.call is not None and is_part:
            return stride.call(self.look, stride, size, arguments, keywords)
        return node.operation(*arguments, **keywords)  # type: ignore[misc]  # not None: it is run

    @cached_property
    def _last_use(self) -> list[list[str]]:
        """Of each step, the values that no later one reads."""
        last = {name: place for place, one in enumerate(self.strides) for name in one.needs}
        found: list[list[str]] = [[] for _ in self.strides]
        for name, place in last.items():
            found[place].append(name)
        return found


def _take(
    name: str, need: Region, made: Mapping[str, tuple[Region, Any]], size: int, clean: Clean
) -> Any:
    """Take the part of a value that is needed, clean where it was not run."""
    if name not in made:
        return clean(name, need)
    region, value = made[name]
    if holds(region, need):
        return narrow(value, region, need, size)
    return put(clean(name, need), need, value, region, size)


def find_course(
    recording: Recording, source: str, reach: Span, examples: tuple[int, ...] | None = None
) -> Course | None:
    """Find what to run below a node, once for a recording where there are not very many.

    Args:
        recording: the clean pass.
        source: the node that changes.
        reach: in which positions.
        examples: of these alone; None for all.

    Returns:
        The course; None where it would save nothing, or the graph is not known so well.
    """
    if recording.graph.whole is not None or not recording.can_fold:
        return None
    kept = cast("dict[Hashable, Course | None]", recording.kept.setdefault(KEPT, {}))
    key = (source, reach, examples)
    if key in kept:
        return kept[key]
    found = _plan(Look(recording, {source: reach}, examples), source)
    if len(kept) < MOST_KEPT:
        kept[key] = found
    return found


def walk_down(look: Look, source: str) -> tuple[Node, ...]:
    """Say of each node below one how far a change reaches.

    Args:
        look: what is known of the one; what is found is put there.
        source: its name.

    Returns:
        The nodes.
    """
    cone = look.recording.graph.below(source)
    for node in cone:
        look.reach[node.name] = _rule(node).forward(look, node)
    return cone


def _plan(look: Look, source: str) -> Course | None:
    """Walk down for what changes, up for what is read, and take what is both."""
    cone = walk_down(look, source)
    regions, strides = _walk_up(look, source, cone)
    whole = {node.name: _numbers(look, node.name, ALL) for node in cone}
    run = {one.node.name: _numbers(look, one.node.name, one.region) for one in strides}
    share = sum(run.values()) / max(1, sum(whole.values()))
    if share > WORTH:
        return None
    width = max(run.values(), default=0) / max(1, *whole.values())
    return Course(look, source, tuple(strides), regions, share, width)


def _walk_up(
    look: Look, source: str, cone: tuple[Node, ...]
) -> tuple[dict[str, Region], list[Stride]]:
    """Say of each node, from the cost on up, which part is to be run."""
    wanted: dict[str, Region] = {look.recording.graph.cost: ALL}
    inside = {source, *(node.name for node in cone)}
    regions: dict[str, Region] = {}
    strides: list[Stride] = []
    for node in reversed(cone):
        region = meet(look.reach[node.name], wanted.get(node.name, NONE))
        if region == NONE:
            continue
        rule = _rule(node)
        needs = rule.needs(look, node, region)
        regions[node.name] = region
        strides.append(Stride(node, region, needs, rule.call))
        for name in inside & needs.keys():
            wanted[name] = join(wanted.get(name, NONE), needs[name])
    regions[source] = meet(look.reach[source], wanted.get(source, NONE))
    return regions, strides[::-1]


def _rule(node: Node) -> Rule:
    """The rule of a node; of one whose examples do not stand in front, none."""
    if node.example_axis not in {0, None}:
        return UNKNOWN
    return RULES.get(node.operation_name, UNKNOWN)


def _numbers(look: Look, name: str, region: Region) -> int:
    """How many numbers a part of a value has."""
    value = layout(look.value(name))
    if value is None:
        return 0
    if not isinstance(region, Span):
        return value.numel()
    return value.numel() * len(region) // look.count(name, region.place)


def everywhere(recording: Recording, source: str, axis: int) -> Span:
    """Name all positions of a node."""
    return Span(Place(axis), 0, int(recording.values[source].shape[axis]))
