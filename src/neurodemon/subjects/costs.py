"""Costs by name: one number per example, never averaged over examples.

A cost takes what the model returned and the target of the same examples. Every cost here
works in any floating dtype and under `torch.export` with a dynamic number of examples: it
branches on numbers of axes, never on values. Sources: Nielsen, chapters 1 (eq. 6) and 3
(eq. 63) for "quadratic" and "binary_cross_entropy".
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import SymInt, Tensor
from torch.nn import functional

from neurodemon.errors import CostShapeError, SubjectError
from neurodemon.subjects.padding import Mask, read_padding
from neurodemon.terms.shapes import Float

Cost = Callable[[Any, Any], Tensor]

NOT_COUNTED = -100  # torch's ignore_index, the field's label for padding


def named_cost(name: str) -> Cost:
    """Look up a cost by its name.

    Args:
        name: one of `NAMED_COSTS`.

    Returns:
        The cost, one number per example.

    Raises:
        SubjectError: there is no cost of this name.

    Example:
        >>> import torch
        >>> named_cost("quadratic")(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
        tensor([2.])
    """
    if name in NAMED_COSTS:
        return NAMED_COSTS[name]
    nearest = difflib.get_close_matches(name, NAMED_COSTS, n=3, cutoff=0)
    raise SubjectError(
        f"Cost {name!r} not found. Nearest: {_spell(nearest)}. Expected one of "
        f"{_spell(sorted(NAMED_COSTS))}, or a function cost(output, target) that returns one "
        "number per example."
    )


def cross_entropy(output: Any, target: Any) -> Float[Tensor, " example"]:
    """Take the softmax cross-entropy −ln p_y per example.

    Args:
        output: logits of shape (example, class), or (example, class, position, ...); also
            anything with `.logits`, or a mapping with "logits".
        target: class numbers of shape (example, position, ...), or class probabilities of
            the shape of the logits. The class number −100 is not counted.

    Returns:
        The cost per example; with positions, the mean over those counted.

    Raises:
        CostShapeError: logits and target do not fit each other.
    """
    logits = find_logits(output)
    classes = _tensor("target", target)
    if logits.ndim < 2:
        raise CostShapeError(
            f"Cross-entropy expects logits of shape (example, class, ...), found "
            f"{spell_shape(logits)}. Let the model return one row of logits per example."
        )
    if classes.is_floating_point():
        _require_shape("class probabilities", classes, logits.shape)
        losses = functional.cross_entropy(logits, classes.to(logits.dtype), reduction="none")
        return losses if losses.ndim == 1 else losses.flatten(1).mean(1)
    _require_shape("class numbers", classes, logits.shape[:1] + logits.shape[2:])
    return _mean_of_counted(logits, classes)


def squared_error(output: Any, target: Any) -> Float[Tensor, " example"]:
    """Take Σ (output − target)² over all axes but the first.

    Args:
        output: what the model returned, of shape (example, ...).
        target: of the same shape; another one raises `CostShapeError`.

    Returns:
        The cost per example, in the wider dtype of the two.
    """
    value, wanted = _alike(output, target)
    return _sum_per_example((value - wanted) ** 2)


def quadratic(output: Any, target: Any) -> Float[Tensor, " example"]:
    """Take the book's quadratic cost, ½ Σ (target − output)².

    Args:
        output: what the model returned, of shape (example, ...).
        target: of the same shape; another one raises `CostShapeError`.

    Returns:
        The cost per example, in the wider dtype of the two.
    """
    value, wanted = _alike(output, target)
    return _sum_per_example((value - wanted) ** 2) / 2


def absolute_error(output: Any, target: Any) -> Float[Tensor, " example"]:
    """Take Σ |output − target| over all axes but the first.

    Args:
        output: what the model returned, of shape (example, ...).
        target: of the same shape; another one raises `CostShapeError`.

    Returns:
        The cost per example, in the wider dtype of the two.
    """
    value, wanted = _alike(output, target)
    return _sum_per_example((value - wanted).abs())


def binary_cross_entropy(output: Any, target: Any) -> Float[Tensor, " example"]:
    """Take the book's cross-entropy, −Σ [y ln a + (1−y) ln(1−a)], 0·ln 0 counted as 0.

    Args:
        output: activations a in [0, 1], not logits, of shape (example, ...).
        target: y in [0, 1], of the same shape; another one raises `CostShapeError`.

    Returns:
        The cost per example; infinite for an output that is wrong with certainty, NaN for
        one outside [0, 1].
    """
    a, y = _alike(output, target)
    y = y.to(a.dtype)
    # not torch.xlogy: its gradient at 0·ln 0 is NaN, and a sigmoid that saturates on the
    # right side would have δ = NaN instead of a − y = 0
    of_ones = a.masked_fill(y == 0, 1).log()
    of_zeros = (-a).masked_fill(y == 1, 0).log1p()
    return -_sum_per_example(y * of_ones + (1 - y) * of_zeros)


class NextToken:
    """The mean cross-entropy of each token given those before it: the cost `next_token`."""

    __name__ = "next_token"

    def __call__(self, output: Any, target: Any) -> Float[Tensor, " example"]:
        """Take the mean cross-entropy of each token given those before it.

        Args:
            output: logits of shape (example, token, vocabulary); also anything with `.logits`,
                or a mapping with "logits".
            target: the ids of the same tokens, of shape (example, token). The logits at token t
                are judged by the id at t + 1; an id of −100 is not counted.

        Returns:
            The cost per example, its mean over the counted tokens; 0 for an example without any.

        Raises:
            CostShapeError: logits and ids do not fit each other.
        """
        logits = find_logits(output)
        ids = _tensor("target", target)
        if logits.ndim != 3 or ids.is_floating_point():
            raise CostShapeError(
                "Next-token cost expects logits of shape (example, token, vocabulary) and whole "
                f"numbers as ids, found {spell_shape(logits)} and {ids.dtype}. Give the token ids "
                "as the target."
            )
        _require_shape("token ids", ids, logits.shape[:2])
        return _mean_of_counted(logits[:, :-1].transpose(1, 2), ids[:, 1:])

    def bind(
        self, batches: Iterable[tuple[Any, Any]], mask: Mask | None = None
    ) -> list[tuple[Any, Any]]:
        """Leave out of the targets what padding would be asked to say, and padding itself.

        A token after padding, the first of a left-padded prompt, is predicted by no real token:
        alone, too, the first token is not counted.

        Args:
            batches: pairs of inputs and token ids.
            mask: tells the real positions from inputs; None for the mask that goes in.

        Returns:
            The batches, with −100 in the place of such ids.
        """
        return [
            (inputs, _predicted_by_real(target, read_padding(inputs, mask).of_tokens))
            for inputs, target in batches
        ]


next_token = NextToken()


def _predicted_by_real(target: Any, real: Tensor | None) -> Any:
    """Ids with −100 where they are padding, or stand behind it."""
    if real is None or not isinstance(target, Tensor) or target.shape != real.shape:
        return target
    counted = real.clone()
    counted[:, 1:] &= real[:, :-1]
    return target.masked_fill(~counted, NOT_COUNTED)


NAMED_COSTS: Mapping[str, Cost] = {
    "cross_entropy": cross_entropy,
    "squared_error": squared_error,
    "quadratic": quadratic,
    "absolute_error": absolute_error,
    "binary_cross_entropy": binary_cross_entropy,
    "next_token": next_token,
}


def find_logits(output: Any) -> Tensor:
    """Find the logits in what a model returned: itself, `.logits` or ["logits"]."""
    found = output["logits"] if isinstance(output, Mapping) and "logits" in output else output
    return _tensor("model's output", getattr(found, "logits", found))


def _tensor(what: str, value: Any) -> Tensor:
    """Raise unless the value is one tensor."""
    if isinstance(value, Tensor):
        return value
    raise CostShapeError(
        f"The {what} is {type(value).__name__}; this cost expects one tensor. Give a cost "
        "function of your own that picks its part."
    )


def _alike(output: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Hand both back if they have the same shape, with an axis of examples."""
    value, wanted = _tensor("model's output", output), _tensor("target", target)
    if value.ndim == 0:
        raise CostShapeError(
            "The model's output has shape (); expected (example, ...). Let the model return "
            "one row per example."
        )
    _require_shape("target", wanted, value.shape)
    return value, wanted


def _require_shape(what: str, tensor: Tensor, expected: Sequence[int | SymInt]) -> None:
    """Raise unless the tensor has the expected shape: broadcasting would be silent."""
    if tensor.ndim == len(expected) and tuple(tensor.shape) == tuple(expected):
        return
    raise CostShapeError(
        f"The {what} has shape {spell_shape(tensor)}, expected {tuple(expected)} to fit the "
        "model's output. Reshape the one or the other: shapes are never broadcast."
    )


def _mean_of_counted(logits: Tensor, numbers: Tensor) -> Tensor:
    """Average the cross-entropy over the positions whose class number is counted."""
    numbers = numbers.long()
    losses = functional.cross_entropy(logits, numbers, reduction="none", ignore_index=NOT_COUNTED)
    if losses.ndim == 1:
        return losses
    counts = (numbers != NOT_COUNTED).flatten(1).sum(1)
    return losses.flatten(1).sum(1) / counts.clamp(min=1)


def _sum_per_example(values: Tensor) -> Tensor:
    """Sum over all axes but the first."""
    return values if values.ndim == 1 else values.flatten(1).sum(1)


def spell_shape(tensor: Tensor) -> str:
    """Spell the shape of a tensor."""
    return str(tuple(tensor.shape))


def _spell(names: list[str]) -> str:
    """List names, each in quotes."""
    return ", ".join(repr(name) for name in names)
