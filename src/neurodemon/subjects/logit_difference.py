"""The logit difference: how much a model prefers a right answer to a wrong one.

A metric of language-model studies that grows with success: its subjects are
`better="higher"`. A cost sees one batch at a time, so ids that differ per example travel
with the batches' targets (`LogitDifference.bind`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurodemon.errors import CostShapeError, SubjectError
from neurodemon.subjects.costs import find_logits, spell_shape
from neurodemon.subjects.padding import Mask, read_padding
from neurodemon.terms.shapes import Float, Int
from neurodemon.tracing.leaves import count_examples, tensor_leaves

Batch = tuple[Any, Any]


class Padded(NamedTuple):
    """The target of a batch with padding: what it was, the ids, and which token is judged.

    Attributes:
        target: as the user gave it.
        right: the id of the right answer, per example.
        wrong: the same of the wrong answer.
        place: where the judged token stands, counted with the padding.
    """

    target: Any
    right: Int[Tensor, " example"]
    wrong: Int[Tensor, " example"]
    place: Int[Tensor, " example"]


@dataclass(frozen=True)
class LogitDifference:
    """How much a model prefers a right answer to a wrong one; make it by `logit_difference`.

    A metric that grows with success: the subject is `better="higher"`.

    Attributes:
        right: the id of the right answer, or one per example over all batches in order.
        wrong: the same of the wrong answer.
        position: the token judged, where outputs have tokens; among an example's real tokens,
            where it is padded.
    """

    right: int | tuple[int, ...]
    wrong: int | tuple[int, ...]
    position: int = -1

    def bind(self, batches: Iterable[Batch], mask: Mask | None = None) -> list[Batch]:
        """Let ids that differ per example travel with the batches' targets.

        Args:
            batches: pairs of inputs and target, in the order of the ids.
            mask: tells the real positions from inputs; None for the mask that goes in.

        Returns:
            The batches as they are, if one pair of ids serves all examples; else with the
            target (target, right, wrong) of that batch's examples, or (right, wrong) where
            the target was None. Where examples are padded, the target is `Padded`. Ids that
            are not as many as the examples, and a position that an example does not have,
            raise `SubjectError`.
        """
        batches = [_unbound(batch) for batch in batches]
        reals = [read_padding(inputs, mask).real for inputs, _ in batches]
        if any(real is not None and not bool(real.all()) for real in reals):
            return self._bind_padded(batches, reals)
        if isinstance(self.right, int) and isinstance(self.wrong, int):
            return batches
        sizes = [count_examples(inputs) for inputs, _ in batches]
        rights = _split("right", self.right, sizes)
        wrongs = _split("wrong", self.wrong, sizes)
        return [
            (inputs, _pack(inputs, target, right, wrong))
            for (inputs, target), right, wrong in zip(batches, rights, wrongs, strict=True)
        ]

    def _bind_padded(self, batches: list[Batch], reals: list[Tensor | None]) -> list[Batch]:
        """The same, where some examples are padded: the place of the judged token goes along."""
        sizes = [count_examples(inputs) for inputs, _ in batches]
        rights, wrongs = (
            _split(what, ids, sizes) for what, ids in (("right", self.right), ("wrong", self.wrong))
        )
        bound = []
        for (inputs, target), real, *ids in zip(batches, reals, rights, wrongs, strict=True):
            device = next(tensor_leaves(inputs)).device
            place = _places(real, self.position, len(ids[0]))
            moved = (one.to(device) for one in (*ids, place))
            bound.append((inputs, Padded(target, *moved)))
        return bound

    def __call__(self, output: Any, target: Any) -> Float[Tensor, " example"]:
        """Take logit[right] − logit[wrong] per example.

        Args:
            output: logits of shape (example, class) or (example, token, vocabulary); also
                anything with `.logits`, or a mapping with "logits".
            target: what `bind` made of it; not looked at, if one pair of ids serves all.

        Returns:
            The difference per example.

        Raises:
            CostShapeError: the output has neither two axes nor three.
            SubjectError: an id or the position is out of range, or the target is not bound.
        """
        logits = find_logits(output)
        if logits.ndim not in {2, 3}:
            raise CostShapeError(
                "Logit difference expects logits of shape (example, class) or (example, token, "
                f"vocabulary), found {spell_shape(logits)}. Let the model return its logits."
            )
        right, wrong = self._ids(target)
        try:
            final = logits if logits.ndim == 2 else self._judged(logits, target)
            return _pick(final, right) - _pick(final, wrong)
        except (IndexError, RuntimeError) as error:  # gather raises the latter
            raise SubjectError(
                f"Logit difference at position {self.position} does not fit logits of shape "
                f"{spell_shape(logits)}: {error}. Choose ids and position inside it."
            ) from error

    def _judged(self, logits: Tensor, target: Any) -> Tensor:
        """The logits of the token that is judged, per example."""
        if not isinstance(target, Padded):
            return logits[:, self.position]
        place = target.place[:, None, None].expand(-1, 1, logits.shape[2])
        return logits.gather(1, place)[:, 0]

    def _ids(self, target: Any) -> tuple[int | Tensor, int | Tensor]:
        """Find the ids of this batch's examples."""
        if isinstance(target, Padded):
            return target.right, target.wrong
        if isinstance(self.right, int) and isinstance(self.wrong, int):
            return self.right, self.wrong
        if not isinstance(target, tuple) or len(target) < 2:
            raise SubjectError(
                f"Logit difference has ids per example, but the target is "
                f"{type(target).__name__} without them. Give the batches through cost.bind."
            )
        return target[-2], target[-1]


