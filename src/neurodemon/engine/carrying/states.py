"""What has no rule of its own, but few numbers: run on states in float64, and subtracted.

The end of many costs: a cosine, a norm, a loss of outputs. Digits are kept, since float64 has
them to spare, and it takes little, since no positions are left.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import DENSE, Carried, Changes, Form, Way, Window
from neurodemon.engine.folding import Pass, tile
from neurodemon.graph.node import Node, fill

MOST_AXES = 2  # of what is run so: examples and features
CASTS = {"_to_copy"}  # may round what is to keep its digits


def by_states(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Any operation that works on each example by itself, on values without positions."""
    names, operation = way.varying(node), node.operation
    if operation is None or getattr(operation, "namespace", "") != "aten":  # not torch's own
        return None
    others = [name for name in node.inputs if name not in way.forms]
    values = [way.recording.values[name] for name in (*names, node.name)]
    is_small = all(isinstance(one, Tensor) and 1 <= one.ndim <= MOST_AXES for one in values)
    is_known = set(forms) == {DENSE} and all(_is_given(way, name) for name in others)
    if not (is_small and is_known and way.recording.can_fold) or node.operation_name in CASTS:
        return None

    def evaluate(shape: Pass, moved: dict[str, Tensor]) -> Tensor:
        given = {name: _double(_tiled(way, name, shape)) for name in others}
        keywords = fill(dict(node.keywords or {}), given | moved)
        found: Tensor = operation(*fill(node.arguments, given | moved), **keywords)
        return found

    def run(window: Window, changes: Changes) -> Tensor:
        own = dict(zip(names, (one for one in changes if isinstance(one, Tensor)), strict=True))
        clean = {name: window.of(way.value(name)).double() for name in names}
        moved = {name: (clean[name] + one.double()).flatten(0, 1) for name, one in own.items()}
        shape, size = window.shape, next(iter(own.values())).shape[:2]
        before_at = {name: value.flatten(0, 1) for name, value in clean.items()}
        after = evaluate(shape, moved)
        before = evaluate(shape if shape.picks else replace(shape, rows=1), before_at)
        rest = after.shape[1:]
        found = after.reshape(*size, *rest) - before.reshape(*clean[names[0]].shape[:2], *rest)
        is_still = torch.stack([(one == 0).reshape(*size, -1).all(2) for one in own.values()])
        found = found.masked_fill_(is_still.all(0).reshape(*size, *[1] * len(rest)), 0)
        return found.to(next(iter(own.values())).dtype)

    return DENSE, run


def _is_given(way: Way, name: str) -> bool:
    """Whether a value that does not change is known for passes of any size."""
    node = way.recording.graph[name]
    if node.example_axis is not None:
        return node.folding == "tile" or name in way.recording.tiles or node.operation is None
    return node.folding == "constant"


def _tiled(way: Way, name: str, shape: Pass) -> Any:
    """A value that does not change, for the rows of a pass."""
    return tile(way.recording.values[name], way.recording.graph[name].example_axis, shape)


def _double(value: Any) -> Any:
    """Numbers in float64; anything else as it is."""
    is_number = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if is_number else value
