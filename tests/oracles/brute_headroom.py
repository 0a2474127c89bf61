"""Headroom by brute force: full forwards of the user's own model, 2,001 Δz of each unit.

Each forward holds the batch once for each Δz, and a hook moves the unit; nothing of the engine
is used, nothing is refined. Only for models whose examples do not meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from oracles.hooks import Batches, Cost, Place, hooked, run, unit_masks
from torch import Tensor, nn

POINTS = 2001
AT_ONCE = 1 << 14  # examples in one forward
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Brute:
    """One unit's demon, who tries everything.

    Attributes:
        model: the user's model.
        batches: pairs of inputs (one tensor) and target.
        cost: per example; its negative, where more is better.
        name: of a module's site.
        mask: the index of the unit's numbers in the site's value.
    """

    model: nn.Module
    batches: Batches
    cost: Cost
    name: str
    mask: tuple[Any, ...]

    def effects(self, dz: Array) -> Array:
        """cost after − cost before, (point, example), when the unit is moved by each Δz.

        Args:
            dz: (point, 1): the same for all examples, or (point, example).
        """
        parts, start = [], 0
        for inputs, target in self.batches:
            stop = start + len(inputs)
            own = dz if dz.shape[1] == 1 else dz[:, start:stop]
            step = max(1, AT_ONCE // len(inputs))
            pieces = [
                self._costs(inputs, target, np.broadcast_to(piece, (len(piece), len(inputs))))
                for piece in np.split(own, range(step, len(own), step))
            ]
            clean = self._costs(inputs, target, np.zeros((2, len(inputs))))[:1]
            parts.append(np.concatenate(pieces) - clean)
            start = stop
        return np.concatenate(parts, axis=1)

    def _costs(self, inputs: Tensor, target: Tensor, dz: Array) -> Array:
        """The cost, (point, example)."""
        times = len(dz)
        moves = torch.tensor(dz.ravel())

        def change(value: Tensor) -> Tensor:
            value = value.clone()
            own = value[self.mask]
            value[self.mask] = own + moves.to(own).reshape(-1, *[1] * (own.ndim - 1))
            return value

        tiled = [part.repeat(times, *[1] * (part.ndim - 1)) for part in (inputs, target)]
        with hooked(self.model, Place.parse(self.name), change), torch.no_grad():
            cost = self.cost(run(self.model, tiled[0]), tiled[1])
        return cost.double().numpy().reshape(times, -1)


def rows(effects: Array, scope: str) -> Array:
    """What the demons see: each example's own, or the mean over the examples."""
    return effects if scope == "each" else effects.mean(1, keepdims=True)


def even_grid(radius: float, points: int = POINTS) -> Array:
    """So many Δz, evenly within the radius, (point, 1)."""
    return np.linspace(-radius, radius, points)[:, None]


def place_units(
    model: nn.Module, batches: Batches, cost: Cost, name: str, axes: Sequence[str], kind: str
) -> list[Brute]:
    """The demons of all units of a site."""
    seen: list[Sequence[int]] = []

    def look(value: Tensor) -> Tensor:
        seen.append(value.shape)
        return value

    with hooked(model, Place.parse(name), look), torch.no_grad():
        run(model, batches[0][0])
    masks = unit_masks(axes, seen[0], kind)
    return [Brute(model, batches, cost, name, mask) for mask in masks]


def descend(brute: Brute, radius: float, scope: str, steps: int = 200) -> Array:
    """A local descent from 0, as one would do without knowing better: the Δz it ends at, (row,).

    Downhill in steps that halve when they no longer help.
    """
    n_rows = rows(brute.effects(np.zeros((1, 1))), scope).shape[1]
    dz, step = np.zeros(n_rows), np.full(n_rows, radius / 20)

    def cost(at: Array) -> Array:
        return rows(brute.effects(at[None]), scope)[0]

    here = cost(dz)
    for _ in range(steps):
        left, right = np.maximum(dz - step, -radius), np.minimum(dz + step, radius)
        downs = np.stack([here, cost(left), cost(right)])
        best = downs.argmin(0)
        dz = np.choose(best, [dz, left, right])
        here = downs.min(0)
        step = np.where(best == 0, step / 2, step)
    return dz


Headroom = Callable[[Brute, float, str], Array]
