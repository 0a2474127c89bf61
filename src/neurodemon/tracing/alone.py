"""Prove how a model that runs as a whole may be run: example by example, or rows stacked."""

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from neurodemon.errors import CouplingError, NeurodemonError
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.tracing.capture import Capture, bind
from neurodemon.tracing.exported import COST
from neurodemon.tracing.leaves import count_examples, take_examples
from neurodemon.tracing.rerunning import Rerun

TOLERANCE_IN_ROUNDOFFS = 256.0  # relative to the largest; an example alone takes other kernels
ALONE = "A branch of the model reads numbers: each example is run by itself."


def prove_alone(made: Capture, model: nn.Module, batch: tuple[Any, Any], line: str) -> Capture:
    """Prove that each example alone costs what it costs in its batch.

    Args:
        made: the capture of a batch.
        model: the model.
        batch: inputs and target.
        line: of the user's own that asks for numbers.

    Returns:
        The capture; sites at which an example alone differs are refused.

    Raises:
        CouplingError: an example alone costs something else.
    """
    graph = made.graph
    whole = _values(graph, model, batch)
    refused: dict[str, str] = {}
    for place in range(count_examples(batch)):
        alone = _values(graph, model, take_examples(batch, torch.tensor([place])))
        expected = whole[COST][place]
        off = float((alone[COST][0] - expected).abs())
        if not off <= _limit(whole[COST]):
            raise CouplingError(
                f"Example {place} alone costs {float(alone[COST][0]):.4g}, in its batch "
                f"{float(expected):.4g}: a branch of the model (at {line}) reads numbers of the "
                "whole batch. Expected the same cost: pass batches of one example."
            )
        for site in graph.sites:
            value = alone.get(site.node)
            axis = site.axes.index("example")
            own = whole[site.node].narrow(axis, place, 1)
            if value is None or value.shape != own.shape or not _near(value, own):
                refused[site.name] = "an example alone does not reach it as in its batch"
    sites = tuple(site for site in graph.sites if site.name not in refused)
    return replace(
        made,
        graph=replace(graph, sites=sites),
        refused={**made.refused, **refused},
        notes=(*made.notes, ALONE),
    )


def stacks(made: Capture, model: nn.Module, batch: tuple[Any, Any]) -> bool:
    """Probe whether two copies of a batch, stacked, give its numbers twice, at every site.

    Args:
        made: the capture of a batch.
        model: the model.
        batch: inputs and target.

    Returns:
        Whether they do.
    """
    rows = torch.arange(count_examples(batch)).repeat(2)
    try:
        one = _values(made.graph, model, batch)
        two = _values(made.graph, model, take_examples(batch, rows))
    except (RuntimeError, ValueError, LookupError, NeurodemonError):
        return False
    axes = {COST: 0, **{site.node: site.axes.index("example") for site in made.graph.sites}}
    return all(
        name in two
        and two[name].ndim == one[name].ndim
        and two[name].shape[axis] == len(rows)
        and _near(two[name], torch.cat([one[name], one[name]], axis))
        for name, axis in axes.items()
    )


def _values(graph: Graph, model: nn.Module, batch: tuple[Any, Any]) -> dict[str, Any]:
    """The value of every node that a batch reaches, and its cost."""
    found = cast("Rerun", graph.whole).seen(bind(graph, model, batch))
    with torch.no_grad():
        return {**found, **evaluate(graph.cost_nodes, found, wanted=[COST])}


def _near(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same up to the rounding of other kernels."""
    if one.shape != other.shape:
        return False
    off = (one - other).abs()
    return not off.numel() or bool((off <= _limit(other)).all())


def _limit(tensor: Tensor) -> float:
    """How far rounding may bring a tensor."""
    return TOLERANCE_IN_ROUNDOFFS * torch.finfo(tensor.dtype).eps * float(tensor.abs().max())
