"""Capture a model and its cost as a graph by `torch.export`.

The export is made with a dynamic number of examples and freed of in-place operations, which
would overwrite a recorded z. Fallbacks, in order: a cost that cannot be exported becomes one
opaque operation; a model that freezes its batch size is captured for that size alone.
Source: DESIGN §4, "What a spike of this engine taught".
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from neurodemon.errors import CaptureError
from neurodemon.graph.node import Node, Ref
from neurodemon.tracing.leaves import at_least_two, map_tensors
from neurodemon.tracing.model_state import Call, notes_of_call
from neurodemon.tracing.modules import plain_path
from neurodemon.tracing.operations import aten, runnable
from neurodemon.tracing.settled import is_settled, spell
from neurodemon.tracing.wrapping import Cost, Costed, OpaqueCost, Tap

FIXED = "The model or its cost fixes the batch size: rows are replayed one at a time."
COST = "neurodemon_cost"  # the node of a cost that was not captured itself


@dataclass(frozen=True)
class RawGraph:
    """What an export says, before sites are named and axes are known.

    Attributes:
        nodes: in running order.
        inputs: placeholders of the batch: the tensors and constants of inputs, then target.
        parameters: placeholder → name in the model.
        constants: placeholder → value.
        outputs: nodes of the tensors the model returns.
        cost: the node of the cost.
        taps: what was seen at modules, with the node of each.
        paths: node → path of the module whose code it came from.
        has_dynamic_batch: False if the graph holds for one batch size only.
        notes: what the user should know of this capture.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    parameters: dict[str, str]
    constants: dict[str, object]
    outputs: tuple[str, ...]
    cost: str
    taps: tuple[tuple[Tap, str], ...]
    paths: dict[str, str]
    has_dynamic_batch: bool
    notes: tuple[str, ...]


def export_raw(model: nn.Module, batch: tuple[Any, Any], *, call: Call, cost: Cost) -> RawGraph:
    """Export a model with its cost, by the first way that works.

    Args:
        model: the user's model, held still by `studied`.
        batch: inputs and target.
        call: how to call the model.
        cost: the cost per example.

    Returns:
        The graph as exported.

    Raises:
        CaptureError: no way works; the message holds the reason of the first.
    """
    reasons: list[Exception] = []
    for with_cost, is_dynamic in ((True, True), (False, True), (True, False), (False, False)):
        costed = Costed(model, call, cost, has_cost=with_cost)
        costed.training = model.training
        try:
            program = _export(costed, batch, is_dynamic=is_dynamic)
        # torch.export raises whatever the user's code and its own passes raise
        except Exception as error:  # noqa: BLE001
            reasons.append(error)
            continue
        raw = _read(program, costed, batch[1], is_dynamic=is_dynamic)
        return replace(raw, notes=(*notes_of_call(model, batch[0], call), *raw.notes))
    raise CaptureError(
        f"torch.export could not capture {type(model).__name__}: {_first_lines(reasons[0])} "
        "Expected a forward pass without branches on tensor values. Rewrite the branch with "
        "torch.where, or study the part of the model that has none."
    ) from reasons[0]


def _export(
    costed: Costed, batch: tuple[Any, Any], *, is_dynamic: bool
) -> torch.export.ExportedProgram:
    """Export in one particular way, free of in-place operations."""
    # Clones: a tensor that stands in a batch twice would become one placeholder.
    example = map_tensors(Tensor.clone, at_least_two(batch) if is_dynamic else batch)
    shapes = pytree.tree_map(_dynamic_axes, example) if is_dynamic else None
    with _quiet():
        program = torch.export.export(costed, example, dynamic_shapes=shapes, strict=False)
        is_training = any(module.training for module in costed.modules())
        if is_settled(program, is_training=is_training):
            return program
        decomposed: torch.export.ExportedProgram = program.run_decompositions({})
    return decomposed


_BATCH = torch.export.Dim("batch")


def _dynamic_axes(leaf: Any) -> Any:
    """Say which axes of a leaf may change: the examples, and the rest as export sees fit."""
    if not isinstance(leaf, Tensor):
        return None
    rest = {axis: torch.export.Dim.AUTO for axis in range(1, leaf.ndim) if leaf.shape[axis] > 1}
    return {0: _BATCH, **rest}


