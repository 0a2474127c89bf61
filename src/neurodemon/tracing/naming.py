"""Name the sites: module outputs, activations, module inputs, then other operations.

Several names on one tensor are normal; the first in that order is canonical, the others are
aliases, so that nothing is counted twice.
"""

import operator
from collections import Counter
from collections.abc import Mapping

from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node
from neurodemon.terms.sites import Role, Site
from neurodemon.tracing.axes import Form
from neurodemon.tracing.exported import RawGraph
from neurodemon.tracing.operations import NAMES, site_kind
from neurodemon.tracing.unit_axes import UnitAxis, find_unit_axes, maker_of


def name_sites(raw: RawGraph, graph: Graph, forms: Mapping[str, Form]) -> tuple[Site, ...]:
    """Make the sites of a graph.

    Args:
        raw: the export, with what was seen at modules.
        graph: the graph, its nodes with their example axes.
        forms: the shape of each node's value for the first batch.

    Returns:
        The sites in the order in which the forward pass reaches them. Tensors without an
        example axis, and such that the cost does not depend on, are no sites.
    """
    reaching = graph.upstream([graph.cost])
    units = find_unit_axes(graph, forms)
    all_names = _names(raw, graph, forms)
    sites = []
    for node in graph.nodes:
        names = all_names[node.name] if node.name in reaching else []
        shape = forms.get(node.name)
        if names and node.example_axis is not None and isinstance(shape, tuple):
            sites.append(_site(node, names, shape, units[node.name], graph))
    return tuple(sites)


def refused_sites(raw: RawGraph, graph: Graph) -> dict[str, str]:
    """Name the tensors seen at modules that can be no sites, each with the reason."""
    reaching = graph.upstream([graph.cost])
    reasons = {}
    for tap, name in raw.taps:
        if name not in reaching:
            reasons[tap.name] = "the cost does not depend on it"
        elif graph[name].example_axis is None:
            reasons[tap.name] = "it has no axis of its own for the examples"
    return reasons


def _names(raw: RawGraph, graph: Graph, forms: Mapping[str, Form]) -> dict[str, list[str]]:
    """All names of each node's value, the canonical one first."""
    outputs: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    inputs: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    for tap, name in raw.taps:
        is_later = tap.side == "in" or not tap.path
        if name in outputs:
            (inputs if is_later else outputs)[name].append(tap.name)
    for name, path in _uncalled(raw, graph):
        outputs[name].append(path)
        inputs[graph[name].inputs[0]].append(f"{path}:in")
    operations = _operation_names(raw, graph, forms)
    named = {}
    for name, found in outputs.items():
        spelled = [] if found else operations.get(name, [])
        is_activation = site_kind(graph[name].operation_name) == "activation"
        rest = spelled + inputs[name] if is_activation else inputs[name] + spelled
        named[name] = found + rest
    return named


def _uncalled(raw: RawGraph, graph: Graph) -> list[tuple[str, str]]:
    """Linears whose module is not called, only its weight used: of `nn.MultiheadAttention`."""
    called = {tap.path for tap, _ in raw.taps}
    found: dict[str, str] = {}
    for node in graph.nodes:
        weights = node.inputs[1:2] if node.operation_name == "linear" else ()
        path, _, last = graph.parameters.get(next(iter(weights), ""), "").rpartition(".")
        if last == "weight" and path and path not in called and path not in found.values():
            found[node.name] = path
    return list(found.items())


def _operation_names(
    raw: RawGraph, graph: Graph, forms: Mapping[str, Form]
) -> dict[str, list[str]]:
    """Name the operations of the closed list: `block:relu`, `block:add#2`."""
    wanted = graph.upstream(graph.outputs) & _made_of_inputs(graph)
    calls: Counter[str] = Counter()
    names = {}
    for node in graph.nodes:
        is_first = node.operation is not operator.getitem or node.arguments[1] == 0
        short = NAMES.get(maker_of(node, graph).operation_name)
        if short and is_first and node.name in wanted and isinstance(forms.get(node.name), tuple):
            name = f"{raw.paths.get(node.name, '')}:{short}"
            calls[name] += 1
            names[node.name] = [name if calls[name] == 1 else f"{name}#{calls[name]}"]
    return names


def _made_of_inputs(graph: Graph) -> frozenset[str]:
    """The nodes that read what is in the inputs; an export also says what reads their sizes."""
    found = set(graph.inputs)
    for node in graph.nodes:
        if node.operation_name != "sym_size" and not found.isdisjoint(node.inputs):
            found.add(node.name)
    return frozenset(found)


def _site(
    node: Node,
    names: list[str],
    shape: tuple[int, ...],
    unit: UnitAxis,
    graph: Graph,
) -> Site:
    """Make the site of one node."""
    axes: tuple[Role, ...] = tuple(
        "example" if axis == node.example_axis else "unit" if axis == unit.axis else "position"
        for axis in range(len(shape))
    )
    is_input = node.operation is None or names[0].partition("[")[0].partition("#")[0].endswith(
        ":in"
    )
    return Site(
        name=names[0],
        kind="input" if is_input else _kind(node, names[0], graph),
        node=node.name,
        axes=axes,
        shape=tuple(0 if axis == node.example_axis else size for axis, size in enumerate(shape)),
        unit_kind="channel" if unit.is_channel else "neuron",
        aliases=tuple(names[1:]),
        is_output=node.name in graph.outputs,
    )


def _kind(node: Node, name: str, graph: Graph) -> str:
    """Say which kind of site a node makes, looking through the items of a tuple."""
    kind = site_kind(maker_of(node, graph).operation_name)
    return "module" if kind == "operation" and ":" not in name else kind
