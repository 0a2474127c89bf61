"""nudge: (perturbation, z) → Δz, once, for prediction and measurement alike.

All units of a site are nudged in one tensor, each by what it would get alone.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.errors import PerturbationError
from neurodemon.terms.perturbations import (
    Add,
    Mean,
    Noise,
    Patch,
    Perturbation,
    Resample,
    Scale,
    Set,
    Zero,
)
from neurodemon.terms.radii import Std
from neurodemon.terms.shapes import Bool, Float

ROUNDINGS = 4  # of a value of the site's size: a spread below them is none


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and std of each unit of a site, over all examples and positions of all batches.

    Attributes:
        mean: per unit.
        std: per unit (divided by n); the site's, else 1, where a unit is constant.
        is_constant: whether the unit is constant, so that another std stands in.
        stand_in: which one does: `site`, or `one` where the site's is 0 too.
        site_std: the site's, over all its units.
    """

    mean: Float[Tensor, " unit"]
    std: Float[Tensor, " unit"]
    is_constant: Bool[Tensor, " unit"]
    stand_in: str
    site_std: Float[Tensor, ""]

    @property
    def n_constant(self) -> int:
        """How many units are constant."""
        return int(self.is_constant.sum())


@dataclass(frozen=True, eq=False)
class Reference:
    """What a perturbation may read beyond z itself.

    Attributes:
        statistics: of the site.
        other: the values to put in z's place (`Resample`, `Patch`), in z's layout.
        generator: for noise.
    """

    statistics: Statistics | None = None
    other: Float[Tensor, "example position unit"] | None = None
    generator: torch.Generator | None = None


def nudge(
    perturbation: Perturbation,
    z: Float[Tensor, "example position unit"],
    reference: Reference,
) -> Float[Tensor, "example position unit"]:
    """Compute Δz of every unit of a site.

    Args:
        perturbation: what the demon wants.
        z: the site's value, in canonical layout.
        reference: what the perturbation reads beyond z.

    Returns:
        Δz, in the layout and dtype of z.

    Raises:
        PerturbationError: no rule for this perturbation, or what it reads is missing.

    Example:
        >>> nudge(Zero(), torch.tensor([[[1.0, -2.0]]]), Reference())
        tensor([[[-1.,  2.]]])
    """
    rule = _RULES.get(type(perturbation))
    if rule is None:
        raise PerturbationError(
            f"{perturbation!r} is no perturbation; expected one of "
            f"{', '.join(kind.__name__ for kind in _RULES)}."
        )
    return rule(perturbation, z, reference).to(z.dtype)


def statistics(values: Iterable[Float[Tensor, "_ _ _"]]) -> Statistics:
    """Compute mean and std of each unit over all batches, in float64.

    Args:
        values: z of each batch, (example, position, unit); at least one. Batches may differ in
            examples and positions.

    Returns:
        The statistics, in float64.

    Raises:
        PerturbationError: the batches differ in their number of units.
    """
    count, mean, squares, dtypes = 0, torch.zeros(()), torch.zeros(()), set[torch.dtype]()
    for z in values:
        own = z.reshape(-1, z.shape[-1]).double()
        if count and own.shape[1] != len(mean):
            counts = sorted({len(mean), own.shape[1]})
            raise PerturbationError(
                f"The batches have {counts} units here; expected as many in each, to take a "
                "unit's mean or std over all of them. Make one subject per shape."
            )
        if not len(own):
            continue
        middle = own.sum(0) / len(own)
        apart, share = middle - mean, len(own) / (count + len(own))
        spread = (own - middle).square().sum(0)
        squares = squares + spread + apart.square() * (count * share)
        mean = middle if not count else mean + apart * share
        count += len(own)
        dtypes.add(z.dtype)
    variance = squares / count
    std = variance.sqrt()
    # a constant unit's own rounding: that of a sum, whose terms may be as large as the site's z
    size = torch.maximum(mean.abs(), (variance + mean.square()).mean().sqrt())
    is_constant = std <= ROUNDINGS * max(torch.finfo(dtype).eps for dtype in dtypes) * size
    whole = (variance + (mean - mean.mean()).square()).mean().sqrt()
    name, value = ("site", whole) if whole > 0 else ("one", torch.ones_like(whole))
    std = torch.where(is_constant, value, std)
    return Statistics(mean, std, is_constant, name, whole)


def seeded(seed: int, *words: object) -> torch.Generator:
    """Make a generator from a seed and the words that say what it is for."""
    digest = hashlib.blake2b(repr((seed, *words)).encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest))


def needs_statistics(perturbation: Perturbation) -> bool:
    """Whether Δz depends on the units' mean or std."""
    amount = getattr(perturbation, "dz", getattr(perturbation, "std", None))
    return isinstance(perturbation, Mean) or isinstance(amount, Std)


def _amount(amount: float | int | Std, z: Tensor, reference: Reference) -> Tensor:
    """A number, or so many std per unit, as a tensor that broadcasts to z."""
    if isinstance(amount, Std):
        return amount.factor * _statistics(reference).std.to(z)
    return z.new_full((), amount)


def _noise(perturbation: Noise, z: Tensor, reference: Reference) -> Tensor:
    """Gaussian noise, drawn on the CPU so that every device gets the same."""
    draw = torch.randn(z.shape, generator=reference.generator, dtype=torch.float64)
    return _amount(perturbation.std, z, reference) * draw.to(z)


def _replace(_perturbation: Resample | Patch, z: Tensor, reference: Reference) -> Tensor:
    """Put other values in z's place."""
    if reference.other is None or reference.other.shape != z.shape:
        found = None if reference.other is None else tuple(reference.other.shape)
        raise PerturbationError(
            f"The values to put in are of shape {found}; expected {tuple(z.shape)}, as the "
            "site's own (example, position, unit)."
        )
    return reference.other - z


def _statistics(reference: Reference) -> Statistics:
    """The statistics, which must be there."""
    if reference.statistics is None:
        raise PerturbationError("This perturbation needs the site's mean and std; none given.")
    return reference.statistics


_RULES: dict[type, Callable[[Any, Tensor, Reference], Tensor]] = {
    Zero: lambda _, z, __: -z,
    Mean: lambda _, z, reference: _statistics(reference).mean.to(z) - z,
    Add: lambda p, z, reference: _amount(p.dz, z, reference).expand_as(z),
    Scale: lambda p, z, _: (p.factor - 1) * z,
    Set: lambda p, z, _: p.value - z,
    Noise: _noise,
    Resample: _replace,
    Patch: _replace,
}
