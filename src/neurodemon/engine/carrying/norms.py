"""Normalisation of each place by itself: what becomes of a change of its vector.

A demon adds d·w to the vector x of its place. Normalised, x + d·w is a multiple of x and one of
w (both without their means), so that two numbers for each place say it all. These two come from
x·w, w·w and the recorded variance, in float64, where sums keep the digits that squares would
lose. Source: theory.md §2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.carrying.forms import (
    DENSE,
    PLANE,
    PRODUCT,
    Base,
    Carried,
    Changes,
    Form,
    Way,
    Window,
    over_positions,
    single,
)
from neurodemon.graph.node import Node

EPS = 1e-5  # torch's own of a layer norm
NUMBERS = 1 << 20  # that are spelled in float64 at once
Plane = tuple[Tensor, Tensor, Tensor]  # s, t and v


def normalise(way: Way, node: Node, forms: Sequence[Form]) -> Carried | None:
    """`layer_norm` and `rms_norm` over the last axis."""
    (name, *_), (form, *_) = way.varying(node), forms
    value, shape = way.value(name), tuple(way.rest(node, 1)[0])
    is_column = form == Form("column", value.ndim - 1)
    if not way.reads_first(node) or shape != tuple(value.shape[-1:]):
        return None
    norm = _norm_of(way, node)
    if form == DENSE:
        return DENSE, norm.of_all
    if form != PRODUCT and not is_column:
        return None
    way.bases[node.name] = norm.base
    if form == PRODUCT:
        return PLANE, lambda window, changes: norm.of_vectors(window, *_pair(changes))

    def run(window: Window, changes: Changes) -> Plane:
        units = functional.one_hot(window.units, value.shape[-1])
        return norm.of_vectors(window, single(changes), units.to(value.dtype))

    return PLANE, run


def _pair(changes: Changes) -> tuple[Tensor, Tensor]:
    """A product's column and weights."""
    return cast("tuple[Tensor, Tensor]", changes[0])


@dataclass(frozen=True, eq=False)
class _Norm:
    """A normalisation, and what is recorded of it.

    Attributes:
        way: where it stands.
        node: of it.
        weight: of each feature, if it has one.
        eps: added to the variance.
        is_centred: whether means are taken off.
    """

    way: Way
    node: Node
    weight: Tensor | None
    eps: float
    is_centred: bool

    @property
    def base(self) -> Base:
        """The recorded vectors, without their means, as the weights leave them."""
        maps = () if self.weight is None else (self.weight,)
        return Base(self.node.name, lambda: self.clean[0], maps)

    @property
    def clean(self) -> tuple[Tensor, Tensor]:
        """The recorded vectors without their means, and the mean of their squares, float64."""
        return self.way.once(("norm", self.node.name), self._measure)

    def of_all(self, window: Window, changes: Changes) -> Tensor:
        """The change of all features, of one of all of them."""
        vectors, square = map(window.of, self.clean)
        change = self._centred(single(changes))
        moved = vectors + change
        growth = (change * (vectors + moved)).mean(-1).double()
        factors = self._factors(square, moved.square().mean(-1).double(), growth)
        s, t = (one.to(change.dtype).unsqueeze(-1) for one in factors)
        return self.base.mapped((s * vectors).addcmul_(t, change))

    def of_vectors(self, window: Window, column: Tensor, weights: Tensor) -> Plane:
        """The change in a plane, of one that is a column times a vector of each row."""
        own, step = self._centred(weights.double()), column.double()
        vectors, square = map(window.of, self.clean)
        along = _inner(vectors, own, window) / own.shape[-1]
        size = over_positions(own.square().mean(-1, keepdim=True), column).squeeze(-1)
        growth = step * (2 * along + step * size)
        s, t = self._factors(square, (square + growth).clamp(min=0), growth)
        dtype = column.dtype
        return s.to(dtype), (t * step).to(dtype), self.base.mapped(own.to(dtype))

    def _measure(self) -> tuple[Tensor, Tensor]:
        value = self.way.value(self.way.varying(self.node)[0])
        vectors = self._centred(value.double()).to(value.dtype)
        return vectors, vectors.double().square().mean(-1)  # of what is kept: so σ'² is no less

    def _centred(self, vectors: Tensor) -> Tensor:
        return vectors - vectors.mean(-1, keepdim=True) if self.is_centred else vectors

    def _factors(self, before: Tensor, after: Tensor, growth: Tensor) -> tuple[Tensor, Tensor]:
        """1/σ' − 1/σ and 1/σ', of both mean squares and of what one is more than the other."""
        old, new = (before + self.eps).sqrt(), (after + self.eps).sqrt()
        return -growth / (old * new * (old + new)), 1 / new


def _norm_of(way: Way, node: Node) -> _Norm:
    """Read a node's settings: (x, shape, weight, bias, eps), or (x, shape, weight, eps)."""
    _, *given = way.rest(node, 1)
    if node.operation_name == "rms_norm":
        weight, eps = [*given, None, None][:2]
        own = torch.finfo(way.value(node.name).dtype).eps if eps is None else eps
        return _Norm(way, node, weight, own, is_centred=False)
    weight, _, eps = [*given, *(None, None, EPS)[len(given) :]][:3]
    return _Norm(way, node, weight, eps, is_centred=True)


def _inner(vectors: Tensor, own: Tensor, window: Window) -> Tensor:
    """The inner products of each row's own vector with those of all places it looks at, float64."""
    at_once = max(1, NUMBERS // vectors[0, 0].numel())
    if window.picks is not None:
        pairs = zip(torch.split(vectors, at_once), torch.split(own, at_once), strict=True)
        found = [(part * over_positions(one, part[..., 0])).sum(-1) for part, one in pairs]
        return torch.cat(found)
    return torch.cat([part.double() @ own.T for part in torch.split(vectors[0], at_once)]).movedim(
        -1, 0
    )
