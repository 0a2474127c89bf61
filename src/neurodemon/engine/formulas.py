"""Formulas: what a change of a number comes to behind an operation, without a difference of states.

f(z + d) − f(z) computed as it stands is rounded at |f(z)|: in float32 an effect of 3e-9 beside a
cost of 1 is noise. Each formula here keeps the digits of d. Source: theory.md §5.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from neurodemon.terms.shapes import Float, Int

FAR = 30.0  # beyond it exp is left to logarithms
DEEP = -0.5  # below it a sum is too near to −1 for log1p

Operation = Callable[[Tensor], Tensor]
Numbers = Float[Tensor, "..."]


def change_of(operation: Operation, clean: Numbers, change: Numbers) -> Numbers:
    """Give f(z + d) − f(z) of any elementwise f, by way of float64.

    Args:
        operation: f.
        clean: z.
        change: d, of a shape that broadcasts with z's.

    Returns:
        The difference, in the dtype of d.
    """
    z = clean.double()
    found = (operation(z + change) - operation(z)).to(change.dtype)
    return found.masked_fill_(change == 0, 0)  # f is rounded by where a number lies in a tensor


def rectified_change(below: Numbers, above: Numbers, change: Numbers) -> Numbers:
    """Give ReLU(z + d) − ReLU(z) = max(d + min(z, 0), −max(z, 0)), in place.

    Args:
        below: min(z, 0).
        above: −max(z, 0).
        change: d, which is overwritten.

    Returns:
        The difference.
    """
    return torch.maximum(change.add_(below), above, out=change)


def tanh_change(clean: Numbers, change: Numbers) -> Numbers:
    """Give tanh(z + d) − tanh(z) = sinh d / (cosh z · cosh(z + d)), the exponents put together.

    Args:
        clean: z.
        change: d.

    Returns:
        The difference.
    """
    size, before, after = change.abs(), clean.abs(), (clean + change).abs()
    # |d| − |z| − |z + d|, in which z must not be rounded away beside a large d
    is_alike = (clean >= 0) == (change >= 0)
    rest = torch.where(is_alike, before, (before - size).clamp(min=0))
    top = -2 * torch.expm1(-2 * size) * torch.exp(-2 * rest)
    bottom = (1 + torch.exp(-2 * before)) * (1 + torch.exp(-2 * after))
    return torch.copysign(top / bottom, change)


def sigmoid_change(clean: Numbers, change: Numbers) -> Numbers:
    """Give σ(z + d) − σ(z) = ½·(tanh(z/2 + d/2) − tanh(z/2))."""
    return tanh_change(clean / 2, change / 2) / 2


def square_change(clean: Numbers, change: Numbers) -> Numbers:
    """Give (z + d)² − z² = d·(2z + d)."""
    return change * (2 * clean + change)


def entropy_change(
    p: Float[Tensor, "class ..."],
    target: Int[Tensor, "..."],
    change: Float[Tensor, "class ..."],
    logits: Callable[[], Float[Tensor, "class ..."]],
) -> Float[Tensor, "..."]:
    """Give the change of softmax cross-entropy: log1p(Σ_k p_k·expm1(d_k − d_y)).

    Args:
        p: softmax of the clean logits, of a shape that broadcasts with the change's.
        target: the class of each place, likewise; below 0 where a place is not counted.
        change: d of the logits.
        logits: gives the clean ones in float64, for where the change is large.

    Returns:
        The change of the cost at each place, float64.
    """
    index = target.clamp(min=0).expand(change.shape[1:])
    apart = change - change.gather(0, index.unsqueeze(0))
    total = (p * torch.expm1(apart)).sum(0)
    is_hard = (total < DEEP) | (apart.amax(0) > FAR)
    found = torch.log1p(total.clamp(min=DEEP)).double()
    if bool(is_hard.any()):
        clean = logits().expand(change.shape)[:, is_hard]
        found[is_hard] = _entropy_apart(clean, index[is_hard], change[:, is_hard])
    return found * (target >= 0)


def _entropy_apart(logits: Tensor, target: Tensor, change: Tensor) -> Tensor:
    """The same where the change is large: as the difference of the two costs, in float64."""
    moved = logits + change.double()
    own = target.unsqueeze(0)
    costs = [torch.logsumexp(state, 0) - state.gather(0, own)[0] for state in (moved, logits)]
    return costs[0] - costs[1]
