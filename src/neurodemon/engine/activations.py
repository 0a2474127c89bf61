"""Activations: what a change comes to behind one, fast and with its digits.

Of each clean number some parts are made once, in float64, and rounded: with them a change takes a
few passes in the model's own precision. Source: σ's addition theorem, and Taylor's for GELU.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.formulas import rectified_change, sigmoid_change, square_change
from neurodemon.terms.shapes import Float

POLE, FAR = 0.03, 1e30  # between these 1 + σ(z)·(eᵈ − 1) has its digits
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


def _sigmoid_parts(z: Numbers) -> Parts:
    """Of σ: z, σ(z), σ(−z), and the slope."""
    above, below = torch.sigmoid(z), torch.sigmoid(-z)
    return z, above, below, above * below


def _sigmoid(parts: Parts, change: Numbers) -> Numbers:
    """σ(z + d) − σ(z) = slope·(eᵈ − 1) / (σ(−z) + σ(z)·eᵈ), whose parts are all above 0."""
    z, above, below, slope = parts
    grown = torch.expm1(change)
    bottom = torch.addcmul(grown.new_ones(()), above, grown)
    least, most = bottom.aminmax()
    if not bool(least >= POLE):
        bottom = torch.addcmul(below, above, torch.exp(change))
    found = grown.mul_(slope).div_(bottom)
    if not bool(most < FAR):
        is_lost = ~(bottom < FAR)
        found[is_lost] = sigmoid_change(z.expand_as(change)[is_lost], change[is_lost])
    return found


def _tanh(parts: Parts, change: Numbers) -> Numbers:
    """tanh(z + d) − tanh(z) = 2·Δσ, the parts and the change being of 2·z."""
    return _sigmoid(parts, 2 * change).mul_(2)


def _silu(parts: Parts, change: Numbers) -> Numbers:
    """d·σ(z) + (z + d)·Δσ, the parts being those of σ."""
    z, sigmoid = parts[:2]
    return torch.addcmul(change * sigmoid, z + change, _sigmoid(parts, change))


def _gelu_tanh_parts(z: Numbers) -> Parts:
    """Of GELU's tanh form: z, and the parts of σ at v."""
    return z, *_sigmoid_parts(math.sqrt(8 / math.pi) * (z + CUBIC * z**3))


def _gelu_tanh(parts: Parts, change: Numbers) -> Numbers:
    """The same as SiLU with σ(v), v = √(8/π)·(z + 0.044715·z³), since ½·(1 + tanh u) = σ(2·u)."""
    z, *inner = parts
    step = torch.add(change, cube_change(z, change), alpha=CUBIC).mul_(math.sqrt(8 / math.pi))
    return torch.addcmul(change * inner[1], z + change, _sigmoid(inner, step))


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
    most = NEAR[change.dtype]
    small = change.clamp(-most, most)
    near = torch.addcmul(third, fourth, small)
    near = torch.addcmul(first, torch.addcmul(second, near, small), small).mul_(small)
    is_far = change.abs().gt_(most)  # 0 or 1: `where` would take four times as long as all this
    return torch.lerp(near, functional.gelu(z + change).sub_(value), is_far)


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
    "tanh": Activation(lambda z: _sigmoid_parts(2 * z), _tanh),
    "sigmoid": Activation(_sigmoid_parts, _sigmoid),
    "silu": Activation(_sigmoid_parts, _silu),
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