def _read(
    program: torch.export.ExportedProgram,
    costed: Costed,
    target: Any,
    *,
    is_dynamic: bool,
) -> RawGraph:
    """Turn an exported program into our nodes."""
    fx_nodes = list(program.graph_module.graph.nodes)
    constants: dict[str, object] = {
        node.name: _attribute(program.graph_module, str(node.target))
        for node in fx_nodes
        if node.op == "get_attr"
    }
    inputs, parameters = _placeholders(program, constants)
    returned = [
        spec.arg.name
        for spec in program.graph_signature.output_specs
        if spec.kind is OutputKind.USER_OUTPUT
    ]
    nodes = [_node(node) for node in fx_nodes if node.op != "output"]
    notes: tuple[str, ...] = ()
    seen = costed.seen
    if not costed.has_cost:
        nodes.append(_opaque_cost(costed, target, returned, inputs))
        returned.insert(0, COST)
        notes = ("The cost could not be captured and is called as it is.",)
    clones = {node.name: node for node in nodes if _is_clone(node)}
    outputs = tuple(returned[1 : 1 + seen.n_outputs])
    taps = [
        (tap, clones[name].inputs[0])
        for tap, name in zip(seen.taps, returned[1 + seen.n_outputs :], strict=True)
        if name in clones
    ]
    if not is_dynamic:
        notes += (FIXED,)
    return RawGraph(
        nodes=tuple(nodes),
        inputs=tuple(inputs),
        parameters=parameters,
        constants=constants,
        outputs=outputs,
        cost=returned[0],
        taps=tuple(taps),
        paths={node.name: _path(node) for node in fx_nodes},
        has_dynamic_batch=is_dynamic,
        notes=notes,
    )


def _placeholders(
    program: torch.export.ExportedProgram, constants: dict[str, object]
) -> tuple[list[str], dict[str, str]]:
    """Sort the placeholders: those of the batch, and those of weights; note the constants."""
    inputs, parameters = [], {}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.USER_INPUT:
            inputs.append(spec.arg.name)
        elif spec.kind in {InputKind.PARAMETER, InputKind.BUFFER}:
            parameters[spec.arg.name] = str(spec.target).removeprefix("model.")
        else:
            constants[spec.arg.name] = program.constants[str(spec.target)]
    return inputs, parameters


def _node(node: fx.Node) -> Node:
    """Turn one node of torch.fx into ours."""
    if node.op != "call_function":
        return Node(node.name, None)
    target, arguments, keywords = spell(node)
    return Node(node.name, runnable(target), _plain(arguments), _plain(keywords))


def _plain(argument: Any) -> Any:
    """Turn arguments of torch.fx into ours, in plain tuples, lists and dicts."""
    if isinstance(argument, fx.Node):
        return Ref(argument.name)
    if isinstance(argument, tuple):
        return tuple(_plain(part) for part in argument)
    if isinstance(argument, list):
        return [_plain(part) for part in argument]
    if isinstance(argument, dict):
        return {key: _plain(part) for key, part in argument.items()}
    return argument


def _opaque_cost(costed: Costed, target: Any, returned: list[str], inputs: list[str]) -> Node:
    """Make the node that calls the user's cost as it is."""
    leaves = pytree.tree_leaves(target)
    names = inputs[len(inputs) - len(leaves) :]
    targets = [name for name, leaf in zip(names, leaves, strict=True) if isinstance(leaf, Tensor)]
    arguments = tuple(Ref(name) for name in (*returned[: costed.seen.n_outputs], *targets))
    return Node(COST, OpaqueCost(costed.cost, costed.seen, target), arguments)


def _is_clone(node: Node) -> bool:
    """Whether a node is a clone of another node's value."""
    return node.operation is aten.clone.default and bool(node.inputs)


def _path(node: fx.Node) -> str:
    """The path of the innermost module whose code a node came from."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(entry[0]) for entry in stack.values()]
    path = paths[-1] if paths else ""
    return plain_path(path.partition("@")[0].removeprefix("model").removeprefix("."))


def _attribute(module: Any, target: str) -> object:
    """Follow a dotted name from a module to its attribute."""
    for part in target.split("."):
        module = getattr(module, part)
    return module


def _first_lines(error: Exception) -> str:
    """The first lines of an error that say something, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's own warnings and log lines about exporting from the user."""
    is_disabled = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            logging.disable(logging.CRITICAL)
            yield
        finally:
            logging.disable(is_disabled)
