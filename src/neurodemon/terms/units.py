"""Units: the coordinates of a site that a demon can take, alone or by the thousand.

A `UnitSet` keeps its units in columns, one block per site and kind, so that thousands of
neurons cost two small arrays. It never holds a tensor of the model.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import SelectionError
from neurodemon.terms.sites import Site

UnitKind = Literal["neuron", "channel", "position", "cell"]
NO_INDEX = -1  # in the columns: a unit that has no index along this axis


@dataclass(frozen=True)
class Unit:
    """One coordinate of a site.

    Attributes:
        site: where it sits.
        kind: `neuron` or `channel` (all positions), `cell` (one feature at one position) or
            `position` (all features at one position).
        index: along the unit axis; None for a position.
        position: the (flattened) position; None for a neuron or channel.

    Example:
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 32))
        >>> str(Unit(site, "neuron", 17, None))
        'fc1[17]'
    """

    site: Site
    kind: UnitKind
    index: int | None
    position: int | None

    def __str__(self) -> str:
        """Spell the unit as a selection that finds it again."""
        if self.kind == "position":
            return f"{self.site.name}/position[{self.position}]"
        at = "" if self.position is None else f"@{self.position}"
        return f"{self.site.name}[{self.index}]{at}"


@dataclass(frozen=True, eq=False)
class UnitBlock:
    """Units of one kind at one site, in columns (`NO_INDEX` where there is none)."""

    site: Site
    kind: UnitKind
    indices: NDArray[np.int64]
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the units."""
        return len(self.indices)

    def __getitem__(self, rows: slice) -> "UnitBlock":
        """Take a run of the units, in order."""
        return UnitBlock(self.site, self.kind, self.indices[rows], self.positions[rows])

    def __iter__(self) -> Iterator[Unit]:
        """Spell the units out, one by one."""
        for index, position in zip(self.indices.tolist(), self.positions.tolist(), strict=True):
            yield Unit(
                self.site,
                self.kind,
                None if index == NO_INDEX else index,
                None if position == NO_INDEX else position,
            )


@dataclass(frozen=True, eq=False)
class UnitSet:
    """Units in a fixed order, each once.

    Sets add: `a + b` holds the units of both, none twice; site by site and kind by kind in the
    order of first sight, those of `a` first.

    Example:
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 3))
        >>> units = UnitSet.of(Unit(site, "neuron", 2, None), Unit(site, "neuron", 0, None))
        >>> len(units + units), [str(unit) for unit in units]
        (2, ['fc1[2]', 'fc1[0]'])
    """

    blocks: tuple[UnitBlock, ...]

    @classmethod
    def of(cls, *units: Unit) -> "UnitSet":
        """Gather single units into a set, in the order given."""
        return cls(_merge(tuple(_single(unit) for unit in units)))

    def __len__(self) -> int:
        """Count the units."""
        return sum(len(block) for block in self.blocks)

    def __iter__(self) -> Iterator[Unit]:
        """Spell the units out, one by one."""
        for block in self.blocks:
            yield from block

    def __add__(self, other: "UnitSet") -> "UnitSet":
        """Join two sets; a unit that is in both is kept once."""
        return UnitSet(_merge(self.blocks + other.blocks))

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, UnitSet) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        """Summarise the set, a part per block."""
        parts = (f"{block.site.name}: {len(block)} × {block.kind}" for block in self.blocks)
        return f"UnitSet({len(self)} units; {', '.join(parts)})"

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites in order, each once."""
        return tuple({block.site.name: block.site for block in self.blocks}.values())

    @property
    def fingerprint(self) -> str:
        """A hash of the content: sites, kinds, indices and positions."""
        digest = hashlib.blake2b(digest_size=16)
        for block in self.blocks:
            digest.update(f"{block.site.name}|{block.kind}|{len(block)}|".encode())
            digest.update(np.ascontiguousarray(block.indices).tobytes())
            digest.update(np.ascontiguousarray(block.positions).tobytes())
        return digest.hexdigest()


def _single(unit: Unit) -> UnitBlock:
    """Wrap one unit as a block."""
    index = NO_INDEX if unit.index is None else unit.index
    position = NO_INDEX if unit.position is None else unit.position
    return UnitBlock(unit.site, unit.kind, np.array([index]), np.array([position]))


def _merge(blocks: tuple[UnitBlock, ...]) -> tuple[UnitBlock, ...]:
    """Join blocks of the same site and kind, in order of first sight, dropping repeats."""
    groups: dict[tuple[str, str], list[UnitBlock]] = {}
    for block in blocks:
        groups.setdefault((block.site.name, block.kind), []).append(block)
    return tuple(_join(group) for group in groups.values())


def _join(group: list[UnitBlock]) -> UnitBlock:
    """Concatenate blocks of one site and kind, keeping the first of equal units."""
    first = group[0]
    if any(block.site != first.site for block in group):
        raise SelectionError(
            f"Units of two different models share the site name {first.site.name!r}; "
            "expected units of one subject. Take both sets from the same one."
        )
    pairs = np.stack([
        np.concatenate([block.indices for block in group]),
        np.concatenate([block.positions for block in group]),
    ])
    _, seen = np.unique(pairs, axis=1, return_index=True)
    kept = pairs[:, np.sort(seen)]
    return UnitBlock(first.site, first.kind, kept[0], kept[1])
