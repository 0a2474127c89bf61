"""The ladder written down from the notes in NumPy and autograd, example by example.

Source: theory.md §1.4. Values come from hooks on the user's own model, in float64.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from oracles.hooks import Place, hooked, run
from torch import Tensor, nn

Cost = Callable[[Any, Any], Tensor]


def value_and_delta(
    model: nn.Module, inputs: Any, target: Any, cost: Cost, name: str
) -> tuple[Tensor, Tensor]:
    """A module's value and ∂C/∂value per example, by a leaf put in its place."""
    held: list[Tensor] = []

    def leaf(value: Tensor) -> Tensor:
        held.append(value.detach().clone().requires_grad_())
        return held[0].clone()  # the model may write on it

    with hooked(model, Place.parse(name), leaf):
        costs = cost(run(model, inputs), target)
    (delta,) = torch.autograd.grad(costs.sum(), held[0])
    return held[0].detach(), delta


def jacobian_of_outputs(model: nn.Module, inputs: Any, name: str) -> Tensor:
    """∂output/∂value per example, (example, output, *value), one backward per output."""
    held: list[Tensor] = []

    def leaf(value: Tensor) -> Tensor:
        held.append(value.detach().clone().requires_grad_())
        return held[0].clone()  # the model may write on it

    with hooked(model, Place.parse(name), leaf):
        output = run(model, inputs)
    rows = [
        torch.autograd.grad(output[:, place].sum(), held[0], retain_graph=True)[0]
        for place in range(output.shape[1])
    ]
    return torch.stack(rows, dim=1)


def link_cross_entropy(x: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """log1p(q·expm1(x/q)), q = 1 − e^−C."""
    q = -np.expm1(-cost)[:, None]
    return np.log1p(q * np.expm1(x / q))


def link_squared(x: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """x + x²/(4C)."""
    return x + x**2 / (4 * cost[:, None])


def link_absolute(x: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """|C + x| − C."""
    return np.abs(cost[:, None] + x) - cost[:, None]


def sum_over(contributions: Tensor, axes: Sequence[str]) -> np.ndarray:
    """Add each unit's contributions over its positions: (example, unit)."""
    drop = [axis for axis, role in enumerate(axes) if role == "position"]
    kept = contributions.sum(drop) if drop else contributions
    order = [role for role in axes if role != "position"]
    return (kept if order == ["example", "unit"] else kept.T).numpy()
