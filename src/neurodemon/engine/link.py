"""link: put the loss back on top of a first-order term, at no extra pass.

The first-order term x of an example says how the loss would begin to move. Where the loss is
a known function of one margin, its whole curve is known from x and the loss itself:
softmax cross-entropy `log1p(q·expm1(x/q))` with q = 1 − p_y; squared error `x + x²/(4C)`;
|·| of one output `|C + x| − C`. Source: theory.md §1.4, rung 2; a closed form is recognised
by its numbers in float64, never assumed from a name.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.engine.recording import Recording
from neurodemon.engine.refusals import is_refusal
from neurodemon.graph.evaluate import evaluate
from neurodemon.terms.shapes import Float, Int

LARGE = 30.0  # beyond it log1p(q·expm1(s)) = s + log q to float64
TOLERANCE = 1e-6  # relative, of the recognition in float64


@dataclass(frozen=True, eq=False)
class Link:
    """A recognised loss.

    Attributes:
        kind: `cross_entropy`, `quadratic` or `absolute`.
        parameter: per example: q = 1 − p_y for cross-entropy, else the cost C.
        target: per example: the class y, for cross-entropy.
    """

    kind: str
    parameter: Float[Tensor, " example"]
    target: Int[Tensor, " example"] | None = None

    def __call__(self, first_order: Float[Tensor, "example row"]) -> Float[Tensor, "example row"]:
        """Turn first-order terms into effects on the cost, per example, in float64."""
        return _CURVES[self.kind](first_order.double(), self.parameter[:, None])


def recognise(recording: Recording, output: str) -> Link | None:
    """Recognise the loss from its values and gradients at the clean output.

    Args:
        recording: the clean pass.
        output: the node of the one output that the cost reads, (example, output) or (example,).

    Returns:
        The link, or None: the loss is none of the known ones (label smoothing, temperatures
        and margins are rightly refused).
    """
    loss = _loss_in_double(recording, output)
    clean = recording.values[output].detach().double()
    try:
        return _recognise(loss, clean)
    except Exception as error:  # any: a cost that cannot run in float64, or there, is none of them
        if not is_refusal(error):
            raise
        return None


def _recognise(loss: Callable[[Tensor], Tensor], clean: Tensor) -> Link | None:
    """Recognise a loss, which may raise at outputs that are not the model's own."""
    cost, gradient = _value_and_gradient(loss, clean)
    if not bool(torch.isfinite(cost).all() and torch.isfinite(gradient).all()):
        return None
    flat = gradient.reshape(len(cost), -1)
    for recogniser in (_cross_entropy, _absolute, _quadratic):
        link = recogniser(loss, clean, cost, flat)
        if link is not None:
            return link
    return None


def _loss_in_double(recording: Recording, output: str) -> Callable[[Tensor], Tensor]:
    """The cost as a function of the output, in float64."""
    nodes = recording.graph.cone(output)
    given = {
        name: _double(recording.values[name])
        for node in nodes
        for name in node.inputs
        if name in recording.values
    }
    own = {node.name for node in nodes}
    given = {name: value for name, value in given.items() if name not in own}
    cost = recording.graph.cost
    return lambda value: evaluate(nodes, {**given, output: value}, wanted=[cost])[cost]


def _value_and_gradient(loss: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """The cost per example and its gradient with respect to the output."""
    with torch.enable_grad():
        leaf = at.clone().requires_grad_()
        cost = loss(leaf)
        (gradient,) = torch.autograd.grad(cost.sum(), leaf)
    return cost.detach(), gradient


def _cross_entropy(
    _loss: Callable[[Tensor], Tensor], output: Tensor, cost: Tensor, gradient: Tensor
) -> Link | None:
    """Softmax cross-entropy of a class: gradient = softmax − onehot, C = −log p_y."""
    if output.ndim != 2 or output.shape[1] < 2:
        return None
    target = gradient.argmin(1)
    log_p = torch.log_softmax(output, 1)
    expected = log_p.exp() - torch.nn.functional.one_hot(target, output.shape[1])
    own = -log_p.gather(1, target[:, None]).squeeze(1)
    if not (_near(gradient, expected) and _near(cost, own)):
        return None
    wrong = gradient.clamp(min=0).sum(1)  # Σ p_k of the wrong classes
    return Link("cross_entropy", wrong, target)


def _absolute(
    loss: Callable[[Tensor], Tensor], output: Tensor, cost: Tensor, gradient: Tensor
) -> Link | None:
    """|·| of one output: the cost falls straight to 0 and rises again as fast."""
    if gradient.shape[1] != 1 or bool((gradient == 0).any()):
        return None
    step = (-cost / gradient[:, 0]).reshape(output.shape)
    is_absolute = (
        _near(loss(output + 2 * step), cost)
        and _near(loss(output + step), torch.zeros_like(cost), scale=cost)
        and _near(loss(output + step / 2), cost / 2)
    )
    return Link("absolute", cost) if is_absolute else None


def _quadratic(
    loss: Callable[[Tensor], Tensor], output: Tensor, cost: Tensor, gradient: Tensor
) -> Link | None:
    """c·‖output − y‖²: the gradient is h·(output − y) and C = ‖gradient‖²/(2h)."""
    direction = torch.randn(
        output.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).to(output.device)
    _, moved = _value_and_gradient(loss, output + direction)
    change = (moved.reshape(gradient.shape) - gradient).reshape(len(cost), -1)
    along = direction.reshape(len(cost), -1)
    curvature = (change * along).sum(1) / along.square().sum(1)
    if not bool((curvature > 0).all()) or not _near(change, curvature[:, None] * along):
        return None
    own = gradient.square().sum(1) / (2 * curvature)
    return Link("quadratic", cost) if _near(cost, own) else None


def _near(found: Tensor, expected: Tensor, scale: Tensor | None = None) -> bool:
    """Whether two tensors are equal up to the tolerance, relative to the larger scale."""
    size = (expected if scale is None else scale).abs().max().clamp(min=1e-12)
    return bool(((found - expected).abs() <= TOLERANCE * size).all())


def _double(value: object) -> object:
    """Bring a floating tensor to float64; leave anything else."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.double()
    return value


def _cross_entropy_curve(x: Tensor, q: Tensor) -> Tensor:
    """log1p(q·expm1(x/q)); 0 where the example is certain, so that q and x are 0."""
    tiny = torch.finfo(torch.float64).tiny
    s = x / q.clamp(min=tiny)
    far = s + q.clamp(min=tiny).log()
    near = torch.log1p(q * torch.expm1(s.clamp(max=LARGE)))
    return torch.where(x == 0, torch.zeros_like(x), torch.where(s > LARGE, far, near))


def _quadratic_curve(x: Tensor, cost: Tensor) -> Tensor:
    """Curve x + x²/(4C); x alone where C is 0, since then x is 0 too."""
    return x + torch.where(cost > 0, x.square() / (4 * cost), torch.zeros_like(x))


_CURVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy_curve,
    "quadratic": _quadratic_curve,
    "absolute": lambda x, cost: (cost + x).abs() - cost,
}
