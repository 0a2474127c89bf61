"""Slopes by central differences, in float64, on the user's own model."""

from collections.abc import Callable
from typing import Any

from oracles.hooks import cost_with
from torch import Tensor, nn

STEP = 1e-4  # best for central differences in float64: theory.md §5


def slope(
    model: nn.Module, batch: tuple[Any, Any], cost: Callable[..., Tensor], name: str, mask: Any
) -> Tensor:
    """dC/dt per example, t added to all numbers of a unit at a module."""

    def cost_at(step: float) -> Tensor:
        def change(value: Tensor) -> Tensor:
            value = value.clone()
            value[mask] += step
            return value

        return cost_with(model, batch[0], batch[1], cost, name, change)

    return (cost_at(STEP) - cost_at(-STEP)) / (2 * STEP)


def derivative(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """f′ of an elementwise function."""
    return (function(at + STEP) - function(at - STEP)) / (2 * STEP)