def logit_difference(
    right: int | Sequence[int] | Tensor, wrong: int | Sequence[int] | Tensor, position: int = -1
) -> LogitDifference:
    """Make the metric logit[right] − logit[wrong], which grows with success.

    Args:
        right: the id of the right answer, or one per example over all batches in order.
        wrong: the same of the wrong answer.
        position: the token judged, where outputs are (example, token, vocabulary); outputs
            (example, class) have none. Where prompts are padded, on either side, it counts an
            example's real tokens: −1 is the last of them.

    Returns:
        The metric, to be given as a subject's cost with `better="higher"`.

    Raises:
        SubjectError: the position is no whole number, the ids are none from 0 on, or right
            and wrong are the same.

    Example:
        >>> metric = logit_difference(2, 0)
        >>> metric(torch.tensor([[1.0, 5.0, 4.0]]), None)
        tensor([3.])
    """
    if isinstance(position, bool) or not isinstance(position, int):
        raise SubjectError(f"position is {position!r}; expected a whole number, e.g. -1.")
    metric = LogitDifference(_read_ids("right", right), _read_ids("wrong", wrong), position)
    if metric.right == metric.wrong:
        raise SubjectError(
            f"right and wrong are both {metric.right!r}, so their difference is always 0. Give "
            "two different answers."
        )
    return metric


def _unbound(batch: Batch) -> Batch:
    """The batch with the user's own target again, where it was bound before."""
    return (batch[0], batch[1].target) if isinstance(batch[1], Padded) else batch


def _places(real: Tensor | None, position: int, n_examples: int) -> Tensor:
    """Where the judged token stands in each example, counted with the padding."""
    if real is None:
        return torch.full((n_examples,), position)
    order = torch.arange(1, real.shape[1] + 1, device=real.device) * real
    places = []
    for row in order:
        own = row[row > 0] - 1
        if not -len(own) <= position < len(own):
            raise SubjectError(
                f"Logit difference at position {position}: an example has {len(own)} real "
                "tokens; expected a position that each example has, counted among its real ones."
            )
        places.append(own[position])
    return torch.stack(places)


def _pick(logits: Tensor, ids: int | Tensor) -> Tensor:
    """Take one logit per example."""
    if isinstance(ids, Tensor):
        return logits.gather(1, ids[:, None])[:, 0]
    return logits[:, ids]


def _read_ids(what: str, ids: int | Sequence[int] | Tensor) -> int | tuple[int, ...]:
    """Read an id, or one per example, as plain numbers."""
    values = ids.tolist() if isinstance(ids, Tensor) else ids
    listed = list(values) if isinstance(values, Sequence) else [values]
    if all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in listed):
        return tuple(listed) if isinstance(values, Sequence) else values
    raise SubjectError(
        f"{what} is {ids!r}; expected the id of an answer (a whole number from 0 on), or one "
        "per example in a list or a tensor of one axis."
    )


def _split(what: str, ids: int | tuple[int, ...], sizes: list[int]) -> list[Tensor]:
    """Cut the ids into one tensor per batch; an id that serves all is repeated."""
    n_examples = sum(sizes)
    listed = (ids,) * n_examples if isinstance(ids, int) else ids
    if len(listed) != n_examples:
        raise SubjectError(
            f"{what} has {len(listed)} ids, but the batches hold {n_examples} examples. Give "
            "one id per example over all batches in order, or one for all."
        )
    return list(torch.split(torch.tensor(listed, dtype=torch.int64), sizes))


def _pack(inputs: Any, target: Any, right: Tensor, wrong: Tensor) -> tuple[Any, ...]:
    """Put the ids behind a batch's target, on the device of its inputs."""
    device = next(tensor_leaves(inputs)).device
    ids = (right.to(device), wrong.to(device))
    return ids if target is None else (target, *ids)
