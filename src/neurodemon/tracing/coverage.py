"""The proof: the captured graph gives the model's own numbers, at every site it names.

Export can go wrong silently (a frozen size, an in-place write, a fast path). So the graph is
run beside the model itself on every batch shape used, and every tensor seen at a module
must be what the graph has there.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurodemon.errors import NondeterminismError, ReplayMismatchError
from neurodemon.graph.graph import Graph
from neurodemon.tracing.capture import Capture
from neurodemon.tracing.model_state import Call, run_model
from neurodemon.tracing.wrapping import Cost, Taps

TOLERANCE_IN_ROUNDOFFS = 256.0  # relative to a tensor's largest value; kernels may differ


@dataclass(frozen=True)
class Parity:
    """How near a graph comes to its model on one batch.

    Attributes:
        n_sites: how many tensors were compared.
        largest: the largest difference, relative to the tensor's largest value.
    """

    n_sites: int
    largest: float


@dataclass(frozen=True, eq=False)
class EagerRun:
    """What the model's own forward gives on one batch.

    Attributes:
        cost: per example.
        sites: what was seen at modules, by name.
    """

    cost: Tensor
    sites: Mapping[str, Tensor]


def run_eagerly(model: nn.Module, batch: tuple[Any, Any], *, call: Call, cost: Cost) -> EagerRun:
    """Run the model itself, with taps on every module and without gradients."""
    with _tapped(model) as taps, torch.no_grad():
        output = run_model(model, batch[0], call)
        costs = cost(output, batch[1])
    seen = {tap.name: value for tap, value in zip(taps.taps, taps.values, strict=True)}
    return EagerRun(costs, seen)


def prove(captured: Capture, values: Mapping[str, Any], eager: EagerRun) -> Parity:
    """Compare the graph's values with the model's own.

    Args:
        captured: the capture.
        values: the value of every node for a batch.
        eager: the model's own run on that batch.

    Returns:
        How near they are.

    Raises:
        ReplayMismatchError: a site, or the cost, differs by more than rounding.
    """
    graph = captured.graph
    nodes = {name: site.node for site in graph.sites for name in site.names}
    pairs = [
        (name, values[node], eager.sites[name])
        for name, node in nodes.items()
        if name in eager.sites
    ]
    differences = [(name, _difference(_like(ours, theirs), theirs)) for name, ours, theirs in pairs]
    differences.append(("the cost", _difference(values[graph.cost], eager.cost)))
    limit = TOLERANCE_IN_ROUNDOFFS * _coarsest(graph, values)
    for name, off in differences:
        if not off <= limit:
            raise ReplayMismatchError(
                f"The captured graph differs from the model at {name!r} by {off:.3g} of its "
                f"largest value; expected at most {limit:.1g}. The model does something that "
                "torch.export does not keep (a frozen size, a value cached on a module). Pass "
                "batches of one shape, or report this model."
            )
    return Parity(len(differences), max(off for _, off in differences))


def require_same_runs(model: nn.Module, first: EagerRun, second: EagerRun) -> None:
    """Raise unless two runs under different random states agree bit for bit.

    Args:
        model: the model, to name its layers that draw at random.
        first: one run.
        second: the same batch again, under another random state.

    Raises:
        NondeterminismError: they differ; the message names the first site and by how much.
    """
    pairs = [
        (name, value, second.sites[name])
        for name, value in first.sites.items()
        if name in second.sites
    ]
    for name, one, other in [*pairs, ("the cost", first.cost, second.cost)]:
        off = _difference(one, other)
        if off > 0:
            raise NondeterminismError(
                f"Two runs on the same batch differ first at {name!r}, by {off:.3g} of its "
                f"largest value; expected no difference.{_random_layers(model)}"
            )


def first_difference(one: EagerRun, other: EagerRun, rows: Tensor, limit: float) -> str | None:
    """Name the first site at which two runs differ on the examples that both hold.

    Args:
        one: a run on a whole batch.
        other: a run in which those examples stand first.
        rows: which examples of the first run those are.
        limit: the largest difference to pass over, relative to the tensor's largest value.

    Returns:
        The site's name; None if there is none.
    """
    for name, value in one.sites.items():
        partner = other.sites.get(name)
        size = one.cost.shape[0]
        if partner is None or value.shape[:1] != (size,) or partner.ndim != value.ndim:
            continue
        if _difference(value[rows], partner[: len(rows)]) > limit:
            return name
    return None


def training_layers(model: nn.Module, words: tuple[str, ...]) -> list[str]:
    """Name the modules in training mode whose class name holds one of the words."""
    return [
        f"{name or type(module).__name__} ({type(module).__name__})"
        for name, module in model.named_modules()
        if module.training and any(word in type(module).__name__ for word in words)
    ]


def _random_layers(model: nn.Module) -> str:
    """Say which layers draw at random in the present mode."""
    layers = training_layers(model, ("Dropout", "DropPath", "StochasticDepth", "GaussianNoise"))
    if not layers:
        return " Make the forward pass deterministic: no random numbers, no state between calls."
    return (
        f" In training mode these layers draw at random: {', '.join(layers[:5])}. Study the "
        "model in evaluation mode: Subject(..., evaluate=True)."
    )


@contextlib.contextmanager
def _tapped(model: nn.Module) -> Iterator[Taps]:
    """Put taps on a model for a while."""
    taps = Taps(model)
    try:
        yield taps
    finally:
        taps.remove()


def _like(ours: Tensor, theirs: Tensor) -> Tensor:
    """Ours, its axes merged as the model has them (`unflatten` keeps them apart)."""
    is_merged = ours.ndim > theirs.ndim and ours.numel() == theirs.numel()
    return ours.reshape(theirs.shape) if is_merged else ours


def _difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest finite value; infinite for other shapes."""
    if ours.shape != theirs.shape:
        return float("inf")
    is_alike = ours.dtype == theirs.dtype
    if not ours.numel() or (is_alike and torch.equal(ours, theirs)):  # far sooner said
        return 0.0
    ours, theirs = ours.double(), theirs.double()
    is_same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    off = torch.where(is_same, torch.zeros_like(ours), (ours - theirs).abs())
    largest = theirs[theirs.isfinite()].abs().max() if bool(theirs.isfinite().any()) else 1.0
    return float(off.max() / max(float(largest), 1e-30))


def _coarsest(graph: Graph, values: Mapping[str, Any]) -> float:
    """The roundoff of the lowest precision among the values."""
    dtypes = {
        values[node.name].dtype
        for node in graph.nodes
        if isinstance(values.get(node.name), Tensor) and values[node.name].is_floating_point()
    }
    return max(torch.finfo(dtype).eps for dtype in dtypes) / 2
