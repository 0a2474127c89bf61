"""What a subject is made of, refused at the door where it cannot be studied."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from neurodemon.errors import BatchError, SubjectError
from neurodemon.tracing.leaves import count_examples

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


def read_batches(given: Iterable[Any], cost: Cost) -> list[Batch]:
    """Read all batches, each a pair (inputs, target).

    Args:
        given: what the user gave.
        cost: may have to be bound to them (`logit_difference`).

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
        batches.append((batch[0], batch[1]))
    if not batches:
        raise BatchError("batches is empty; expected at least one (inputs, target).")
    bind_ids = getattr(cost, "bind", None)
    return list(bind_ids(batches)) if callable(bind_ids) else batches


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
