"""A bench: a block of units over all batches, on which any Δz of its demons can be tried.

Each unit gets one number, added to all its z: a neuron's at every position, a position's to
every feature. Beside what happens stands what first order said of it, in activation space.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.engine.layout import (
    along,
    canonical,
    fill_units,
    over_units,
    require_units,
    take_units,
)
from neurodemon.engine.predict import influence
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Region, carry_alone, move, region_of, z_of
from neurodemon.engine.trials import PassSize, Trials, cut_passes
from neurodemon.terms.shapes import Bool, Float
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

POINTS_PER_PASS = 6  # as many as a round of the search asks for
COPIES_PER_PASS = 2048  # examples × rows that a pass may hold in any case: fewer take as long


@dataclass(frozen=True, eq=False)
class Bench:
    """The units of a block on one recording.

    Attributes:
        recording: the clean pass.
        block: the units.
        size: how much one pass may hold.
        real: which positions of each example are no padding, where some are.
    """

    recording: Recording
    block: UnitBlock
    size: PassSize
    real: Bool[Tensor, "example position"] | None = None

    def try_out(
        self, dz: Float[Tensor, "point _ unit"]
    ) -> tuple[Float[Tensor, "point example unit"], Float[Tensor, "point example unit"]]:
        """Try several Δz of each unit.

        Args:
            dz: Δz of each unit; one for all examples, or one for each.

        Returns:
            The effects, and what first order (δ_a·Δa) said of them, in float64 on the CPU.
        """
        rows = min(trials.shape.rows for trials in self._trials)
        at_once = max(1, rows // len(self.block))
        found = [self._try_out(part) for part in torch.split(dz, at_once)]
        effects, first_order = zip(*found, strict=True)
        return torch.cat(effects), torch.cat(first_order)

    @cached_property
    def delta(self) -> Float[Tensor, "example unit"]:
        """δ = ∂C/∂z of each example and unit, summed over what the unit's Δz is added to."""
        at_z = along(canonical(self._gradients[self._site.node], self._site), self.block)
        own = at_z if self.real is None else at_z.masked_fill(~self.real.unsqueeze(2), 0)
        return over_units(own.double(), self.block).cpu()

    @property
    def n_numbers(self) -> int:
        """How many numbers the model makes in one run."""
        values, nodes = self.recording.values, self.recording.graph.nodes
        made = [values.get(node.name) for node in nodes if node.operation is not None]
        return sum(value.numel() for value in made if isinstance(value, Tensor))

    @cached_property
    def _site(self) -> Site:
        return self.recording.graph.site_by_name[self.block.site.name]

    @cached_property
    def _region(self) -> Region:
        return region_of(self.recording, self.block)

    @cached_property
    def _z(self) -> Tensor:
        z = z_of(self.recording, self.block)
        require_units(z, self.block)
        return z

    @cached_property
    def _clean(self) -> Float[Tensor, "row example part"]:
        """The units' own clean numbers at the exit of their region."""
        value = canonical(self.recording.values[self._region.exit], self._site)
        if self.block.kind == "direction":  # their numbers are changes
            value = value.new_zeros(*value.shape[:2], len(self.block))
        return take_units(value, self.block)

    @cached_property
    def _gradients(self) -> dict[str, Tensor]:
        return influence(self.recording, [self._site.node, self._region.exit])

    @cached_property
    def _delta_at_exit(self) -> Float[Tensor, "row example part"]:
        at_exit = along(canonical(self._gradients[self._region.exit], self._site), self.block)
        return take_units(at_exit, self.block).double()

    @cached_property
    def _trials(self) -> tuple[Trials, ...]:
        n_examples = self.recording.n_examples
        most = max(POINTS_PER_PASS * len(self.block), COPIES_PER_PASS // n_examples)
        return tuple(
            Trials(
                self.recording,
                self._region.exit,
                shape,
                self.block,
                self._clean[:, shape.examples],
            )
            for shape in cut_passes(self.recording, self.size, most, self._site, self._region.exit)
        )

    def _try_out(self, dz: Tensor) -> tuple[Tensor, Tensor]:
        """Try so many Δz as fit one pass."""
        moved = self._carry(dz)
        block = self.block.take(np.tile(np.arange(len(self.block)), len(dz)))
        effects = moved.new_zeros(len(block), self.recording.n_examples, dtype=torch.float64)
        for trials in self._trials:
            here = trials.shape.examples
            effects[:, here] = trials.effects(moved[:, here], block)
        change = moved.double() - self._clean.double().repeat(len(dz), 1, 1)
        first_order = (change * self._delta_at_exit.repeat(len(dz), 1, 1)).sum(2)
        shape = (len(dz), len(self.block), -1)
        return (
            effects.reshape(shape).transpose(1, 2).cpu(),
            first_order.reshape(shape).transpose(1, 2).cpu(),
        )

    def _carry(self, dz: Float[Tensor, "point _ unit"]) -> Float[Tensor, "row example part"]:
        """The units' own numbers at the exit when each is moved by its Δz, point by point."""
        if self.block.kind == "group" and len(self.block) > 1:  # they may share features
            return self._carry_one_by_one(dz)
        if self._is_alone and self.block.kind != "direction":
            return self._carry_at_once(dz)
        wholes = [spread(one, self._z, self.block, self.real) for one in dz]
        carried = [move(self.recording, self.block, one, self._region) for one in wholes]
        return torch.cat([take_units(one.moved, self.block) for one in carried])

    def _carry_at_once(
        self, dz: Float[Tensor, "point _ unit"]
    ) -> Float[Tensor, "row example part"]:
        """The same, each point's copy of the examples after the other."""
        n_points, n_examples = len(dz), len(self._z)
        z = self._z.repeat(n_points, 1, 1)
        real = None if self.real is None else self.real.repeat(n_points, 1)
        whole = spread(dz.expand(-1, n_examples, -1).flatten(0, 1), z, self.block, real)
        nudged = (z + whole).reshape(n_points, *self._z.shape)
        moved = carry_alone(self.recording, self._site, nudged, self._region).flatten(0, 1)
        rows = take_units(moved, self.block)
        apart = rows.reshape(len(rows), n_points, n_examples, -1)
        return apart.transpose(0, 1).flatten(0, 1).contiguous()

    def _carry_one_by_one(
        self, dz: Float[Tensor, "point _ unit"]
    ) -> Float[Tensor, "row example part"]:
        """The same, each unit by itself."""
        rows = []
        for point in dz:
            for unit in range(len(self.block)):
                own = self.block[unit : unit + 1]
                whole = spread(point[:, unit : unit + 1], self._z, own, self.real)
                moved = move(self.recording, own, whole, self._region).moved
                rows.append(take_units(moved, own))
        return torch.cat(rows)

    @cached_property
    def _is_alone(self) -> bool:
        """Whether the region reads nothing of the examples but z: then all points go at once."""
        graph = self.recording.graph
        own = {self._site.node, *(node.name for node in self._region.nodes)}
        read = {name for node in self._region.nodes for name in node.inputs} - own
        return all(graph[name].example_axis is None for name in read)


def spread(
    dz: Float[Tensor, "_ row"],
    z: Float[Tensor, "example position unit"],
    block: UnitBlock,
    real: Bool[Tensor, "example position"] | None = None,
) -> Float[Tensor, "example position coordinate"]:
    """Spell one number per unit as the Δz of a whole site; of directions as their Δc.

    Args:
        dz: Δz of each unit of the block; one for all examples, or one for each.
        z: the site's value.
        block: the units.
        real: which positions of each example are no padding, where some are.

    Returns:
        Δz in the layout and dtype of z, 0 at all other units and at padding.
    """
    own = dz.to(z).expand(len(z), -1)
    whole = torch.zeros_like(z)
    if block.kind == "direction":
        whole = z.new_zeros(*z.shape[:2], len(block))
    fill_units(whole, own, block)
    return whole if real is None else whole.masked_fill(~real.unsqueeze(2), 0)


@dataclass(frozen=True, eq=False)
class Benches:
    """The same units over all batches, the examples of one batch after the other.

    Attributes:
        benches: one for each batch.
    """

    benches: Sequence[Bench]

    def try_out(
        self, dz: Float[NDArray[np.float64], "point _ unit"]
    ) -> tuple[
        Float[NDArray[np.float64], "point example unit"],
        Float[NDArray[np.float64], "point example unit"],
    ]:
        """Try several Δz of each unit: the effects, and what first order said of them."""
        parts = self._of_batches(dz)
        found = [
            bench.try_out(torch.from_numpy(part))
            for bench, part in zip(self.benches, parts, strict=True)
        ]
        effects, first_order = zip(*found, strict=True)
        return torch.cat(effects, 1).numpy(), torch.cat(first_order, 1).numpy()

    @property
    def delta(self) -> Float[NDArray[np.float64], "example unit"]:
        """δ of each example and unit."""
        return torch.cat([bench.delta for bench in self.benches]).numpy()

    @property
    def cost(self) -> Float[NDArray[np.float64], " example"]:
        """The clean cost of each example."""
        return np.concatenate([one.recording.cost.double().cpu().numpy() for one in self.benches])

    @property
    def noise_floor(self) -> Float[NDArray[np.float64], " example"]:
        """The noise floor of each example's cost."""
        return np.concatenate([one.recording.noise_floor.cpu().numpy() for one in self.benches])

    @property
    def n_numbers(self) -> int:
        """How many numbers the model makes in one run on all examples."""
        return max(1, sum(bench.n_numbers for bench in self.benches))

    @property
    def is_double(self) -> bool:
        """Whether everything runs in float64."""
        return all(one.recording.cost.dtype == torch.float64 for one in self.benches)

    def _of_batches(self, dz: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Cut Δz into the parts of the batches; one for all examples goes to each."""
        start = 0
        for bench in self.benches:
            stop = start + bench.recording.n_examples
            yield dz if dz.shape[1] == 1 else dz[:, start:stop]
            start = stop
