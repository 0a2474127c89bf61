"""Which axis of a value holds the examples, and how the value follows when rows are folded.

The graph is run at two batch sizes: the axis that changes from one size to the other is the
example axis. Index arithmetic (`arange` over the batch), mixed axes and all below them
cannot be tiled row by row; they are marked to be computed again at the folded size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.node import Folding, Node
from neurodemon.tracing.operations import SHAPING

SIZES = (3, 5)  # numbers of examples that no axis of a value changes between by chance

Shape = tuple[int, ...]
Form = Shape | int | float | bool | None  # of a tensor, of a number, of anything else


@dataclass(frozen=True)
class Forms:
    """The form of each node's value at the two batch sizes of `SIZES`, and the batch's own."""

    small: Mapping[str, Form]
    large: Mapping[str, Form]


def trace_forms(nodes: Sequence[Node], values: Mapping[str, Any]) -> dict[str, Form]:
    """Run the nodes on given values and note the form of each value."""
    forms = {name: _form(value) for name, value in values.items()}

    def note(name: str, value: Any) -> Any:
        forms[name] = _form(value)
        return value

    with torch.no_grad():
        evaluate(nodes, values, wanted=(), observe=note)
    return forms


def run_all(nodes: Sequence[Node], values: Mapping[str, Any]) -> dict[str, Any]:
    """Run the nodes on given values and keep every value."""
    with torch.no_grad():
        return evaluate(nodes, values, wanted=[node.name for node in nodes])


def fold(nodes: Sequence[Node], inputs: Sequence[str], forms: Forms) -> tuple[Node, ...]:
    """Mark each node with its example axis and how it folds.

    Args:
        nodes: in running order.
        inputs: the placeholders of the batch.
        forms: from `trace_forms`, at both sizes.

    Returns:
        The nodes with `folding` and `example_axis` set.
    """
    below, tainted, counts = set(inputs), set[str](), set[str]()
    folded = []
    for node in nodes:
        small, large = forms.small.get(node.name), forms.large.get(node.name)
        depends = node.name in below or any(name in below for name in node.inputs)
        if depends:
            below.add(node.name)
        axis = _changing_axis(small, large)
        if isinstance(small, (int, float)) and small != large:
            counts.add(node.name)
        elif depends and _is_tainted(node, (small, large), axis, counts, tainted):
            tainted.add(node.name)
        is_tile = axis is not None and node.name not in tainted
        is_given = node.operation is None
        folding: Folding = (
            "tile" if is_tile else "recompute" if depends and not is_given else "constant"
        )
        folded.append(replace(node, folding=folding, example_axis=axis))
    return tuple(folded)


def freeze(
    nodes: Sequence[Node], base: Mapping[str, Any], changed: Mapping[str, Any], size: int
) -> tuple[Node, ...]:
    """Mark the example axis where the batch has one fixed size: by changing one example.

    Args:
        nodes: in running order.
        base: the value of every node for a batch.
        changed: the same with other content in the first example alone.
        size: the number of examples.

    Returns:
        The nodes with `example_axis` set where the values change in one place of one axis.
    """
    return tuple(
        replace(node, example_axis=axis, folding="recompute") if axis is not None else node
        for node in nodes
        for axis in [_axis_of_change(base.get(node.name), changed.get(node.name), size)]
    )


def _axis_of_change(one: Any, other: Any, size: int) -> int | None:
    """The axis of the batch's size along which two values differ in the first place alone."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return None
    differs = one != other
    if not bool(differs.any()):
        return None
    for axis, length in enumerate(one.shape):
        if length == size and not bool(differs.narrow(axis, 1, size - 1).any()):
            return axis
    return None


def _is_tainted(
    node: Node,
    forms: tuple[Form, Form],
    axis: int | None,
    counts: set[str],
    tainted: set[str],
) -> bool:
    """Whether tiling a value along its example axis could give wrong content."""
    if any(name in tainted for name in node.inputs):
        return True
    is_shaping = node.operation_name in SHAPING
    if any(name in counts for name in node.inputs) and not is_shaping:
        return True
    if torch.Tag.dynamic_output_shape in getattr(node.operation, "tags", ()):
        return True
    return isinstance(forms[0], tuple) and axis is None and not is_shaping  # mixes examples


def _changing_axis(small: Form, large: Form) -> int | None:
    """The one axis that holds the examples: it changes just as the batch does."""
    if not isinstance(small, tuple) or not isinstance(large, tuple) or len(small) != len(large):
        return None
    changing = [
        axis for axis, pair in enumerate(zip(small, large, strict=True)) if pair[0] != pair[1]
    ]
    is_pure = len(changing) == 1 and (small[changing[0]], large[changing[0]]) == SIZES
    return changing[0] if is_pure else None


def _form(value: Any) -> Form:
    """The form of a value: a tensor's shape, a number itself."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    return value if isinstance(value, (int, float, bool)) else None
