"""The modules of a model under the names that their user gave them."""

from collections.abc import Iterator

from torch import nn

COMPILED = "_orig_mod"  # where `torch.compile` keeps the module that it wraps


def modules_of(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Go through a model's modules; what `torch.compile` wraps stands for its wrapper.

    Args:
        model: the model.

    Yields:
        Each module's path, free of wrappers, and the module.

    Example:
        >>> [path for path, _ in modules_of(nn.Sequential(nn.ReLU()))]
        ['', '0']
    """
    for path, module in model.named_modules():
        if COMPILED not in vars(module).get("_modules", {}):
            yield plain_path(path), module


def plain_path(path: str) -> str:
    """Leave the wrappers of `torch.compile` out of a path.

    Args:
        path: a module's, a parameter's or a buffer's.

    Returns:
        The path that its user knows.

    Example:
        >>> plain_path("_orig_mod.blocks.0._orig_mod.fc")
        'blocks.0.fc'
    """
    return ".".join(part for part in path.split(".") if part != COMPILED)
