"""Activations: what a change comes to behind one, fast and with its digits.

Of each clean number some parts are made once, in float64, and rounded: with them a change takes a
few passes in the model's own precision. Source: addition theorems of tanh, and Taylor's for GELU.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.formulas import rectified_change, square_change, tanh_change
from neurodemon.terms.shapes import Float

POLE = 0.1  # 1 + tanh(z)·tanh(d) below it has lost digits: rare, and taken another way
NEAR = {torch.float32: 2.0**-4, torch.float64: 2.0**-10}  # where four terms of Taylor's do
CUBIC = 0.044715  # of GELU's tanh form

Numbers = Float[Tensor, "..."]
Parts = Sequence[Numbers]


@dataclass(frozen=True)
class Activation:
    """One activation.

    Attributes:
        parts: of z in float64, what its changes are made of.
        change: of these parts, of shapes that broadcast, and d: f(z + d) − f(z).
    """

    parts: Callable[[Numbers], Parts]
    change: Callable[[Parts, Numbers], Numbers]


def _tanh_parts(z: Numbers) -> Parts:
    """Of tanh: z, tanh z and its slope."""
    return z, torch.tanh(z), torch.cosh(z).pow(-2)


def _tanh(parts: Parts, change: Numbers) -> Numbers:
    """tanh(z + d) − tanh(z) = tanh d · slope / (1 + tanh z · tanh d)."""
    z, tanh, slope = parts
    moved = torch.tanh(change)
    bottom = torch.addcmul(moved.new_ones(()), tanh, moved)
    found = moved.mul_(slope).div_(bottom)
    is_lost = bottom < POLE
    if bool(is_lost.any()):
        found[is_lost] = tanh_change(z.expand_as(change)[is_lost], change[is_lost])
    return found


def _sigmoid(parts: Parts, change: Numbers) -> Numbers:
    """σ(z + d) − σ(z), the parts being of z/2."""
    return _tanh(parts, change / 2).mul_(0.5)


def _silu_parts(z: Numbers) -> Parts:
    return z, torch.sigmoid(z), *_tanh_parts(z / 2)


def _silu(parts: Parts, change: Numbers) -> Numbers:
    """d·σ(z) + (z + d)·Δσ."""
    z, sigmoid, *half = parts
    return torch.addcmul(change * sigmoid, z + change, _sigmoid(half, change))


def _gelu_tanh_parts(z: Numbers) -> Parts:
    inner = math.sqrt(2 / math.pi) * (z + CUBIC * z**3)
    return z, 1 - torch.tanh(-inner), *_tanh_parts(inner)


def _gelu_tanh(parts: Parts, change: Numbers) -> Numbers:
    """½·(d·(1 + tanh u) + (z + d)·Δtanh u), u = √(2/π)·(z + 0.044715·z³)."""
    z, one_more, *inner = parts
    step = change + CUBIC * cube_change(z, change)
    moved = _tanh(inner, step.mul_(math.sqrt(2 / math.pi)))
    return torch.addcmul(change * one_more, z + change, moved).mul_(0.5)


def _gelu_parts(z: Numbers) -> Parts:
    """Of GELU: z, the value and four derivatives, as Taylor has them."""
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    below = torch.erfc(-z / math.sqrt(2)) / 2
    return (
        z,
        z * below,
        below + z * density,
        density * (2 - z**2) / 2,
        density * (z**3 - 4 * z) / 6,
        density * (7 * z**2 - z**4 - 4) / 24,
    )


def _gelu(parts: Parts, change: Numbers) -> Numbers:
    """A small change by Taylor's series, a large one as a difference."""
    z, value, first, second, third, fourth = parts
    near = torch.addcmul(third, fourth, change)
    near = torch.addcmul(first, torch.addcmul(second, near, change), change).mul_(change)
    is_far = change.abs() > NEAR[change.dtype]
    if not bool(is_far.any()):
        return near
    return torch.where(is_far, functional.gelu(z + change).sub_(value), near)


def cube_change(clean: Numbers, change: Numbers) -> Numbers:
    """Give (z + d)³ − z³ = d·(3·z·(z + d) + d²).

    Args:
        clean: z.
        change: d.

    Returns:
        The difference.
    """
    return change * torch.addcmul(3 * clean * (clean + change), change, change)


def rectified_parts(z: Numbers) -> tuple[Numbers, Numbers]:
    """Give what a ReLU's change is made of: min(z, 0) and −max(z, 0)."""
    return z.clamp(max=0), -z.clamp(min=0)


def leaky(slope: float = 0.01) -> Activation:
    """Make the leaky ReLU of a slope: a·d + (1 − a)·ΔReLU."""

    def change_of(parts: Parts, change: Numbers) -> Numbers:
        below, above = parts
        rectified = rectified_change(below, above, change.clone())
        return torch.add(slope * change, rectified, alpha=1 - slope)

    return Activation(rectified_parts, change_of)


def clipped(low: float = -1.0, high: float = 1.0) -> Activation:
    """Make what cuts off at both ends: d + (z − c) between low − c and high − c, c what z gives."""

    def parts(z: Numbers) -> Parts:
        inside = z.clamp(low, high)
        return z - inside, low - inside, high - inside

    return Activation(
        parts, lambda parts, change: torch.clamp(parts[0] + change, parts[1], parts[2])
    )


ACTIVATIONS: Mapping[str, Activation] = {
    "tanh": Activation(_tanh_parts, _tanh),
    "sigmoid": Activation(lambda z: _tanh_parts(z / 2), _sigmoid),
    "silu": Activation(_silu_parts, _silu),
    "gelu": Activation(_gelu_parts, _gelu),
    "gelu tanh": Activation(_gelu_tanh_parts, _gelu_tanh),
    "square": Activation(lambda z: (z,), lambda parts, change: square_change(parts[0], change)),
    "cube": Activation(lambda z: (z,), lambda parts, change: cube_change(parts[0], change)),
}
POWERS: Mapping[object, Activation] = {2: ACTIVATIONS["square"], 3: ACTIVATIONS["cube"]}
MADE: Mapping[str, Callable[..., Activation]] = {
    "leaky_relu": leaky,
    "hardtanh": clipped,
    "relu6": lambda: clipped(0.0, 6.0),
}


def activation_of(
    name: str, settings: Sequence[object], keywords: Mapping[str, object]
) -> Activation | None:
    """Find the formula of an elementwise operation.

    Args:
        name: of the operation.
        settings: what it is given beside the value, in order.
        keywords: and by name.

    Returns:
        The activation; None where there is none of these settings.
    """
    if name == "gelu":
        is_tanh = [*settings, *keywords.values()] == ["tanh"]
        return ACTIVATIONS["gelu tanh" if is_tanh else "gelu"]
    if name in MADE and not keywords:
        return MADE[name](*settings)
    if name == "pow" and len(settings) == 1:
        return POWERS.get(settings[0])
    return None if settings or keywords else ACTIVATIONS.get(name)
