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
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node
from neurodemon.tracing.axes import run_all
from neurodemon.tracing.capture import Capture
from neurodemon.tracing.model_state import Call, run_model
from neurodemon.tracing.wrapping import Cost, OpaqueCost, Take, Tap, Taps

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


def as_run(graph: Graph, values: Mapping[str, Any]) -> EagerRun:
    """A graph's values as the model's own run should see them."""
    seen = {name: values[site.node] for site in graph.sites for name in site.names}
    return EagerRun(values[graph.cost], seen)


class Clones:
    """Take clones, one for all tensors that are alike: modules hand most on as they got them.

    Args:
        like: an earlier run, whose clones are taken where they are the same.
    """

    def __init__(self, like: EagerRun | None = None) -> None:
        self._like: Mapping[str, Tensor] = {} if like is None else like.sites
        self._latest: dict[Any, Tensor] = {}

    def __call__(self, tap: Tap, tensor: Tensor) -> Tensor:
        """Give a clone of a tensor, made now or before."""
        if tensor.layout is not torch.strided or tensor.is_nested:
            return tensor.clone()
        key = (tensor.data_ptr(), tensor.shape, tensor.dtype)
        for made in (self._like.get(tap.name), self._latest.get(key)):
            if made is not None and _is_same(made, tensor):
                return made
        self._latest[key] = tensor.clone()
        return self._latest[key]


def run_eagerly(
    model: nn.Module,
    batch: tuple[Any, Any],
    *,
    call: Call,
    cost: Cost,
    like: EagerRun | None = None,
) -> EagerRun:
    """Run the model itself, with taps on every module and without gradients.

    Args:
        model: what is run.
        batch: inputs and target.
        call: how to call the model.
        cost: the cost per example.
        like: an earlier run; what is the same is held once for both.

    Returns:
        What was seen.
    """
    with _tapped(model, Clones(like)) as taps, torch.no_grad():
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
    beside = _Beside(captured.graph, eager)
    for name, value in values.items():
        beside.see(name, value)
    return beside.judge()


def run_and_prove(captured: Capture, given: Mapping[str, Any], eager: EagerRun) -> Parity:
    """Run a graph beside the model's own run: as `prove`, but no value is held longer than used.

    Where an operation might write into a value that was compared already, all are held.

    Args:
        captured: the capture, of an export.
        given: the value of every placeholder for a batch.
        eager: the model's own run on that batch.

    Returns:
        How near they are.

    Raises:
        ReplayMismatchError: a site, or the cost, differs by more than rounding.
    """
    nodes = captured.graph.nodes
    if not all(_writes_nothing(node) for node in nodes):
        return prove(captured, run_all(nodes, given), eager)
    beside = _Beside(captured.graph, eager)
    for name, value in given.items():
        beside.see(name, value)
    with torch.no_grad():
        evaluate(nodes, given, wanted=(), observe=beside.see)
    return beside.judge()


def _writes_nothing(node: Node) -> bool:
    """Whether an operation is known to write into none of its inputs."""
    operation: Any = node.operation
    if isinstance(operation, torch._ops.OpOverload):  # noqa: SLF001  # has no other name
        schema = operation._schema  # noqa: SLF001  # torch's own description of an operation
        return operation.namespace == "aten" and not schema.is_mutable
    is_copied = isinstance(operation, OpaqueCost)  # which hands on clones
    return operation is None or is_copied or operation.__module__ == "_operator"


class _Beside:
    """A graph's values held against a model's own run, one after the other."""

    def __init__(self, graph: Graph, eager: EagerRun) -> None:
        sites = {
            name: site.node for site in graph.sites for name in site.names if name in eager.sites
        }
        self._nodes = {**sites, "the cost": graph.cost}
        self._own = {**eager.sites, "the cost": eager.cost}
        self._names: dict[str, list[str]] = {}
        for name, node in self._nodes.items():
            self._names.setdefault(node, []).append(name)
        self._off: dict[str, float] = {}
        self._roundoff = 0.0  # of the lowest precision that was seen

    def see(self, node: str, value: Any) -> Any:
        """Compare a node's value with what modules had there; the value is given back."""
        if isinstance(value, Tensor) and value.is_floating_point():
            self._roundoff = max(self._roundoff, torch.finfo(value.dtype).eps / 2)
        for name in self._names.get(node, ()):
            theirs = self._own[name]
            self._off[name] = _difference(_like(value, theirs), theirs)
        return value

    def judge(self) -> Parity:
        """Say how near both are, and raise if anywhere they are not."""
        limit = TOLERANCE_IN_ROUNDOFFS * self._roundoff
        for name in self._nodes:
            off = self._off[name]
            if not off <= limit:
                raise ReplayMismatchError(
                    f"The captured graph differs from the model at {name!r} by {off:.3g} of its "
                    f"largest value; expected at most {limit:.1g}. The model does something that "
                    "torch.export does not keep (a frozen size, a value cached on a module). Pass "
                    "batches of one shape, or report this model."
                )
        return Parity(len(self._off), max(self._off.values()))


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
def _tapped(model: nn.Module, take: Take) -> Iterator[Taps]:
    """Put taps on a model for a while."""
    taps = Taps(model, take)
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
    if not ours.numel() or _is_same(ours, theirs):  # far sooner said
        return 0.0
    ours, theirs = ours.double(), theirs.double()
    is_same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    off = torch.where(is_same, torch.zeros_like(ours), (ours - theirs).abs())
    largest = theirs[theirs.isfinite()].abs().max() if bool(theirs.isfinite().any()) else 1.0
    return float(off.max() / max(float(largest), 1e-30))


def _is_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are of one kind and hold the same numbers, none of them NaN."""
    is_alike = (one.dtype, one.device, one.shape) == (other.dtype, other.device, other.shape)
    return is_alike and torch.equal(one, other)
