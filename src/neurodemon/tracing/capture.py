"""Capture: from a model, a batch and a cost to a finished graph with sites.

One entry for all ways of tracing. What comes out is frozen and holds no values of the batch.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neurodemon.errors import CaptureError
from neurodemon.graph.graph import Graph
from neurodemon.tracing.axes import SIZES, Forms, fold, freeze, run_all, trace_forms
from neurodemon.tracing.exported import FIXED, export_raw
from neurodemon.tracing.leaves import count_examples, map_tensors, take_examples
from neurodemon.tracing.model_state import Call
from neurodemon.tracing.naming import name_sites, refused_sites
from neurodemon.tracing.unflatten import unflatten
from neurodemon.tracing.wrapping import Cost


@dataclass(frozen=True, eq=False)
class Capture:
    """A captured forward pass.

    Attributes:
        graph: the nodes, the sites and the cost.
        has_dynamic_batch: whether the graph holds for any number of examples; if not, it
            holds for `batch_size` alone and rows cannot be folded.
        batch_size: the number of examples it was captured with.
        refused: tensors seen at modules that are no sites, with the reason.
        notes: what the user should know.
        engine: the way of tracing, as the column `engine` shows it.
    """

    graph: Graph
    has_dynamic_batch: bool
    batch_size: int
    refused: Mapping[str, str]
    notes: tuple[str, ...]
    engine: str = "exported"


def capture(model: nn.Module, batch: tuple[Any, Any], *, call: Call, cost: Cost) -> Capture:
    """Capture a model and its cost.

    Args:
        model: the user's model, held still by `studied`.
        batch: inputs and target; examples are axis 0 of every tensor.
        call: how to call the model.
        cost: the cost per example.

    Returns:
        The capture.

    Raises:
        CaptureError: the model cannot be captured.
    """
    raw = export_raw(model, batch, call=call, cost=cost)
    bare = Graph(raw.nodes, raw.inputs, raw.parameters, raw.constants, raw.outputs, raw.cost)
    size = count_examples(batch)
    bare = _needed(bare)
    forms = trace_forms(bare.nodes, bind(bare, model, batch))
    apart, instead = unflatten(bare.nodes, forms)
    bare = _needed(replace(bare, nodes=apart))
    nodes = bare.nodes
    raw = replace(raw, taps=tuple((tap, _read_now(name, bare, instead)) for tap, name in raw.taps))
    forms = trace_forms(nodes, bind(bare, model, batch))
    sizes = _forms_at_sizes(bare, model, batch) if raw.has_dynamic_batch else None
    if sizes is not None:
        nodes = fold(nodes, raw.inputs, sizes)
    else:
        values = run_all(nodes, bind(bare, model, batch))
        nodes = freeze(nodes, values, run_all(nodes, bind(bare, model, other_content(batch))), size)
    graph = replace(bare, nodes=nodes)
    sites = name_sites(raw, graph, forms)
    return Capture(
        graph=replace(graph, sites=sites),
        has_dynamic_batch=sizes is not None,
        batch_size=size,
        refused=refused_sites(raw, graph),
        notes=raw.notes if sizes is not None or not raw.has_dynamic_batch else (*raw.notes, FIXED),
    )


def _needed(graph: Graph) -> Graph:
    """The graph without operations that neither the cost nor the outputs need."""
    needed = graph.upstream([graph.cost, *graph.outputs])
    kept = tuple(node for node in graph.nodes if node.name in needed or node.operation is None)
    return replace(graph, nodes=kept)


def _read_now(name: str, graph: Graph, instead: Mapping[str, str]) -> str:
    """The node that stands for one that is no longer there."""
    return name if name in graph.by_name else instead.get(name, name)


def bind(graph: Graph, model: nn.Module, batch: tuple[Any, Any]) -> dict[str, Any]:
    """Give every placeholder its value: the batch's tensors and the model's present weights.

    Args:
        graph: the captured graph.
        model: the model it was captured from.
        batch: inputs and target, nested as at capture.

    Returns:
        Name → value of all placeholders; weights detached, never copied.

    Raises:
        CaptureError: the batch nests otherwise than at capture.
    """
    leaves = pytree.tree_leaves(batch)
    if len(leaves) != len(graph.inputs):
        raise CaptureError(
            f"A batch has {len(leaves)} parts, the first one had {len(graph.inputs)}; expected "
            "all batches to nest alike. Give each batch the same keys."
        )
    return {
        **graph.constants,
        **{name: _weight(model, target) for name, target in graph.parameters.items()},
        **{name: _tracked(leaf) for name, leaf in zip(graph.inputs, leaves, strict=True)},
    }


def _tracked(leaf: Any) -> Any:
    """A copy of a tensor made in inference mode, which no gradient can pass; others as given."""
    return leaf.clone() if isinstance(leaf, Tensor) and leaf.is_inference() else leaf


def _weight(model: nn.Module, name: str) -> Tensor:
    """Look up a parameter or buffer by its dotted name."""
    path, _, last = name.rpartition(".")
    value = getattr(model.get_submodule(path), last)
    if not isinstance(value, Tensor):
        raise CaptureError(f"The model's {name!r} is {value!r} now; it was a tensor at capture.")
    return value.detach()


def _forms_at_sizes(graph: Graph, model: nn.Module, batch: tuple[Any, Any]) -> Forms | None:
    """Note the form of each value at both sizes, examples repeated; None if it will not run."""
    found = []
    for size in SIZES:
        rows = torch.arange(size) % count_examples(batch)
        try:
            found.append(trace_forms(graph.nodes, bind(graph, model, take_examples(batch, rows))))
        except RuntimeError:  # a cost that holds a tensor of the batch's own size
            return None
    return Forms(*found)


def other_content(batch: tuple[Any, Any]) -> tuple[Any, Any]:
    """The batch with other content in its first example: another's, or its own turned around."""

    def change(leaf: Tensor) -> Tensor:
        changed = leaf.clone()
        changed[0] = leaf[-1].flip(-1) if leaf.ndim > 1 else leaf[-1]
        if leaf.is_floating_point():
            changed[0] = changed[0] / 2 + leaf[0] / 4
        return changed

    return map_tensors(change, batch[0]), batch[1]


def shape_signature(batch: tuple[Any, Any]) -> tuple[tuple[int, ...] | str, ...]:
    """Spell a batch: each tensor's shape without its example axis, each constant."""
    return tuple(
        tuple(leaf.shape[1:]) if isinstance(leaf, Tensor) else _spell_constant(leaf)
        for leaf in pytree.tree_leaves(batch)
    )


def capture_signature(batch: tuple[Any, Any]) -> tuple[Any, ...]:
    """What a capture is for: a batch's signature, and the dtype of each tensor."""
    leaves = pytree.tree_leaves(batch)
    dtypes = tuple(leaf.dtype for leaf in leaves if isinstance(leaf, Tensor))
    return (*shape_signature(batch), *dtypes)


def _spell_constant(leaf: Any) -> str:
    """Spell what is no tensor; of a long array the numbers, which its repr leaves out."""
    if isinstance(leaf, np.ndarray) and not leaf.dtype.hasobject:
        return f"{leaf.dtype}{leaf.shape}{hashlib.blake2b(leaf.tobytes()).hexdigest()}"
    return repr(leaf)
