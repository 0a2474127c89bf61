"""Softmax cross-entropy: where a change of logits ends, without a difference of costs."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

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
    """Carry a change of logits to the cost of class numbers, one for each example."""
    (name, *_), (form, *_) = way.varying(node), forms
    is_fit = _is_plain(way, node) and way.reads_first(node) and way.value(name).ndim == 2
    if not is_fit or form not in {DENSE, CLASSES}:
        return None
    target, _, _, ignored, _ = _settings(way, node)

    def parts() -> tuple[Tensor, Tensor]:
        logits, is_counted = way.value(name).double(), target != ignored
        one_hot = functional.one_hot(target.where(is_counted, 0), logits.shape[1])
        return logits, (one_hot * is_counted.unsqueeze(1)).double()

    def run(window: Window, changes: Changes) -> Change:
        logits, own = (
            window.of(part).movedim(2, 0) for part in way.once(("entropy", node.name), parts)
        )
        change = single(changes)
        return entropy_change(logits, own, change if form == CLASSES else change.movedim(2, 0))

    return DENSE, run


def _is_plain(way: Way, node: Node) -> bool:
    """Whether a node is the cross-entropy of class numbers, unweighted, one for each example."""
    if node.operation_name != "cross_entropy_loss" or not isinstance(node.arguments[1], Ref):
        return False
    target, weight, reduction, _, smoothing = _settings(way, node)
    is_of_numbers = not target.is_floating_point() and target.ndim == 1
    return bool(is_of_numbers and weight is None and reduction == 0 and smoothing == 0)


def _settings(way: Way, node: Node) -> tuple[Any, ...]:
    """What follows the logits: target, weight, reduction, ignored class, label smoothing."""
    given = way.rest(node, 1)
    return (*given, *DEFAULTS[len(given) - 1 :])
