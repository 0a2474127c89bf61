"""One layout for all sites: (example, position, unit), and back.

A site's axes may stand in any order, with any number of position axes. The maths sees them
as three: positions flattened in row-major order, a missing position or unit axis of size 1.
"""

import torch
from torch import Tensor

from neurodemon.errors import UnitIndexError
from neurodemon.terms.shapes import Float
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
        UnitIndexError: one of them lies outside the value.
    """
    sizes = value.shape[1:]
    for what, numbers, size in zip(
        ("position", "unit"), (block.positions, block.indices), sizes, strict=True
    ):
        last = int(numbers.max(initial=-1))
        if last >= size:
            raise UnitIndexError(
                f"{what.capitalize()} {last} of site {block.site.name!r} is not in every batch: "
                f"one has {size}; expected units that all batches have. Select fewer, or make "
                "one subject per shape."
            )


def over_units(
    contributions: Float[Tensor, "example position unit"], block: UnitBlock
) -> Float[Tensor, "example row"]:
    """Add up what each unit of a block contributes: over its positions, or its features."""
    indices, positions = block.indices, block.positions
    if block.kind == "position":
        return contributions.sum(2)[:, positions]
    if block.kind == "cell":
        return contributions[:, positions, indices]
    return contributions.sum(1)[:, indices]


def take_units(
    value: Float[Tensor, "example position unit"], block: UnitBlock
) -> Float[Tensor, "row example part"]:
    """Take each unit's own numbers, a row each: its positions, or a position's features."""
    if block.kind == "position":
        return value[:, block.positions].transpose(0, 1)
    if block.kind == "cell":
        return value[:, block.positions, block.indices].T.unsqueeze(2)
    return value[:, :, block.indices].permute(2, 0, 1)


def put_units(
    into: Float[Tensor, "row example position unit"],
    own: Float[Tensor, "row example part"],
    block: UnitBlock,
) -> None:
    """Put each unit's own numbers into its row, in place; all else stays."""
    place = torch.arange(len(block), device=into.device)
    units = torch.as_tensor(block.indices, device=into.device)
    positions = torch.as_tensor(block.positions, device=into.device)
    if block.kind == "position":
        into[place, :, positions] = own
    elif block.kind == "cell":
        into[place, :, positions, units] = own.squeeze(2)
    else:
        into[place, :, :, units] = own


def _order(site: Site) -> list[int]:
    """The axes in the order example, positions, unit."""
    ranks = {"example": 0, "position": 1, "unit": 2}
    return sorted(range(len(site.axes)), key=lambda axis: (ranks[site.axes[axis]], axis))
