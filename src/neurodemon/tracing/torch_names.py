"""What the functions of torch are called in a graph, where they are seen by their calls.

An export writes `aten` operations; a running model calls methods, operators and functions of
several modules. Here each gets the name that its operation has in an export.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

# Functions of torch that an export writes by another name.
RENAMED = {
    "getitem": "index", "setitem": "index_put", "T": "transpose", "mT": "transpose",
    "data": "detach", "rdiv": "mul", "rpow": "pow", "true_divide": "div", "divide": "div",
    "truediv": "div", "multiply": "mul", "subtract": "sub", "clip": "clamp", "concat": "cat",
    "concatenate": "cat", "swapaxes": "transpose", "swapdims": "transpose", "t": "transpose",
    "absolute": "abs", "negative": "neg", "log_sigmoid": "logsigmoid", "softsign": "div",
    "tanhshrink": "sub", "arccos": "acos",
}  # fmt: skip
# They say a number of a tensor: what a branch on the content of a batch is made of.
ASKING = {
    "bool", "item", "tolist", "int", "float", "index_number", "complex", "numpy", "contains",
    "equal", "allclose", "is_nonzero", "nonzero", "argwhere", "unique", "unique_consecutive",
}  # fmt: skip
SHAPED_BY_CONTENT = {"nonzero", "argwhere", "unique", "unique_consecutive"}
INPLACE = {f"__i{name}__" for name in (
    "add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow", "and", "or", "xor",
    "lshift", "rshift", "matmul",
)}  # fmt: skip
POSITIONAL = {"dropout", "batch_norm", "transpose", "permute"}  # whose arguments we read by place


def torch_name(function: Callable[..., Any]) -> str:
    """Name a function of torch as an export names its operation.

    Args:
        function: as a `TorchFunctionMode` is given it.

    Returns:
        The name.

    Example:
        >>> from torch import Tensor
        >>> torch_name(Tensor.add_), torch_name(Tensor.__rsub__), torch_name(Tensor.__getitem__)
        ('add', 'rsub', 'index')
    """
    spelled = str(getattr(function, "__name__", ""))
    if spelled == "__get__":  # an attribute, such as x.T
        spelled = str(getattr(getattr(function, "__self__", None), "__name__", ""))
        return RENAMED.get(spelled, spelled)
    if spelled == "__index__":
        return "index_number"
    name = spelled.partition(".")[0].strip("_")
    if spelled in INPLACE or spelled in {"__radd__", "__rmul__"}:
        name = name[1:]
    return RENAMED.get(name, name)


def is_written(function: Callable[..., Any]) -> bool:
    """Whether a function writes into its first argument by its name: `relu_`, `x[0] = …`."""
    spelled = str(getattr(function, "__name__", ""))
    is_plain = spelled.endswith("_") and not spelled.endswith("__")
    return is_plain or spelled == "__setitem__" or spelled in INPLACE


def settle_arguments(
    function: Callable[..., Any], name: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put arguments that are read by their place in their place.

    Args:
        function: what was called.
        name: its name, from `torch_name`.
        arguments: by position.
        keywords: by keyword.

    Returns:
        Both, as an export would write them.
    """
    if name not in POSITIONAL:
        return arguments, dict(keywords)
    if name == "transpose" and len(arguments) == 1 and not keywords:  # x.T, x.mT, x.t()
        return (*arguments, -2, -1), {}
    if name == "permute" and len(arguments) > 2:
        return (arguments[0], tuple(arguments[1:])), {}
    try:
        bound = inspect.signature(function).bind(*arguments, **keywords)
    except (TypeError, ValueError):  # a built-in says nothing of its arguments
        return arguments, dict(keywords)
    bound.apply_defaults()
    return tuple(bound.arguments.values()), {}
