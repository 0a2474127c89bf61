"""Bring a model's and its batches' real numbers to another dtype, on copies."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neurodemon.errors import SubjectError

# Each leaves integers, and complex numbers, as they are; `nn.Module.to` would not.
CASTS: Mapping[torch.dtype, Callable[[nn.Module], nn.Module]] = {
    torch.float64: nn.Module.double,
    torch.float32: nn.Module.float,
    torch.bfloat16: nn.Module.bfloat16,
    torch.float16: nn.Module.half,
}
NAMES: Mapping[str, torch.dtype] = {spell: dtype for dtype in CASTS for spell in [str(dtype)[6:]]}


def read_dtype(text: str) -> torch.dtype:
    """Read the name of a dtype.

    Args:
        text: its name, as torch spells it.

    Returns:
        The dtype.

    Raises:
        SubjectError: it is none of those that a subject can be studied in.

    Example:
        >>> read_dtype("float64")
        torch.float64
    """
    if text not in NAMES:
        raise SubjectError(f"dtype is {text!r}; expected {', '.join(NAMES)}.")
    return NAMES[text]


def name_dtype(dtype: torch.dtype) -> str:
    """Name a dtype without the `torch.` before it."""
    return str(dtype).removeprefix("torch.")


def to_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Bring the real numbers of a nested value to a dtype; integers and all else stay.

    Args:
        value: a tensor, or tuples, lists and dicts of such: inputs, a target, a whole batch.
        dtype: the dtype.

    Returns:
        The same structure; tensors of another dtype are copies.
    """
    return pytree.tree_map_only(
        Tensor, lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, value
    )


def model_in(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Copy a model, its parameters and buffers of real numbers in a dtype.

    Args:
        model: stays as it is.
        dtype: one of `CASTS`.

    Returns:
        The copy.

    Raises:
        SubjectError: the dtype is none that a subject can be studied in, or the model cannot
            be copied.
    """
    if dtype not in CASTS:
        names = ", ".join(f"torch.{name}" for name in NAMES)
        raise SubjectError(f"dtype is {dtype!r}; expected one of {names}.")
    try:
        return CASTS[dtype](copy.deepcopy(model))
    except (RuntimeError, TypeError) as error:  # it holds what cannot be copied
        raise SubjectError(
            f"The model cannot be copied to be brought to {name_dtype(dtype)} "
            f"({type(error).__name__}: {error}); expected one that copy.deepcopy copies. Make "
            f"it in {name_dtype(dtype)} yourself."
        ) from error
