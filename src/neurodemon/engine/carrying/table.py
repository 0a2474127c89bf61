"""The table of rules, keyed by operation."""

import torch
from torch import Tensor

from neurodemon.engine.carrying import elementwise, products, shapes
from neurodemon.engine.carrying.entropy import entropy
from neurodemon.engine.carrying.forms import (
    PRODUCT,
    Carried,
    Changes,
    Rule,
    Step,
    Way,
    Window,
    pair,
    single,
)
from neurodemon.engine.operations import is_pointwise
from neurodemon.graph.node import Node, references

RULES: dict[str, Rule] = {
    "relu": elementwise.relu,
    "add": elementwise.add,
    "sub": elementwise.add,
    "mul": elementwise.scale,
    "div": elementwise.scale,
    "pow": elementwise.power,
    "getitem": elementwise.first_of_several,
    "clone": elementwise.identity,
    "alias": elementwise.identity,
    "detach": elementwise.identity,
    "contiguous": elementwise.identity,
    "dropout": elementwise.identity,
    "_to_copy": elementwise.identity,
    "linear": products.linear,
    "mm": products.linear,
    "matmul": products.linear,
    "addmm": products.linear,
    **dict.fromkeys(products.CONVOLVE, products.convolution),
    **{f"max_pool{dims}d": shapes.maximum_pool for dims in (1, 2, 3)},
    **{f"avg_pool{dims}d": shapes.average_pool for dims in (1, 2, 3)},
    **{f"adaptive_avg_pool{dims}d": shapes.average_pool for dims in (1, 2, 3)},
    "reshape": shapes.reshape,
    "view": shapes.reshape,
    "flatten": shapes.reshape,
    "squeeze": shapes.reshape,
    "unsqueeze": shapes.reshape,
    "mean": shapes.average,
    "sum": shapes.average,
    "batch_norm": shapes.batch_norm,
    "_native_batch_norm_legit_no_training": shapes.batch_norm,
    "cross_entropy_loss": entropy,
}


def carry(way: Way, node: Node) -> Carried | None:
    """Find how a change goes through a node.

    Args:
        way: how it came here.
        node: an operation that reads it.

    Returns:
        The form of the node's own change, and the step that makes it of those of its inputs; None
        where no rule applies to these forms.
    """
    names = way.varying(node)
    read = list(references(node.arguments))
    rule = RULES.get(node.operation_name)
    if rule is None and is_pointwise(node) and len(names) == 1:
        rule = elementwise.elementwise
    if rule is None or node.keywords or any(read.count(name) != 1 for name in names):
        return None
    return rule(way, node, [way.forms[name] for name in names])


def spread(way: Way, name: str) -> Step:
    """Make the step that spells a change of one unit, a block or a product as a dense one."""
    form, rest = way.forms[name], tuple(way.value(name).shape[1:])

    def run(window: Window, changes: Changes) -> Tensor:
        if form == PRODUCT:
            column, weights = pair(changes)
            return column * weights
        change = single(changes)
        rows, examples = change.shape[:2]
        whole = change.new_zeros(rows, examples, *rest)
        own = torch.arange(rows, device=change.device)
        if form.kind == "column":
            whole.movedim(form.axis + 1, 1)[own, window.units] = change
        else:
            whole.reshape(rows, examples, -1, change.shape[2])[own, :, window.units] = change
        return whole

    return run
