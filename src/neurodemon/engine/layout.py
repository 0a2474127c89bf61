"""One layout for all sites: (example, position, unit), and back.

A site's axes may stand in any order, with any number of position axes. The maths sees them
as three: positions flattened in row-major order, a missing position or unit axis of size 1.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.errors import UnitIndexError
from neurodemon.terms.shapes import Float, Int
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock


def canonical(value: Tensor, site: Site) -> Float[Tensor, "example position unit"]:
    """Bring a site's value into the layout (example, position, unit); a view where it can be."""
    value = value.permute(_order(site))
    n_units = value.shape[-1] if "unit" in site.axes else 1
    return value.reshape(value.shape[0], -1, n_units)


def restore(value: Tensor, site: Site, shape: tuple[int, ...]) -> Tensor:
    """Bring a canonical value back into the site's own layout.

    Args:
        value: (example, position, unit), of any number of examples.
        site: the site.
        shape: the shape of the site's value in its own layout; its example axis is ignored.

    Returns:
        The value in the site's own layout.
    """
    order = _order(site)
    sizes = [value.shape[0] if site.axes[axis] == "example" else shape[axis] for axis in order]
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return value.reshape(sizes).permute(inverse)


def require_units(value: Float[Tensor, "example position unit"], block: UnitBlock) -> None:
    """Refuse units that a batch does not have: its positions or units may be fewer.

    Args:
        value: of the site, for this batch.
        block: the units.

    Raises:
        UnitIndexError: a unit or a position is out of range here.
    """
    lasts = {"position": int(block.positions.max(initial=-1))}
    if block.kind not in {"position", "direction"}:
        lasts["unit"] = int(_features(block).max())
    sizes = {"position": value.shape[1], "unit": value.shape[2]}
    for what, last in lasts.items():
        if last >= sizes[what]:
            raise UnitIndexError(
                f"{what.capitalize()} {last} of site {block.site.name!r} is not in every batch: "
                f"one has {sizes[what]}; expected units that all batches have. Select fewer, or "
                "make one subject per shape."
            )


def coordinates(
    value: Float[Tensor, "example position unit"], block: UnitBlock
) -> Float[Tensor, "example position coordinate"]:
    """Give the numbers on which a block's demons act: a direction's coordinates, else z itself.

    Args:
        value: z of the site.
        block: the units.

    Returns:
        Of directions c = z·v / ‖v‖², one coordinate for each of the block; else the value.
    """
    if block.kind != "direction":
        return value
    vectors = _vectors(value, block)
    return (value.to(vectors) @ vectors.T / vectors.square().sum(1)).to(value.dtype)


def along(
    slope: Float[Tensor, "example position unit"], block: UnitBlock
) -> Float[Tensor, "example position coordinate"]:
    """Give the slope with respect to `coordinates`: of directions ∂C/∂c = δ·v, else δ itself."""
    if block.kind != "direction":
        return slope
    vectors = _vectors(slope, block)
    return slope.to(vectors) @ vectors.T


def unit_slopes(slope: Tensor, site: Site, block: UnitBlock) -> Float[Tensor, "example row"]:
    """Give δ of each unit of a block, float64: summed over what its Δz is added to.

    Args:
        slope: δ at the site, in the site's own layout.
        site: the site.
        block: the units.

    Returns:
        ∂C/∂(the unit's number), per example.
    """
    return over_units(along(canonical(slope, site).double(), block), block)


def over_units(
    contributions: Float[Tensor, "example position coordinate"], block: UnitBlock
) -> Float[Tensor, "example row"]:
    """Add up what each unit of a block contributes: over its positions, or its features."""
    if block.kind == "position":
        return contributions.sum(2)[:, block.positions]
    features = _places(block)
    if block.is_everywhere:
        return contributions.sum(1)[:, features].sum(2)
    return contributions[:, block.positions[:, None], features].sum(2)


