"""What a subject is made of, refused at the door where it cannot be studied."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from neurodemon.errors import BatchError, CostShapeError, NonFiniteCostError, SubjectError
from neurodemon.subjects.padding import Mask
from neurodemon.tracing.leaves import count_examples, tensor_leaves
from neurodemon.tracing.watching import user_line

Batch = tuple[Any, Any]
Cost = Callable[[Any, Any], Tensor]


def require_parts(model: object, batches: object, cost: object, better: str) -> None:
    """Refuse what cannot be a subject.

    Args:
        model: as given.
        batches: as given.
        cost: as given.
        better: as given.

    Raises:
        SubjectError: the model is no module or has no shape yet, the cost is neither callable
            nor a name, or `better` is neither word.
        BatchError: the batches can be read only once, or not at all.
    """
    if not isinstance(model, nn.Module):
        raise SubjectError(f"model is {type(model).__name__}; expected a torch.nn.Module.")
    weights: list[tuple[str, Tensor]] = list(model.named_parameters())
    lazy = [name for name, weight in weights if is_lazy(weight)]
    if lazy:
        raise SubjectError(
            f"Parameters {lazy[:3]} have no shape yet; expected a model that has run once. Call "
            "it on a batch first."
        )
    if not isinstance(batches, Iterable):
        raise BatchError(
            f"batches is {type(batches).__name__}; expected a list of (inputs, target)."
        )
    if isinstance(batches, Iterator):
        raise BatchError(
            f"batches is a {type(batches).__name__}, which can be read only once; expected "
            "something that can be read again: pass list(batches), or a DataLoader itself."
        )
    if not callable(cost) and not isinstance(cost, str):
        raise SubjectError(f"cost is {type(cost).__name__}; expected a callable or a name.")
    if better not in {"lower", "higher"}:
        raise SubjectError(f"better is {better!r}; expected 'lower' or 'higher'.")


def read_batches(given: Iterable[Any], cost: Cost, mask: Mask | None = None) -> list[Batch]:
    """Read all batches, each a pair (inputs, target).

    Args:
        given: what the user gave.
        cost: may have to be bound to them (`logit_difference`, `next_token`).
        mask: the user's own function from inputs to their real positions.

    Returns:
        The batches.

    Raises:
        BatchError: there is none, or one of them is no pair.
    """
    if isinstance(given, (Tensor, dict, str)):
        raise BatchError(
            f"batches is a {type(given).__name__}; expected a list of (inputs, target)."
        )
    batches: list[Batch] = []
    for place, batch in enumerate(given):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            size = f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
            raise BatchError(
                f"Batch {place} is a {type(batch).__name__}{size}; expected a pair (inputs, target)."
            )
        batches.append((plain(batch[0]), plain(batch[1])))
    if not batches:
        raise BatchError("batches is empty; expected at least one (inputs, target).")
    bind = getattr(cost, "bind", None)
    return list(bind(batches, mask)) if callable(bind) else batches


def plain(part: Any) -> Any:
    """A mapping that is no dict (a tokenizer's `BatchEncoding`) as the dict that it stands for."""
    return dict(part) if isinstance(part, Mapping) and not isinstance(part, dict) else part


def require_placed(model: nn.Module, batch: Batch, place: int) -> None:
    """Refuse a batch without examples, of uneven sizes, or on another device than the model.

    Args:
        model: the user's model.
        batch: inputs and target.
        place: the number of the batch, for the message.

    Raises:
        BatchError: the batch will not do.
        SubjectError: the model has no weights.
    """
    count = count_examples(batch)
    leaves = [leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor)]
    shapes = [tuple(leaf.shape) for leaf in leaves]
    if not leaves or any(shape[:1] != (count,) for shape in shapes):
        raise BatchError(
            f"Batch {place} has tensors of shapes {shapes}; expected the same number of "
            "examples on axis 0 of every tensor of inputs and target."
        )
    if count == 0:
        raise BatchError(f"Batch {place} holds no example (shapes {shapes}); leave it out.")
    devices = {str(weight.device) for weight in model.parameters()}
    found = {str(leaf.device) for leaf in leaves}
    if "meta" in devices:
        raise SubjectError("The model is on device meta and has no weights; load them first.")
    if devices and not found <= devices:
        raise BatchError(
            f"Batch {place} is on {sorted(found)}, the model on {sorted(devices)}; expected one "
            "device. Move the batches: [(x.to(device), y.to(device)) for x, y in batches]."
        )


def require_cost(model: nn.Module, cost: Any, batch: Batch) -> None:
    """Refuse a cost that is not one finite real number per example.

    Args:
        model: the user's model, whose weights may be to blame.
        cost: what the cost returned for the batch.
        batch: inputs and target.

    Raises:
        CostShapeError: it is of another shape or no real number.
    """
    expected = (count_examples(batch),)
    if not isinstance(cost, Tensor) or tuple(cost.shape) != expected:
        found = tuple(cost.shape) if isinstance(cost, Tensor) else type(cost).__name__
        raise CostShapeError(
            f"cost returned {found}, expected {expected}: use reduction='none', and "
            "average over all axes but the examples'."
        )
    if not cost.is_floating_point():
        raise CostShapeError(f"cost returned {cost.dtype}, expected real numbers: add .float().")
    require_finite(model, cost)


def require_finite(model: nn.Module, cost: Tensor) -> None:
    """Refuse a clean cost that is NaN or infinite, naming the weights that are.

    Args:
        model: the user's model.
        cost: one number per example.

    Raises:
        NonFiniteCostError: one of them is not finite.
    """
    bad = ~torch.isfinite(cost)
    if not bool(bad.any()):
        return
    weights = [
        name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())
    ]
    because = f"parameters {weights[:3]} hold NaN or inf" if weights else "all weights are finite"
    raise NonFiniteCostError(
        f"The clean cost of {int(bad.sum())} of {cost.numel()} examples is not finite "
        f"(example {int(bad.nonzero()[0])} first; {because}); expected finite numbers. Look "
        "at those weights, or at the inputs of that example."
    )


def failure(name: str, batch: Batch, error: Exception) -> str:
    """Say that a model or its cost fails on a batch, with the line of the user's own.

    Args:
        name: of the subject.
        batch: inputs and target.
        error: what was raised.

    Returns:
        The message.
    """
    shapes = [tuple(leaf.shape) for leaf in tensor_leaves(batch)]
    line = user_line(error.__traceback__)
    return (
        f"{name} or its cost failed on a batch of shapes {shapes}{f', at {line}' if line else ''}: "
        f"{type(error).__name__}: {str(error).rstrip('.')}. Expected cost(model(inputs), target) "
        "to run."
    )
