"""Units: the coordinates of a site that a demon can take, alone or by the thousand.

A `UnitSet` keeps its units in columns, one block per site and kind, so that thousands of
neurons cost two small arrays. It never holds a tensor of the model.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import SelectionError
from neurodemon.terms.sites import Site

UnitKind = Literal["neuron", "channel", "head", "position", "cell", "group", "direction"]
NO_INDEX = -1  # in the columns: a unit that has no index along this axis


@dataclass(frozen=True)
class Unit:
    """One coordinate of a site.

    Attributes:
        site: where it sits.
        kind: `neuron`, `channel` or `head` (all positions), `cell` (one feature at one
            position), `position` (all features at one position), `group` (features of the
            user's choice) or `direction` (a vector through the features).
        index: along the unit axis; of a head its number, of a direction that of its vector;
            None for a position or group.
        position: the (flattened) position; None for all positions.
        name: of a group or direction.
        members: of a group its features, of a direction its vector; else None.

    Example:
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 32))
        >>> str(Unit(site, "neuron", 17, None))
        'fc1[17]'
    """

    site: Site
    kind: UnitKind
    index: int | None
    position: int | None
    name: str = ""
    members: tuple[int, ...] | tuple[float, ...] | None = None

    def __str__(self) -> str:
        """Spell the unit: but for groups and directions, as a selection that finds it again."""
        return spell_unit(self.site.name, self.kind, self.index, self.position, self.name)


def spell_unit(
    site: str, kind: str | None, index: int | None, position: int | None, name: str = ""
) -> str:
    """Spell a unit by its columns: `fc1[3]`, `fc1[3]@5`, `o_proj:in/head[2]`, `fc1/position[5]`.

    Args:
        site: its site's name.
        kind: what kind of unit it is.
        index: along the unit axis.
        position: which position.
        name: of a group or direction.

    Returns:
        The text; a selection that finds it again, but for groups and directions.

    Example:
        >>> spell_unit("o_proj:in", "head", 2, None), spell_unit("fc1", "group", None, None, "pair")
        ('o_proj:in/head[2]', 'fc1/group(pair)')
    """
    if kind == "position":
        return f"{site}/position[{position}]"
    at = "" if position is None else f"@{position}"
    if kind == "group":
        return f"{site}/group({name}){at}"
    number = "" if index is None else f"[{index}]"
    if kind == "direction":
        return f"{site}/direction({name}){number}{at}"
    return f"{site}{'/head' if kind == 'head' else ''}{number}{at}"


@dataclass(frozen=True, eq=False)
class UnitBlock:
    """Units of one kind at one site, in columns (`NO_INDEX` where there is none).

    All of them are at all positions, or each is at one position.

    Attributes:
        site: where they sit.
        kind: what they are.
        indices: along the unit axis.
        positions: which position each is at.
        names: of groups and directions, one each; else empty.
        members: of groups their features (int64), of directions their vectors (float64), a row
            each; else None.
    """

    site: Site
    kind: UnitKind
    indices: NDArray[np.int64]
    positions: NDArray[np.int64]
    names: tuple[str, ...] = ()
    members: NDArray[Any] | None = None

    def __len__(self) -> int:
        """Count the units."""
        return len(self.indices)

    def __getitem__(self, rows: slice) -> "UnitBlock":
        """Take a run of the units, in order."""
        return self.take(np.arange(len(self))[rows])

    def __iter__(self) -> Iterator[Unit]:
        """Spell the units out, one by one."""
        members = [None] * len(self) if self.members is None else map(tuple, self.members.tolist())
        names = self.names or ("",) * len(self)
        columns = (self.indices.tolist(), self.positions.tolist(), names, members)
        for index, position, name, own in zip(*columns, strict=True):
            yield Unit(
                self.site,
                self.kind,
                None if index == NO_INDEX else index,
                None if position == NO_INDEX else position,
                name,
                own,
            )

    @property
    def is_everywhere(self) -> bool:
        """Whether the units are at all positions."""
        return bool((self.positions == NO_INDEX).all())

    def take(self, rows: NDArray[np.int64]) -> "UnitBlock":
        """Take units by number, in the order given; one may be taken twice."""
        return UnitBlock(
            self.site,
            self.kind,
            self.indices[rows],
            self.positions[rows],
            tuple(self.names[row] for row in rows.tolist()) if self.names else (),
            None if self.members is None else self.members[rows],
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
        """A hash of the content: sites, kinds, indices, positions, groups and directions."""
        digest = hashlib.blake2b(digest_size=16)
        for block in self.blocks:
            digest.update(f"{block.site.name}|{block.kind}|{len(block)}|".encode())
            digest.update(np.ascontiguousarray(block.indices).tobytes())
            digest.update(np.ascontiguousarray(block.positions).tobytes())
            if block.members is not None:
                digest.update(repr(block.names).encode())
                digest.update(np.ascontiguousarray(block.members).tobytes())
        return digest.hexdigest()


def _single(unit: Unit) -> UnitBlock:
    """Wrap one unit as a block."""
    index = NO_INDEX if unit.index is None else unit.index
    position = NO_INDEX if unit.position is None else unit.position
    return UnitBlock(
        unit.site,
        unit.kind,
        np.array([index]),
        np.array([position]),
        () if unit.members is None else (unit.name,),
        None if unit.members is None else np.array([unit.members]),
    )


def _merge(blocks: tuple[UnitBlock, ...]) -> tuple[UnitBlock, ...]:
    """Join blocks of the same site and kind, in order of first sight, dropping repeats."""
    groups: dict[tuple[object, ...], list[UnitBlock]] = {}
    for block in blocks:
        size = 0 if block.members is None else block.members.shape[1]
        key = (block.site.name, block.kind, size, block.is_everywhere)
        groups.setdefault(key, []).append(block)
    return tuple(_join(group) for group in groups.values())


def _join(group: list[UnitBlock]) -> UnitBlock:
    """Concatenate blocks of one site and kind, keeping the first of equal units."""
    first = group[0]
    if any(block.site != first.site for block in group):
        raise SelectionError(
            f"Units of two different models share the site name {first.site.name!r}; "
            "expected units of one subject. Take both sets from the same one."
        )
    members = [block.members for block in group if block.members is not None]
    whole = UnitBlock(
        first.site,
        first.kind,
        np.concatenate([block.indices for block in group]),
        np.concatenate([block.positions for block in group]),
        tuple(name for block in group for name in block.names),
        np.concatenate(members) if members else None,
    )
    columns = [whole.indices, whole.positions]
    if whole.members is not None:  # equal rows get equal numbers
        _, same = np.unique(whole.members, axis=0, return_inverse=True)
        columns.append(same)
    _, seen = np.unique(np.stack(columns), axis=1, return_index=True)
    return whole.take(np.sort(seen))
