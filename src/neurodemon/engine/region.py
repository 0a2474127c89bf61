"""Activation space: where the change of one unit leaves the elementwise operations it enters.

The region of a site is the largest set of pointwise operations below it in which only z
varies and which has one exit. There the unit's own nonlinearity is exact and free: the
change Δa at the exit is computed for all units at once, in one elementwise pass.
Source: DESIGN §4; theory.md §1.4, rung 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.layout import canonical, restore
from neurodemon.engine.operations import is_pointwise
from neurodemon.engine.recording import Recording
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node
from neurodemon.terms.shapes import Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock


@dataclass(frozen=True)
class Region:
    """The pointwise operations below a site.

    Attributes:
        nodes: in running order; empty where z itself is the exit.
        exit: the node at which the change leaves the region.
    """

    nodes: tuple[Node, ...]
    exit: str


@dataclass(frozen=True, eq=False)
class Move:
    """What the nudged z's come to at the exit of the region, all units at once.

    Attributes:
        exit: the node.
        clean: a, the clean value there, in canonical layout.
        moved: a′, with each unit moved as if it were alone.
    """

    exit: str
    clean: Float[Tensor, "example position coordinate"]
    moved: Float[Tensor, "example position coordinate"]


def find_region(graph: Graph, source: str, values: Mapping[str, Any]) -> Region:
    """Find the region of a site.

    Args:
        graph: the graph.
        source: the node where the demon sits.
        values: the recorded values, whose shapes must equal z's inside the region.

    Returns:
        The region; it never reaches beyond what the model returns, and is empty where the model
        runs as a whole and may do more with z than was seen.
    """
    if graph.whole is not None and not graph.whole.has_regions:
        return Region((), source)
    return elementwise_below(graph, source, values)


def elementwise_below(graph: Graph, source: str, values: Mapping[str, Any]) -> Region:
    """Find the elementwise operations below a node, by what is known of the model.

    Args:
        graph: the graph.
        source: the node.
        values: the recorded values, whose shapes must equal the source's.

    Returns:
        The operations, with the node at which the value leaves them.
    """
    cone = graph.below(source)
    in_cone = {node.name for node in cone}
    in_model = graph.upstream(graph.outputs)
    inside = {source}
    for node in cone:
        varying = [name for name in node.inputs if name in in_cone or name == source]
        is_same = _has_shape(values.get(node.name), values[source].shape)
        if node.name in in_model and is_pointwise(node) and is_same and inside.issuperset(varying):
            inside.add(node.name)
    candidates = [node.name for node in cone if node.name in inside]
    for last in reversed(candidates):
        kept = inside & graph.upstream([last])
        readers = {user for name in kept - {last} for user in graph.users[name] if user in in_cone}
        is_tensor = isinstance(values[last], Tensor)
        if is_tensor and values[last].is_floating_point() and readers <= kept:
            return Region(tuple(node for node in cone if node.name in kept), last)
    return Region((), source)


def region_of(recording: Recording, block: UnitBlock) -> Region:
    """Find the region of a block's units; directions move many features at once and have none."""
    site = recording.graph.site_by_name[block.site.name]
    if block.kind == "direction":
        return Region((), site.node)
    return find_region(recording.graph, site.node, recording.values)


def z_of(recording: Recording, block: UnitBlock) -> Float[Tensor, "example position unit"]:
    """The clean z of a block's site, in canonical layout."""
    site = recording.graph.site_by_name[block.site.name]
    return canonical(recording.values[site.node], site)


def move(
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position coordinate"],
    region: Region | None = None,
) -> Move:
    """Carry the nudges of all units of a block's site through its region.

    Args:
        recording: the clean pass.
        block: the units.
        dz: Δz of every unit of the site, in canonical layout; of directions Δc of the block's.
        region: the block's, where it is known already.

    Returns:
        The clean and the moved values at the exit; of directions 0 and Δc.
    """
    if block.kind == "direction":
        exit_node = recording.graph.site_by_name[block.site.name].node
        return Move(exit_node, torch.zeros_like(dz), dz)
    if region is None:
        region = region_of(recording, block)
    site = recording.graph.site_by_name[block.site.name]
    z = recording.values[site.node]
    nudged = z + restore(dz, site, tuple(z.shape))
    outside = {name: recording.values[name] for node in region.nodes for name in node.inputs}
    own = {node.name for node in region.nodes}
    given = {name: value for name, value in outside.items() if name not in own}
    with torch.no_grad():
        found = evaluate(region.nodes, {**given, site.node: nudged}, wanted=[region.exit])
    clean = recording.values[region.exit]
    return Move(region.exit, canonical(clean, site), canonical(found[region.exit], site))


def carry_alone(
    recording: Recording,
    site: Site,
    nudged: Float[Tensor, "point example position unit"],
    region: Region,
) -> Float[Tensor, "point example position unit"]:
    """Carry several nudged z through a region that reads nothing else of the examples.

    Args:
        recording: the clean pass.
        site: where the demons sit.
        nudged: z + Δz at each point, in canonical layout.
        region: the site's.

    Returns:
        The values at the exit.
    """
    shape = tuple(recording.values[site.node].shape)
    own = {site.node, *(node.name for node in region.nodes)}
    read = {name for node in region.nodes for name in node.inputs} - own
    given = {name: recording.values[name] for name in read}
    folded = restore(nudged.flatten(0, 1), site, shape)
    with torch.no_grad():
        found = evaluate(region.nodes, {**given, site.node: folded}, wanted=[region.exit])
    return canonical(found[region.exit], site).reshape(nudged.shape)


def _has_shape(value: object, shape: torch.Size) -> bool:
    """Whether a value has a shape, or is a tuple whose first tensor has it."""
    first = value[0] if isinstance(value, tuple) and value else value
    return isinstance(first, Tensor) and first.shape == shape
