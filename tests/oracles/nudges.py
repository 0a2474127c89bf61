"""What each perturbation makes of z, written down from its definition in NumPy.

Mean and std are over all examples and positions of all batches, per unit; where a unit is
constant the site's std, else 1, stands in (DESIGN §1, radius).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from neurodemon.terms.perturbations import Add, Mean, Perturbation, Scale, Set, Zero
from neurodemon.terms.radii import Std


def moved_values(
    perturbation: Perturbation, values: Sequence[Tensor], axes: Sequence[str]
) -> list[Tensor]:
    """Give what the values of all batches become.

    Args:
        perturbation: one that draws nothing at random.
        values: z of each batch.
        axes: the role of each axis.

    Returns:
        z + Δz of each batch, in the dtype of z.
    """
    unit = axes.index("unit") if "unit" in axes else None
    rows = [_by_unit(value.double().numpy(), unit) for value in values]
    flat = np.concatenate(rows, axis=1)
    mean, std = flat.mean(1), flat.std(1)
    whole = flat.std() if flat.std() > 0 else 1.0
    std = np.where(std <= 1e-7 * np.abs(mean), whole, std)

    def along(numbers: np.ndarray, value: np.ndarray) -> np.ndarray:
        shape = [1] * value.ndim
        if unit is not None:
            shape[unit] = -1
        return numbers.reshape(shape)

    rules: dict[type, Callable[[np.ndarray], np.ndarray]] = {
        Zero: lambda z: 0 * z,
        Mean: lambda z: 0 * z + along(mean, z),
        Add: lambda z: z + _amount(perturbation, along(std, z)),
        Scale: lambda z: perturbation.factor * z,
        Set: lambda z: 0 * z + perturbation.value,
    }
    rule = rules[type(perturbation)]
    return [torch.from_numpy(rule(value.double().numpy())).to(value.dtype) for value in values]


def _by_unit(value: np.ndarray, unit: int | None) -> np.ndarray:
    """All numbers of each unit in a row."""
    return (
        value.reshape(1, -1)
        if unit is None
        else np.moveaxis(value, unit, 0).reshape(value.shape[unit], -1)
    )


def _amount(perturbation: Add, std: np.ndarray) -> np.ndarray | float:
    """The number to add, or so many std."""
    return perturbation.dz.factor * std if isinstance(perturbation.dz, Std) else perturbation.dz