def take_units(
    value: Float[Tensor, "example position coordinate"], block: UnitBlock
) -> Float[Tensor, "row example part"]:
    """Take each unit's own numbers, a row each: its features at its positions.

    Args:
        value: of the site; for directions their coordinates, of this block alone.
        block: the units.

    Returns:
        Their numbers; a part is (position, feature), flattened.
    """
    if block.kind == "position":
        return value[:, block.positions].transpose(0, 1)
    features = _places(block)
    if block.is_everywhere:
        if features.shape[1] == 1:
            own = torch.as_tensor(features[:, 0], device=value.device)
            return value.movedim(2, 0).index_select(0, own)  # rows first: ten times as fast
        return value[:, :, features].permute(2, 0, 1, 3).flatten(2)
    return value[:, block.positions[:, None], features].transpose(0, 1)


def take_pairs(
    value: Float[Tensor, "example position coordinate"],
    block: UnitBlock,
    rows: Int[Tensor, " pair"],
    examples: Int[Tensor, " pair"],
) -> Float[Tensor, "pair part"]:
    """Take the own numbers of single pairs, as `take_units` would give them.

    Args:
        value: of the site; for directions their coordinates, of this block alone.
        block: the units.
        rows: each pair's unit, by its place in the block.
        examples: each pair's example.

    Returns:
        The numbers of each pair's unit on its example.
    """
    if block.kind not in {"neuron", "channel"} or not block.is_everywhere:
        return take_units(value, block)[rows, examples]
    units = torch.as_tensor(block.indices, device=value.device)[rows.to(value.device)]
    return value[examples.to(value.device), :, units]


def fill_units(
    into: Float[Tensor, "example position coordinate"],
    numbers: Float[Tensor, "example row"],
    block: UnitBlock,
) -> None:
    """Put one number per unit at all its features and positions, in place.

    Units that share a feature cannot be told apart there: of such, take one at a time.
    """
    if block.kind == "position":
        into[:, block.positions] = numbers.unsqueeze(2)
    elif block.is_everywhere:
        into[:, :, _places(block)] = numbers[:, None, :, None].to(into)
    else:
        into[:, block.positions[:, None], _places(block)] = numbers.unsqueeze(2)


def put_units(
    into: Float[Tensor, "row example position unit"],
    own: Float[Tensor, "row example part"],
    block: UnitBlock,
) -> None:
    """Put each unit's own numbers into its row, in place; all else stays.

    Of directions the numbers are changes Δc, and c·v changes by Δc·v.
    """
    place = torch.arange(len(block), device=into.device)
    positions = torch.as_tensor(block.positions, device=into.device)
    if block.kind == "position":
        into[place, :, positions] = own
    elif block.kind == "direction":
        change = (own.unsqueeze(3) * _vectors(into, block)[:, None, None]).to(into.dtype)
        if block.is_everywhere:
            into += change
        else:
            into[place, :, positions] += change.squeeze(2)
    elif block.is_everywhere:
        features = torch.as_tensor(_features(block), device=into.device)
        parts = own.reshape(*own.shape[:2], into.shape[2], features.shape[1])
        into[place[:, None], :, :, features] = parts.permute(0, 3, 1, 2)
    else:
        features = torch.as_tensor(_features(block), device=into.device)
        into[place[:, None], :, positions[:, None], features] = own.transpose(1, 2)


def _places(block: UnitBlock) -> Int[NDArray[np.int64], "row feature"]:
    """The coordinates of each unit: its features, or a direction's own."""
    return np.arange(len(block))[:, None] if block.kind == "direction" else _features(block)


def _features(block: UnitBlock) -> Int[NDArray[np.int64], "row feature"]:
    """The features of each unit along the unit axis."""
    if block.kind == "head":
        size = block.site.n_units // (block.site.heads or 1)
        return block.indices[:, None] * size + np.arange(size)
    if block.kind == "group" and block.members is not None:
        return block.members
    return block.indices[:, None]


def _vectors(like: Tensor, block: UnitBlock) -> Float[Tensor, "row unit"]:
    """The directions' vectors, in float64 on a tensor's device."""
    return torch.as_tensor(block.members, dtype=torch.float64, device=like.device)


def _order(site: Site) -> list[int]:
    """The axes in the order example, positions, unit."""
    ranks = {"example": 0, "position": 1, "unit": 2}
    return sorted(range(len(site.axes)), key=lambda axis: (ranks[site.axes[axis]], axis))
