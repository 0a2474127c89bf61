"""Hashes of a model's weights and of batches: by content, to know when they have changed."""

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


def hash_model(model: nn.Module, *, with_mode: bool) -> str:
    """Hash all that a model computes with: parameters, buffers, plain tensors and numbers.

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
            counts = with_mode or name != "training"
            if counts and isinstance(value, (Tensor, int, float, str, tuple)):
                _add(digest, f"{path}.{name}", value)
    return digest.hexdigest()


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
    """Add a named value to a hash: a tensor by type, shape and bytes, else by its repr."""
    if not isinstance(value, Tensor) or value.is_meta:
        digest.update(f"{name}={value!r};".encode())
        return
    digest.update(f"{name}:{value.dtype}{tuple(value.shape)};".encode())
    flat = value.detach().contiguous().cpu().reshape(-1)
    flat = flat.as_strided((flat.numel(),), (1,))  # a lone number may keep the stride it had
    digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
