"""Capture what `torch.export` refuses: watch the model run, and run it again as a whole.

The graph holds what was seen of the model, so that sites, axes and kinds are found as in an
export; to measure, the model's own forward runs with another value at the site. Every batch is
captured by itself: another batch may take another way through the model.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neurodemon.errors import CaptureError, NeurodemonError
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node, Ref
from neurodemon.terms.sites import Site
from neurodemon.tracing.alone import prove_alone, stacks
from neurodemon.tracing.capture import Capture
from neurodemon.tracing.example_axes import with_example_axes
from neurodemon.tracing.exported import COST, RawGraph
from neurodemon.tracing.hooking import Forward
from neurodemon.tracing.leaves import (
    count_examples,
)
from neurodemon.tracing.model_state import Call, notes_of_call
from neurodemon.tracing.naming import name_sites, refused_sites
from neurodemon.tracing.read_cost import ReadCost
from neurodemon.tracing.rerunning import Rerun
from neurodemon.tracing.watching import Trace, user_line, watch
from neurodemon.tracing.wrapping import Cost

HOOKED = "hooked"
STACKED = "Rows of nudged copies are stacked: a probe gave the same numbers."


@dataclass(frozen=True, eq=False)
class Studied:
    """What is captured: a model, how it is called, and its cost.

    Attributes:
        model: the user's model.
        call: how to call it.
        cost: per example.
        evaluate: whether it runs in evaluation mode.
    """

    model: nn.Module
    call: Call
    cost: Cost
    evaluate: bool


def capture_hooked(studied: Studied, batch: tuple[Any, Any], *, may_stack: bool = False) -> Capture:
    """Capture a model on one batch by watching it run.

    Args:
        studied: the model and its cost.
        batch: inputs and target; examples are axis 0 of every tensor.
        may_stack: whether rows may be stacked, if nothing speaks against it.

    Returns:
        The capture; it holds for this batch alone.

    Raises:
        CaptureError: the model cannot be run under watch.
        CouplingError: an example's cost depends on what else is in its batch.
    """
    leaves, structure = pytree.tree_flatten(batch[0])
    forward = Forward(studied.model, studied.call, studied.evaluate, structure)
    with _explained(studied.model):
        trace = watch(forward, leaves)
        constants = _settle_strangers(forward, leaves, trace)
        nodes = with_example_axes(forward, batch, trace)
    trace.nodes = _with_constants(nodes, constants)
    graph = _graph(studied, batch, trace, constants)
    kept, refused = _sites(graph, trace)
    asked = _asked(trace, kept)
    rerun = Rerun(
        forward=forward,
        inputs=graph.inputs[: len(leaves)],
        outputs=graph.outputs,
        places={n: place for n, place in trace.places.items() if n in graph.by_name},
        names={site.node: site.name for site in kept},
        one_by_one=bool(asked) and count_examples(batch) > 1,
        has_regions=not (asked or trace.strangers or trace.has_shared_writes),
    )
    made = Capture(
        graph=replace(graph, sites=kept, whole=rerun),
        has_dynamic_batch=False,
        batch_size=count_examples(batch),
        refused=refused,
        notes=notes_of_call(studied.model, batch[0], studied.call),
        engine=HOOKED,
    )
    if rerun.one_by_one:
        return prove_alone(made, studied.model, batch, asked[0])
    if may_stack and not trace.asked and stacks(made, studied.model, batch):
        return replace(made, has_dynamic_batch=True, notes=(*made.notes, STACKED))
    return made


def _sites(graph: Graph, trace: Trace) -> tuple[tuple[Site, ...], dict[str, str]]:
    """Name the sites of what was seen, and what can be none, with the reason."""
    raw = RawGraph(
        nodes=graph.nodes,
        inputs=graph.inputs,
        parameters=graph.parameters,
        constants=graph.constants,
        outputs=graph.outputs,
        cost=COST,
        taps=tuple(trace.taps),
        paths=trace.paths,
        has_dynamic_batch=False,
        notes=(),
    )
    sites = name_sites(raw, graph, trace.forms)
    kept = tuple(site for site in sites if _is_reachable(site.node, trace))
    refused = {
        **refused_sites(raw, graph),
        **{site.name: "nothing shows where it is made" for site in sites if site not in kept},
    }
    return kept, refused


def common_sites(captures: Sequence[Capture]) -> list[Capture]:
    """Keep the sites that every batch reaches, in all captures of a subject.

    Args:
        captures: one for each batch.

    Returns:
        The captures with the same sites; the others are refused, with the reason.
    """
    roles = [{site.name: _role(site) for site in one.graph.sites} for one in captures]
    common = set(roles[0].items()).intersection(*(set(role.items()) for role in roles[1:]))
    names = {name for name, _ in common}
    called = [{name for site in one.graph.sites for name in site.names} for one in captures]
    aliases = set.intersection(*called)
    settled = []
    for one in captures:
        lost = [site.name for site in one.graph.sites if site.name not in names]
        kept = tuple(
            replace(site, aliases=tuple(name for name in site.aliases if name in aliases))
            for site in one.graph.sites
            if site.name in names
        )
        refused = {**one.refused, **dict.fromkeys(lost, "not every batch reaches it")}
        settled.append(replace(one, graph=replace(one.graph, sites=kept), refused=refused))
    return settled


def _role(site: Site) -> tuple[Any, ...]:
    """What must be the same of a site in all batches."""
    return (site.kind, site.axes, site.unit_kind, site.n_units)


def _with_constants(nodes: Sequence[Node], constants: dict[str, object]) -> list[Node]:
    """The nodes, those that hold constants as placeholders."""
    return [
        replace(node, operation=None, arguments=()) if node.name in constants else node
        for node in nodes
    ]


def _settle_strangers(forward: Forward, leaves: list[Any], trace: Trace) -> dict[str, object]:
    """Tell constants from what was made out of sight: they are the same in another run."""
    if not trace.strangers:
        return {}
    again = watch(forward, leaves)
    same = {id(tensor) for tensor in again.strangers.values()}
    constants: dict[str, object] = {
        name: tensor for name, tensor in trace.strangers.items() if id(tensor) in same
    }
    for name in constants:
        del trace.strangers[name]
        trace.places.pop(name, None)
    return constants


def _graph(
    studied: Studied, batch: tuple[Any, Any], trace: Trace, constants: dict[str, object]
) -> Graph:
    """Put what was seen, the targets and the cost together."""
    target = pytree.tree_leaves(batch[1])
    targets = [f"target_{number}" for number in range(len(target))]
    given = [
        Node(name, None, folding="tile", example_axis=0)
        for name, leaf in zip(targets, target, strict=True)
        if isinstance(leaf, Tensor)
    ]
    rest = [Node(name, None) for name in targets if name not in {node.name for node in given}]
    cost = ReadCost(studied.cost, trace.output, batch[1])
    read = [name for name, is_read in zip(trace.outputs, cost.is_read, strict=True) if is_read]
    arguments = tuple(Ref(name) for name in (*read, *(node.name for node in given)))
    nodes = (
        *given,
        *rest,
        *trace.nodes,
        Node(COST, cost, arguments, folding="tile", example_axis=0),
    )
    inputs = (*trace.inputs, *targets)
    bare = Graph(nodes, inputs, trace.parameters, constants, tuple(trace.outputs), COST)
    needed = bare.upstream([COST, *trace.outputs])
    kept = tuple(node for node in nodes if node.name in needed or node.operation is None)
    return replace(bare, nodes=kept)


def _asked(trace: Trace, sites: Sequence[Site]) -> list[str]:
    """The lines that ask for numbers which a demon at one of the sites can change."""
    below = {site.node for site in sites}
    for node in trace.nodes:  # those included that the cost does not need
        if not below.isdisjoint(node.inputs):
            below.add(node.name)
    return [line for name, line in trace.asked.items() if name in below or trace.strangers]


def _is_reachable(name: str, trace: Trace) -> bool:
    """Whether another value can be put at a node."""
    return name in trace.places or name in trace.inputs


@contextlib.contextmanager
def _explained(model: nn.Module) -> Iterator[None]:
    """Say where a model failed under watch."""
    try:
        yield
    except NeurodemonError:
        raise
    except Exception as error:
        line = user_line(error.__traceback__)
        raise CaptureError(
            f"{type(model).__name__} runs by itself and fails under hooks"
            f"{f' at {line}' if line else ''}: {type(error).__name__}: {error} Expected a "
            "forward pass in plain torch on one thread. Report this model."
        ) from error
