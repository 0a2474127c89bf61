"""The table of rules, keyed by operation."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from neurodemon.engine.carrying import elementwise, norms, planes, pooling, products, shapes
from neurodemon.engine.carrying.entropy import entropy
from neurodemon.engine.carrying.forms import (
    Carried,
    Changes,
    Form,
    Rule,
    Step,
    Way,
    Window,
    single,
)
from neurodemon.engine.carrying.states import by_states
from neurodemon.engine.operations import is_pointwise
from neurodemon.graph.node import Node, references

RULES: dict[str, Rule] = {
    "relu": elementwise.relu,
    "add": elementwise.add,
    "sub": elementwise.add,
    "mul": elementwise.scale,
    "div": elementwise.scale,
    "pow": elementwise.elementwise,
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
    **{f"max_pool{dims}d": pooling.maximum_pool for dims in (1, 2, 3)},
    **{f"avg_pool{dims}d": pooling.average_pool for dims in (1, 2, 3)},
    **{f"adaptive_avg_pool{dims}d": pooling.average_pool for dims in (1, 2, 3)},
    "reshape": shapes.reshape,
    "view": shapes.reshape,
    "flatten": shapes.reshape,
    "squeeze": shapes.reshape,
    "unsqueeze": shapes.reshape,
    "expand": shapes.expand,
    "permute": shapes.permute,
    "transpose": shapes.permute,
    "select": shapes.pick,
    "slice": shapes.pick,
    "mean": shapes.average,
    "sum": shapes.average,
    "batch_norm": shapes.batch_norm,
    "_native_batch_norm_legit_no_training": shapes.batch_norm,
    "layer_norm": norms.normalise,
    "native_layer_norm": norms.normalise,
    "rms_norm": norms.normalise,
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
    forms = [way.forms[name] for name in names]
    found = _by_rule(way, node, forms) or by_states(way, node, forms)
    if found is not None and found[0].kind == "plane" and node.name not in way.bases:
        way.bases[node.name] = way.bases[names[0]]
    return found


def _by_rule(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """Find the node's own rule."""
    names = way.varying(node)
    read = list(references(node.arguments))
    rule = RULES.get(node.operation_name)
    if rule is None and is_pointwise(node) and len(names) == 1:
        rule = elementwise.elementwise
    is_set = node.keywords and rule is not elementwise.elementwise  # which reads them
    if rule is None or is_set or any(read.count(name) != 1 for name in names):
        return None
    return rule(way, node, forms)


def spread(way: Way, name: str) -> Step:
    """Make the step that spells a change of any other form as a dense one."""
    form, rest = way.forms[name], tuple(way.value(name).shape[1:])

    def run(window: Window, changes: Changes) -> Tensor:
        if form.kind in {"product", "plane"}:
            *factors, own = cast("tuple[Tensor, ...]", changes[0])
            base = way.base(window, name) if form.kind == "plane" else None
            return planes.spelled(base, factors, own)
        change = single(changes)
        rows, examples = change.shape[:2]
        whole = change.new_zeros(rows, examples, *rest)
        own_row = torch.arange(rows, device=change.device)
        if form.kind == "column":
            whole.movedim(form.axis + 1, 1)[own_row, window.units] = change
        else:
            whole.reshape(rows, examples, -1, change.shape[2])[own_row, :, window.units] = change
        return whole

    return run
