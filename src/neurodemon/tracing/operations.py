"""What the tracer knows of operations: their public names, their axes, their replacements.

One closed table. An operation that is not in it can still be captured and replayed; it just
has no site of its own, and the axes of its result are guessed from its shape.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten

ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "hardtanh": "hardtanh", "leaky_relu": "leaky_relu",
    "prelu": "prelu", "_prelu_kernel": "prelu", "rrelu": "rrelu", "elu": "elu", "celu": "celu",
    "selu": "selu", "gelu": "gelu", "silu": "silu", "mish": "mish", "sigmoid": "sigmoid",
    "tanh": "tanh", "softplus": "softplus", "softsign": "softsign", "logsigmoid": "logsigmoid",
    "log_sigmoid_forward": "logsigmoid", "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid", "threshold": "threshold", "hardshrink": "hardshrink",
    "softshrink": "softshrink", "glu": "glu", "erf": "erf", "clamp": "clamp",
    "clamp_min": "clamp_min", "sin": "sin", "exp": "exp",
}  # fmt: skip
LINEARS = {"linear": "linear", "addmm": "linear", "mm": "matmul", "matmul": "matmul",
           "bmm": "bmm", "baddbmm": "bmm", "einsum": "einsum", "bilinear": "bilinear"}  # fmt: skip
CONVOLUTIONS = {
    name: name.removeprefix("_")
    for name in ("conv1d", "conv2d", "conv3d", "convolution", "_convolution",
                 "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
}  # fmt: skip
NORMS = {
    "batch_norm": "batch_norm", "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm", "_batch_norm_no_update": "batch_norm",
    "_batch_norm_with_update": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "_batch_norm_with_update_functional": "batch_norm",
    "cudnn_batch_norm": "batch_norm", "native_batch_norm": "batch_norm",
    "layer_norm": "layer_norm", "native_layer_norm": "layer_norm", "rms_norm": "rms_norm",
    "_fused_rms_norm": "rms_norm", "group_norm": "group_norm",
    "native_group_norm": "group_norm", "instance_norm": "instance_norm",
}  # fmt: skip
RECURRENT = {
    "lstm": "lstm", "gru": "gru", "rnn_tanh": "rnn", "rnn_relu": "rnn", "lstm_cell": "lstm",
    "gru_cell": "gru", "rnn_tanh_cell": "rnn", "rnn_relu_cell": "rnn",
    "mkldnn_rnn_layer": "lstm",
}  # fmt: skip
OTHERS = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "div", "cat": "cat", "stack": "stack",
    "softmax": "softmax", "_softmax": "softmax", "log_softmax": "log_softmax",
    "_log_softmax": "log_softmax", "mean": "mean", "max_pool1d": "max_pool1d",
    "max_pool2d": "max_pool2d", "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d": "max_pool3d", "avg_pool1d": "avg_pool1d", "avg_pool2d": "avg_pool2d",
    "avg_pool3d": "avg_pool3d", "adaptive_avg_pool1d": "adaptive_avg_pool1d",
    "adaptive_avg_pool2d": "adaptive_avg_pool2d", "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "adaptive_max_pool2d": "adaptive_max_pool2d", "embedding": "embedding",
    "scaled_dot_product_attention": "scaled_dot_product_attention", "pow": "pow",
    "normalize": "div",  # seen by its call, it is one operation; an export ends it with a division
}  # fmt: skip
NAMES = {**ACTIVATIONS, **LINEARS, **CONVOLUTIONS, **NORMS, **RECURRENT, **OTHERS}

# Their result has the axes of the first tensor they read, if it has as many.
INHERITING = (
    set(ACTIVATIONS) | set(NORMS) | {name for name in OTHERS if "pool" in name}
    | {"add", "sub", "mul", "div", "pow", "dropout", "native_dropout", "feature_dropout",
       "alpha_dropout", "clone", "alias", "contiguous", "neg", "abs", "sqrt", "square", "rsqrt",
       "_to_copy", "to", "cat", "softmax", "_softmax", "log_softmax", "_log_softmax", "where",
       "upsample_nearest2d", "upsample_bilinear2d", "constant_pad_nd", "pad", "masked_fill",
       "detach", "type_as", "lift_fresh_copy", "maximum", "minimum", "slice", "flip", "roll",
       "normalize"}
)  # fmt: skip
# They read the number of examples only to shape their result, not for its content.
SHAPING = {"view", "reshape", "_unsafe_view", "expand", "zeros", "ones", "full", "new_zeros",
           "new_ones", "new_full", "empty", "new_empty"}  # fmt: skip


# They draw from torch's random state. What they draw does not matter: a model whose numbers depend
# on it is refused.
DRAWING = {
    "rand", "randn", "rand_like", "randn_like", "randint", "randint_like", "randperm", "bernoulli",
    "normal", "normal_functional", "multinomial", "uniform", "exponential", "native_dropout",
    "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "rrelu_with_noise",
}  # fmt: skip


class Drawing:
    """An operation that draws at random, and leaves the random state as it was."""

    def __init__(self, operation: Any) -> None:
        """Take the operation, and its name."""
        self.operation, self.__name__ = operation, str(operation.overloadpacket.__name__)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Run it."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            return self.operation(*arguments, **keywords)


def runnable(operation: Any) -> Any:
    """What to run for an exported operation: another form of it, or itself."""
    name = getattr(getattr(operation, "overloadpacket", None), "__name__", "")
    return Drawing(operation) if name in DRAWING else REPLACED.get(operation, operation)


def site_kind(name: str) -> str:
    """Say which kind of site an operation makes: `linear`, `conv`, `activation`, …."""
    kinds = (
        ("linear", LINEARS), ("conv", CONVOLUTIONS), ("activation", ACTIVATIONS),
        ("norm", NORMS), ("recurrent", RECURRENT),
    )  # fmt: skip
    return next((kind for kind, table in kinds if name in table), "operation")


def _batch_norm(  # noqa: PLR0913, PLR0917  # the operation's own signature
    z: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    momentum: float,
    epsilon: float,
) -> tuple[Tensor]:
    """Normalise by running statistics, in a form that has a derivative."""
    out = torch.nn.functional.batch_norm(
        z, mean, variance, weight, bias, training=False, momentum=momentum, eps=epsilon
    )
    return (out,)


def _copy(into: Tensor, source: Tensor, *_: Any, **__: Any) -> Tensor:
    """What is left after a copy into a tensor, in a form that has a derivative."""
    return source.to(into.dtype).expand_as(into).clone()


def _binary_cross_entropy(
    chance: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    """Binary cross-entropy; NaN, where a demon moves a chance out of [0, 1]: torch would raise."""
    inside = chance.clamp(0, 1)
    each = aten.binary_cross_entropy.default(inside, target, weight, 0)
    each = torch.where(inside == chance, each, torch.nan)
    return (each, each.mean(), each.sum())[reduction]


# A replayed value may lie otherwise in memory than the captured one: views must be free to copy.
REPLACED: dict[Any, Callable[..., Any]] = {
    aten.view.default: aten.reshape.default,
    aten._unsafe_view.default: aten.reshape.default,  # noqa: SLF001  # the operation's name
    aten.copy.default: _copy,
    aten.binary_cross_entropy.default: _binary_cross_entropy,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,  # noqa: SLF001
}
_batch_norm.__name__ = "_native_batch_norm_legit_no_training"
_copy.__name__ = "copy"
_binary_cross_entropy.__name__ = "binary_cross_entropy"
