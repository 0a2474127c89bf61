"""Softmax cross-entropy: where a change of logits ends, without a difference of costs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import (
    CLASSES,
    DENSE,
    Carried,
    Change,
    Changes,
    Form,
    Way,
    Window,
    single,
)
from neurodemon.engine.formulas import entropy_change
from neurodemon.graph.node import Node, Ref

MOST_CLASSES = 128  # of a cost whose logits are kept class by class
DEFAULTS = (None, 1, -100, 0.0)  # torch's own: weight, reduction (mean), ignored, smoothing


def feeds_entropy(way: Way, node: Node) -> bool:
    """Whether a node's only reader is a cost that takes its changes class by class."""
    value, readers = way.value(node.name), way.readers(node.name)
    is_small = value.ndim == 2 and value.shape[1] <= MOST_CLASSES
    return is_small and len(readers) == 1 and _is_plain(way, readers[0])


def entropy(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Carry a change of logits to the cost of class numbers, one for each example or place."""
    (name, *_), (form, *_) = way.varying(node), forms
    value, is_folded = way.value(name), form.is_folded
    is_fit = _is_plain(way, node) and way.reads_first(node) and value.ndim > 1
    if not is_fit or form.kind not in {"dense", "classes"}:
        return None
    target, _, _, ignored, _ = _settings(way, node)
    axis = value.ndim if is_folded else 1  # of the classes, examples and positions taken apart

    def apart(one: Tensor) -> Tensor:
        return one.reshape(way.recording.n_examples, -1, *one.shape[1:]) if is_folded else one

    def parts() -> tuple[Tensor, Tensor]:
        logits = apart(value)
        p = torch.empty_like(logits)
        for example, own in enumerate(logits):  # in float64 there may be no room for all at once
            p[example] = torch.softmax(own.double(), axis - 1)
        return p, apart(target.where(target != ignored, -1))

    def clean(window: Window) -> Tensor:
        return window.of(apart(value)).double().movedim(axis + 1, 0)

    def run(window: Window, changes: Changes) -> Change:
        p, own = map(window.of, way.once(("entropy", node.name), parts))
        change = single(changes)
        change = change if form == CLASSES else change.movedim(axis + 1, 0)
        return entropy_change(p.movedim(axis + 1, 0), own, change, lambda: clean(window))

    return replace(DENSE, is_folded=is_folded), run


def _is_plain(way: Way, node: Node) -> bool:
    """Whether a node is the cross-entropy of class numbers, unweighted, one for each place."""
    if node.operation_name != "cross_entropy_loss" or not isinstance(node.arguments[1], Ref):
        return False
    target, weight, reduction, _, smoothing = _settings(way, node)
    is_of_numbers = not target.is_floating_point()
    return bool(is_of_numbers and weight is None and reduction == 0 and smoothing == 0)


def _settings(way: Way, node: Node) -> tuple[Any, ...]:
    """What follows the logits: target, weight, reduction, ignored class, label smoothing."""
    given = way.rest(node, 1)
    return (*given, *DEFAULTS[len(given) - 1 :])
