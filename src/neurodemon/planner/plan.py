"""A plan: units × perturbation cut into chunks of work, as pure data.

Each chunk is a run of units of one site, on all examples. Chunks are fixed before a run
begins, kept in its manifest, and found again by number when it is resumed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from neurodemon.terms.units import UnitBlock, UnitSet

MOST_UNITS, FEWEST_UNITS = 64, 4  # of a chunk
NUMBERS_PER_CHUNK = 1 << 30  # computed: some seconds of one core, which is what Ctrl-C can lose
NUMBERS_PER_PASS = 1 << 20  # of the widest value of a pass: 4 MB of float32, about a cache


@dataclass(frozen=True)
class Chunk:
    """A run of units of one block.

    Attributes:
        block: the number of the block in the set of units.
        first: the first unit in the block.
        last: one past the last.
    """

    block: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """What to measure, in which pieces.

    Attributes:
        units: the units.
        chunks: the pieces, in order; together they hold each unit once.
        perturbation: a fingerprint of the perturbation, by content.
        numbers_per_pass: how many numbers the widest value of one pass may hold.
    """

    units: UnitSet
    chunks: tuple[Chunk, ...]
    perturbation: str
    numbers_per_pass: int = NUMBERS_PER_PASS

    @property
    def fingerprint(self) -> str:
        """A hash of all of it: two plans with the same one do the same work alike."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.units.fingerprint}|{self.perturbation}|".encode())
        digest.update(repr((self.chunks, self.numbers_per_pass)).encode())
        return digest.hexdigest()

    def block_of(self, chunk: Chunk) -> UnitBlock:
        """The units of a chunk."""
        return self.units.blocks[chunk.block][chunk.first : chunk.last]

    @property
    def spelled(self) -> tuple[tuple[str, int, int], ...]:
        """The chunks as the manifest keeps them: (site, first unit, one past the last)."""
        return tuple(
            (self.units.blocks[chunk.block].site.name, chunk.first, chunk.last)
            for chunk in self.chunks
        )


def units_for(numbers: float, *, fewest: int = FEWEST_UNITS) -> int:
    """Choose how many units a chunk holds, so that it takes some seconds.

    Args:
        numbers: how many are computed for one unit.
        fewest: units, however long they take: what they share is made once for a chunk.

    Returns:
        The number of units.

    Example:
        >>> units_for(1e3), units_for(1e8), units_for(1e12)
        (64, 10, 4)
    """
    return int(min(MOST_UNITS, max(fewest, NUMBERS_PER_CHUNK // max(1, numbers))))


def make_plan(
    units: UnitSet, perturbation: str, *, units_per_chunk: int | Sequence[int] = MOST_UNITS
) -> Plan:
    """Cut units into chunks.

    Args:
        units: the units, in the order of the rows to come.
        perturbation: a fingerprint of the perturbation.
        units_per_chunk: how many units a chunk holds at most; or that of each block.

    Returns:
        The plan.

    Example:
        >>> import numpy as np
        >>> from neurodemon.terms.sites import Site
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 5))
        >>> block = UnitBlock(site, "neuron", np.arange(5), np.full(5, -1))
        >>> make_plan(UnitSet((block,)), "zero", units_per_chunk=4).spelled
        (('fc1', 0, 4), ('fc1', 4, 5))
    """
    every = units_per_chunk
    sizes = [every] * len(units.blocks) if isinstance(every, int) else every
    chunks = tuple(
        Chunk(place, first, min(first + size, len(block)))
        for place, (block, size) in enumerate(zip(units.blocks, sizes, strict=True))
        for first in range(0, len(block), size)
    )
    return Plan(units, chunks, perturbation)
