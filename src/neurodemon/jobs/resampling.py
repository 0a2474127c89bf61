"""Resample: another example's value at the same position, drawn over all batches."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurodemon.engine.nudge import seeded
from neurodemon.errors import PerturbationError
from neurodemon.terms.shapes import Bool, Float, Int


def resample(
    values: Sequence[Float[Tensor, "_ _ _"]],
    real: Sequence[Bool[Tensor, "_ _"] | None],
    seed: int,
) -> list[Tensor]:
    """Give each example the value of the next in a random cycle: never its own.

    Args:
        values: z of each batch, (example, position, unit).
        real: which positions of each batch are no padding; None where all are.
        seed: of the cycle, which is the same for all sites.

    Returns:
        The values to put in, batch by batch. Where an example alone has a real position, its
        own value stays there.

    Raises:
        PerturbationError: an example is the only one of its shape.
    """
    groups: dict[torch.Size, list[int]] = {}
    for place, value in enumerate(values):
        groups.setdefault(value.shape[1:], []).append(place)
    pool = list(values)
    for places in groups.values():
        sizes = [len(values[place]) for place in places]
        whole = torch.cat([values[place] for place in places])
        mixed = _cycle(whole, _join(whole, [real[place] for place in places], sizes), seed)
        for place, part in zip(places, torch.split(mixed, sizes), strict=True):
            pool[place] = part
    return pool


def _cycle(values: Tensor, real: Tensor | None, seed: int) -> Tensor:
    """Go once around all examples; with padding, at each position around those that have it."""
    count = len(values)
    if count < 2:
        raise PerturbationError(
            "Resample found one example only of its shape; expected at least 2, to take another "
            "example's value. Pass more examples, or use Mean() or Zero()."
        )
    order = torch.randperm(count, generator=seeded(seed, "resample"))
    if real is None:
        return values[_next_in(order, count).to(values.device)]
    mixed = values.clone()
    for position in range(values.shape[1]):
        having = order[real[order, position]]
        partner = _next_in(having, count)
        mixed[:, position] = values[partner.to(values.device), position]
    return mixed


def _next_in(order: Int[Tensor, " member"], count: int) -> Int[Tensor, " example"]:
    """Each member's next in a cycle; the others' own."""
    partner = torch.arange(count)
    partner[order] = order.roll(-1)
    return partner


def _join(whole: Tensor, real: Sequence[Tensor | None], sizes: Sequence[int]) -> Tensor | None:
    """Join the masks of batches of one shape, on the CPU; None if nothing is padded."""
    if all(one is None for one in real):
        return None
    every = torch.ones(whole.shape[:2], dtype=torch.bool)
    parts = torch.split(every, list(sizes))
    return torch.cat([
        part if one is None else one.cpu() for part, one in zip(parts, real, strict=True)
    ])
