"""Hashes of a model's weights and of batches: by content, to know when they have changed."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

NUMBERS = (int, float, complex, str, bytes, type(None), torch.dtype, np.generic)
PLAIN = (*NUMBERS, Tensor, np.ndarray)
OF_MODULES = frozenset(vars(nn.Module()))  # torch's own attributes: what they hold is read apart


def hash_model(model: nn.Module, *, with_mode: bool) -> str:
    """Hash all that a model computes with: parameters, buffers, plain tensors and numbers.

    Tuples of these, and lists and dicts of numbers, are read too; other objects are not.

    Args:
        model: the model.
        with_mode: whether training or evaluation mode makes a difference.

    Returns:
        A hash of the content, in hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        _add(digest, name, tensor)
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            is_theirs = name not in OF_MODULES or (with_mode and name == "training")
            if is_theirs and value is not None and _is_plain(value):
                _add(digest, f"{path}.{name}", value)
    return digest.hexdigest()


def hash_code(model: nn.Module) -> str:
    """Hash what a model runs, as far as that can be exchanged: modules, hooks, own forwards.

    Args:
        model: the model.

    Returns:
        A hash that holds within one process.
    """
    parts = [
        (
            path,
            type(module).__qualname__,
            tuple(module._forward_hooks),  # noqa: SLF001  # has no other name: handles' numbers
            tuple(module._forward_pre_hooks),  # noqa: SLF001  # likewise
            id(vars(module).get("forward")),
        )
        for path, module in model.named_modules()
    ]
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _is_plain(value: object, kinds: tuple[type, ...] = PLAIN) -> bool:
    """Whether a value is made of numbers and texts; tensors in lists and dicts are what it saw."""
    if isinstance(value, dict):
        return all(_is_plain(part, NUMBERS) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(_is_plain(part, NUMBERS) for part in value)
    if isinstance(value, tuple):
        return all(_is_plain(part, kinds) for part in value)
    return isinstance(value, kinds)


def hash_batches(batches: Iterable[tuple[Any, Any]]) -> str:
    """Hash the inputs and targets of all batches, with how they nest."""
    digest = hashlib.blake2b(digest_size=16)
    for batch in batches:
        leaves, structure = pytree.tree_flatten(batch)
        digest.update(repr(structure).encode())
        for leaf in leaves:
            _add(digest, "", leaf)
    return digest.hexdigest()


def _add(digest: "hashlib.blake2b", name: str, value: object) -> None:
    """Add a named value to a hash: numbers in arrays by type, shape and bytes, else by its repr."""
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, (tuple, list)):
        digest.update(f"{name}:{len(value)};".encode())
        for place, part in enumerate(value):
            _add(digest, f"{name}[{place}]", part)
        return
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest.update(f"{name}:{value.dtype}{value.shape};".encode())
        digest.update(value.tobytes())
        return
    if not isinstance(value, Tensor) or value.is_meta:
        digest.update(f"{name}={value!r};".encode())
        return
    digest.update(f"{name}:{value.dtype}{tuple(value.shape)};".encode())
    flat = value.detach().contiguous().cpu().reshape(-1)
    flat = flat.as_strided((flat.numel(),), (1,))  # a lone number may keep the stride it had
    digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
