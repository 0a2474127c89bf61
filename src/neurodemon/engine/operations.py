"""What the engine knows of operations: which act element by element, which take a rank-one.

A change in one unit stays one column through pointwise operations. At a Linear or Conv it
becomes z' = z + Δa ⊗ W[:, j], without a matrix product. Each rule here is exact and stands
beside the dense path, which it must equal.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from neurodemon.graph.node import Node, Ref, references
from neurodemon.terms.shapes import Float, Int

POINTWISE = {
    "relu", "relu6", "hardtanh", "leaky_relu", "prelu", "_prelu_kernel", "elu", "celu", "selu",
    "gelu", "silu", "mish", "sigmoid", "tanh", "softplus", "softsign", "logsigmoid",
    "log_sigmoid", "log_sigmoid_forward", "hardswish", "hardsigmoid", "threshold",
    "hardshrink", "softshrink", "erf", "exp", "log", "log1p", "expm1", "sin", "cos", "sqrt",
    "rsqrt", "square", "pow", "abs", "neg", "reciprocal", "sign", "add", "sub", "rsub", "mul",
    "div", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "where", "clone", "alias",
    "detach", "contiguous", "_to_copy",
    "batch_norm", "_native_batch_norm_legit_no_training", "dropout", "getitem", "gt", "lt",
    "ge", "le", "eq", "ne", "logical_not", "scalar_tensor",
}  # fmt: skip

Column = Float[Tensor, "row example position"]
Indices = Int[Tensor, " row"]
Rule = Callable[[tuple[Any, ...], Tensor, Tensor, Indices], Tensor]


def is_pointwise(node: Node) -> bool:
    """Whether a node computes each element of its result from the same element of its input."""
    if node.operation_name == "batch_norm":
        return node.arguments[5] is False  # training statistics mix the examples
    if node.operation_name == "dropout":
        return node.arguments[2] is False
    return node.operation_name in POINTWISE


def rank_one(node: Node, changed: str, values: Mapping[str, Any], unit_axis: int) -> Rule | None:
    """Find the rank-one rule of a node for a change in one of its inputs.

    Args:
        node: the node that reads the change.
        changed: the name of the input that changes, in one unit per row.
        values: the values of the node's inputs, of which only the shapes are read.
        unit_axis: the axis of the input along which the units stand.

    Returns:
        A rule `(arguments, clean, column, units) → result`, where arguments are the node's
        with values filled in, clean is its folded clean result (row·example, …), column is
        Δa (row, example, *positions), and units is the unit of each row; None if there is no
        rule, or the input is not the one it is for, or is read twice.
    """
    place, rule = _RULES.get(node.operation_name, (0, None))
    if rule is None or node.keywords or len(node.arguments) <= place + 1:
        return None
    weight = node.arguments[place + 1]
    is_single = list(references(node.arguments)).count(changed) == 1
    if node.arguments[place] != Ref(changed) or not isinstance(weight, Ref) or not is_single:
        return None
    if rule is _convolution:
        is_one_group = tuple(node.arguments[6:7]) in {(), (1,)}
        return rule if is_one_group and unit_axis == 1 else None
    is_last = unit_axis == values[changed].ndim - 1
    return rule if is_last and values[weight.name].ndim == 2 else None


def _linear(arguments: tuple[Any, ...], clean: Tensor, column: Tensor, units: Tensor) -> Tensor:
    """`linear(x, W, b)` with W of shape (out, in)."""
    return _outer(clean, column, arguments[1][:, units].mT)


def _matmul(arguments: tuple[Any, ...], clean: Tensor, column: Tensor, units: Tensor) -> Tensor:
    """`mm(x, W)` and `addmm(b, x, W)` with W of shape (in, out)."""
    return _outer(clean, column, arguments[-1][units])


def _outer(clean: Tensor, column: Tensor, weights: Float[Tensor, "row out"]) -> Tensor:
    """Add z' = z + Δa ⊗ w, each row with its own w."""
    rows = column.shape[0]
    shaped = weights.reshape(rows, *[1] * (column.ndim - 1), -1)
    return torch.addcmul(clean.reshape(*column.shape, -1), column.unsqueeze(-1), shaped).reshape(
        clean.shape
    )


_CONVOLVE: tuple[Callable[..., Tensor], ...] = (torch.conv1d, torch.conv2d, torch.conv3d)


def _convolution(
    arguments: tuple[Any, ...], clean: Tensor, column: Tensor, units: Tensor
) -> Tensor:
    """`conv(x, W, b, …)` of one group: one input channel per row, all rows as groups."""
    settings = list(arguments[3:6])
    rows, examples = column.shape[:2]
    weights = arguments[1][:, units].transpose(0, 1).flatten(0, 1).unsqueeze(1)
    convolve = _CONVOLVE[column.ndim - 3]
    defaults: list[Any] = [1, 0, 1]
    settings += defaults[len(settings) :]
    change = convolve(column.transpose(0, 1), weights, None, *settings, rows)
    change = change.reshape(examples, rows, -1, *change.shape[2:]).transpose(0, 1)
    return (clean.reshape(change.shape) + change).reshape(clean.shape)


_RULES: dict[str, tuple[int, Rule]] = {
    "linear": (0, _linear),
    "mm": (0, _matmul),
    "matmul": (0, _matmul),
    "addmm": (1, _matmul),
    "conv1d": (0, _convolution),
    "conv2d": (0, _convolution),
    "conv3d": (0, _convolution),
}
