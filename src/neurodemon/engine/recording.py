"""A recording: what one clean pass over a batch leaves behind."""

import weakref
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass, find_tiles, fold_values
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.terms.shapes import Float

FORBIDDEN = 1e4  # so far below the largest of an output, a softmax gives a weight of 0
# τ0 = 4·u·max(1, |values the cost is made of|) per example, u the unit roundoff: theory.md §5
FLOOR_IN_ROUNDOFFS = 4.0


@dataclass(frozen=True, eq=False)
class Recording:
    """One clean pass over a batch.

    Attributes:
        graph: what was run.
        values: the value of every node, placeholders included.
        cost: per example.
        noise_floor: per example; effects below about three times this are rounding.
        can_fold: whether the graph runs at any number of examples.
        kept: what was made of the values once, for passes to come.
    """

    graph: Graph
    values: Mapping[str, Any]
    cost: Float[Tensor, " example"]
    noise_floor: Float[Tensor, " example"]
    can_fold: bool
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def n_examples(self) -> int:
        """The number of examples in the batch."""
        return int(self.cost.shape[0])

    @property
    def is_alone(self) -> bool:
        """Whether passes hold one example each: a branch of the model may read the batch."""
        return self.graph.whole is not None and self.graph.whole.one_by_one

    @cached_property
    def tiles(self) -> frozenset[str]:
        """Nodes that may be tiled, by proof, though the rules alone would compute them again."""
        if not self.can_fold or self.graph.whole is not None:
            return frozenset()
        return find_tiles(self.graph, self.values, self.n_examples)

    def fold(self, names: Iterable[str], shape: Pass) -> dict[str, Any]:
        """Give recorded values as they are for the rows of a pass.

        Args:
            names: the nodes whose values to give.
            shape: the pass.

        Returns:
            The values by name: as recorded, tiled, or computed again at the folded size.
        """
        if shape == Pass(0, self.n_examples, 1):
            return {name: self.values[name] for name in names}
        return fold_values(self.graph, self.values, names, shape, self.tiles)

    @property
    def n_bytes(self) -> int:
        """Memory held by values and what was made of them, shared storages counted once."""
        kept = [
            part
            for own in self.kept.values()
            for part in (own if isinstance(own, tuple) else (own,))
        ]
        storages = {
            value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
            for value in (*self.values.values(), *kept)
            if isinstance(value, Tensor)
        }
        return sum(storages.values())


def weakly(recording: Recording) -> Recording:
    """Refer to a recording without holding it.

    What a recording keeps looks back at it: held, it would live on when it is let go, gigabytes
    of it, until the garbage is collected.

    Args:
        recording: the recording.

    Returns:
        A proxy of it, which is of use as long as it lives.
    """
    if type(recording) in weakref.ProxyTypes:
        return recording
    return cast("Recording", weakref.proxy(recording))


def record(graph: Graph, values: Mapping[str, Any], *, can_fold: bool = True) -> Recording:
    """Run the graph once, without gradients, and keep every value.

    Args:
        graph: the captured graph.
        values: the value of every placeholder.
        can_fold: whether the graph runs at any number of examples.

    Returns:
        The recording.
    """
    given = values
    needed = graph.upstream([graph.cost, *graph.outputs])
    nodes = [node for node in graph.nodes if node.name in needed]
    if graph.whole is not None:
        given, nodes = graph.whole.record(values), list(graph.cost_nodes)
    with torch.no_grad():
        found = evaluate(nodes, given, wanted=[node.name for node in nodes])
    found = found if graph.whole is None else {**given, **found}
    cost = found[graph.cost]
    return Recording(graph, found, cost, _noise_floor(graph, found, cost), can_fold)


def _noise_floor(graph: Graph, values: Mapping[str, Any], cost: Tensor) -> Tensor:
    """The rounding of the cost per example, from the lowest precision on the way to it."""
    below = graph.downstream(graph.inputs) | {graph.cost}
    dtypes = {
        values[name].dtype
        for name in below & values.keys()
        if isinstance(values[name], Tensor) and values[name].is_floating_point()
    }
    roundoff = max(torch.finfo(dtype).eps for dtype in dtypes) / 2
    scale = cost.double().abs().clamp(min=1.0)
    for name in graph.outputs:
        output = values[name]
        is_ours = output.is_floating_point() and graph[name].example_axis == 0
        if is_ours and name in graph.upstream([graph.cost]) and output.numel():
            largest = _seen(graph, values, name).abs().reshape(len(cost), -1).amax(1)
            scale = torch.maximum(scale, largest)
    return FLOOR_IN_ROUNDOFFS * roundoff * scale


def _seen(graph: Graph, values: Mapping[str, Any], name: str) -> Tensor:
    """An output in float64; 0 in place of forbidden classes, of which the cost sees nothing."""
    output: Tensor = values[name]
    cone = graph.below(name)
    is_last = graph.whole is None or graph.in_model.isdisjoint(node.name for node in cone)
    if output.ndim < 2 or not is_last:
        return output.double()
    is_deep = output < output.amax(-1, keepdim=True) - FORBIDDEN
    if not bool(is_deep.any()):
        return output.double()
    other = output.where(~is_deep, output / 2).clamp(min=torch.finfo(output.dtype).min / 2)
    made = {node.name for node in cone}
    given = {one: value for one, value in values.items() if one not in made}
    with torch.no_grad():
        again = evaluate(cone, {**given, name: other}, wanted=[graph.cost])[graph.cost]
    is_unseen = is_deep & bool(torch.equal(again, values[graph.cost]))
    return output.double().masked_fill(is_unseen, 0)
