"""A tape: a clean pass run again so that gradients can be taken at the values of nodes.

What lies below the sources is computed again from their recorded values; a model that runs only
as a whole is run from its inputs, each example by itself where a branch may read the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.memory import is_about_memory
from neurodemon.engine.recording import Recording
from neurodemon.errors import PredictorError
from neurodemon.graph.evaluate import evaluate


@dataclass(frozen=True, eq=False)
class Tape:
    """Values with their gradients' history.

    Attributes:
        pieces: the values of sources and targets by name: of the whole batch at once, or of
            one run of examples after the other.
        axes: the example axis of each source.
    """

    pieces: tuple[dict[str, Tensor], ...]
    axes: dict[str, int]

    def gradients(
        self,
        sources: Sequence[str],
        target: str,
        *,
        along: Tensor | None = None,
        keep: bool = False,
    ) -> tuple[Tensor, ...]:
        """Differentiate a value's sum, or its part along another.

        Args:
            sources: the nodes at which to differentiate.
            target: the node to differentiate.
            along: of the target's shape: which part of it; its sum, if None.
            keep: whether the tape is needed again.

        Returns:
            One gradient for each source, in its value's layout; 0 where the target does not
            depend on it.

        Raises:
            PredictorError: the target has no gradient.
        """
        parts: list[tuple[Tensor, ...]] = []
        start = 0
        for piece in self.pieces:
            total = piece[target]
            stop = start + len(total)
            own = torch.ones_like(total) if along is None else along[start:stop]
            if not total.requires_grad:
                raise PredictorError(
                    "The cost has no gradient (it was made with argmax, rounding or no_grad); "
                    "expected a differentiable cost. Measure instead: nd.measure(subject, units)."
                )
            values = [piece[name] for name in sources]
            parts.append(_differentiate(total, values, own.reshape(total.shape), keep=keep))
            start = stop
        if len(parts) == 1:
            return parts[0]
        columns = zip(sources, zip(*parts, strict=True), strict=True)
        return tuple(torch.cat(column, self.axes[name]) for name, column in columns)


def _differentiate(
    total: Tensor, values: list[Tensor], along: Tensor, *, keep: bool
) -> tuple[Tensor, ...]:
    """Differentiate; an operation that torch cannot go back through is told in words."""
    try:
        return torch.autograd.grad(total, values, along, retain_graph=keep, materialize_grads=True)
    except RuntimeError as error:
        if is_about_memory(error):
            raise
        raise PredictorError(
            f"The cost has no gradient that torch can take: {str(error).partition(chr(10))[0]} "
            "Expected operations that can be gone back through. Measure instead: "
            "nd.measure(subject, units)."
        ) from error


def make_tape(recording: Recording, sources: Sequence[str], targets: Sequence[str]) -> Tape:
    """Run again what lies below some nodes, so that gradients can be taken at each of them.

    Args:
        recording: the clean pass.
        sources: the nodes at which to differentiate.
        targets: the nodes to differentiate.

    Returns:
        The tape.
    """
    graph = recording.graph
    axes = {name: graph[name].example_axis or 0 for name in sources}
    if graph.whole is None:
        return Tape((_run_below(recording, sources, targets),), axes)
    size = 1 if recording.is_alone else recording.n_examples
    shapes = [Pass(start, start + size, 1) for start in range(0, recording.n_examples, size)]
    pieces = tuple(_run_tapped(recording, shape, sources, targets) for shape in shapes)
    return Tape(pieces, axes)


def _run_below(
    recording: Recording, sources: Sequence[str], targets: Sequence[str]
) -> dict[str, Tensor]:
    """Run the nodes below the sources."""
    graph = recording.graph
    below = graph.downstream(sources)
    needed = graph.upstream(targets)
    nodes = [node for node in graph.nodes if node.name in below and node.name in needed]
    given = {name: value for name, value in recording.values.items() if name not in below}
    own = set(sources)

    def leaf(name: str, value: Any) -> Any:
        """Make a source a leaf where it has no gradient yet: at the start, or behind a detach."""
        is_leaf = name in own and not value.requires_grad
        return value.detach().requires_grad_() if is_leaf else value

    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = {name: leaf(name, given[name]) for name in sources if name in given}
        return evaluate(nodes, {**given, **leaves}, wanted=[*sources, *targets], observe=leaf)


def _run_tapped(
    recording: Recording, shape: Pass, sources: Sequence[str], targets: Sequence[str]
) -> dict[str, Tensor]:
    """Run the model as a whole on the examples of a pass."""
    graph = recording.graph
    nodes = [*graph.whole.tapped(sources), *graph.cost_nodes] if graph.whole else []
    own = {node.name for node in nodes}
    read = {name for node in nodes for name in node.inputs} - own
    given = recording.fold(read | (set(sources) - own), shape)
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = {n: given[n].detach().requires_grad_() for n in sources if n not in own}
        return evaluate(nodes, {**given, **leaves}, wanted=[*sources, *targets])
