"""Find the example axes of what was seen in a run: by other runs, with other examples."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from neurodemon.graph.node import Node
from neurodemon.tracing.axes import SIZES, Forms, fold, freeze
from neurodemon.tracing.capture import other_content
from neurodemon.tracing.hooking import Forward
from neurodemon.tracing.leaves import count_examples, map_tensors, take_examples
from neurodemon.tracing.watching import Trace, watch


def with_example_axes(forward: Forward, batch: tuple[Any, Any], trace: Trace) -> tuple[Node, ...]:
    """Find the example axis of each node's value: by other sizes, else by one other example.

    Args:
        forward: the model.
        batch: inputs and target.
        trace: what was seen of the batch.

    Returns:
        The nodes, those tiled along their example axis that have one.
    """
    nodes = _by_sizes(forward, batch, trace) or _by_change(forward, batch, trace)
    return tuple(
        replace(node, folding="constant" if node.example_axis is None else "tile") for node in nodes
    )


def _by_sizes(forward: Forward, batch: tuple[Any, Any], trace: Trace) -> tuple[Node, ...] | None:
    """By running 3 and 5 examples; None where that takes another way through the model."""
    count = count_examples(batch)
    for first in (count, 1):  # examples in turn, or the first one alone again and again
        found = []
        for size in SIZES:
            rows = torch.arange(size) % first
            seen = _watch_other(forward, take_examples(batch[0], rows))
            if seen is None or seen.calls != trace.calls:
                break
            found.append(seen.forms)
        else:
            return fold(trace.nodes, trace.inputs, Forms(*found))
    return None


def _by_change(forward: Forward, batch: tuple[Any, Any], trace: Trace) -> tuple[Node, ...]:
    """By changing the first example, as far as the model goes the same way."""
    best: dict[str, Any] = {}
    for other in (other_content(batch)[0], map_tensors(_slightly, batch[0])):
        seen = _watch_other(forward, other)
        if seen is None:
            continue
        n_same = _n_same(seen.calls, trace.calls)
        known = {
            name: value
            for name, value in seen.values.items()
            if name not in trace.places or (trace.places[name].call or 0) < n_same
        }
        best = max(best, known, key=len)
        if seen.calls == trace.calls:
            break
    return freeze(trace.nodes, trace.values, best, count_examples(batch))


def _slightly(leaf: Tensor) -> Tensor:
    """A tensor whose first example is a little other."""
    changed = leaf.clone()
    if leaf.is_floating_point():
        changed[0] = changed[0] * (1 + 1 / 64)
    return changed


def _watch_other(forward: Forward, inputs: Any) -> Trace | None:
    """Watch a run on other inputs; None where the model will not take them."""
    with contextlib.suppress(RuntimeError, ValueError, TypeError, LookupError, AssertionError):
        return watch(forward, pytree.tree_leaves(inputs))
    return None


def _n_same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many calls two runs have in common from their start."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
