"""Draws random small networks: what to build is drawn as plain data, then built from a seed.

(Nothing is built while drawing: run-time type checks draw random numbers of their own.)
"""

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from oracles.models import Case, classes, cross_entropy, squared
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu, "relu_": torch.relu_, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "gelu": functional.gelu, "silu": functional.silu, "leaky": functional.leaky_relu, "softplus": functional.softplus,
    "hardtanh": functional.hardtanh, "elu_": functional.elu_,
}  # fmt: skip
Plan = tuple[str, list[tuple[str, ...]], int]

activations = st.sampled_from(sorted(ACTIVATIONS))
vector_layers = st.one_of(
    st.tuples(st.just("linear"), activations),
    st.tuples(st.just("residual"), activations),
    st.tuples(st.just("norm")),
    st.tuples(st.just("gate"), activations),
)
image_layers = st.one_of(
    st.tuples(
        st.just("conv"), activations, st.sampled_from(["1", "2"]), st.sampled_from(["1", "2"])
    ),
    st.tuples(st.just("depthwise"), activations),
    st.tuples(st.just("residual conv"), activations),
    st.tuples(st.just("batch norm")),
    st.tuples(st.sampled_from(["max pool", "average pool"])),
)
plans: st.SearchStrategy[Plan] = st.one_of(
    st.tuples(
        st.just("vector"), st.lists(vector_layers, min_size=1, max_size=4), st.integers(0, 999)
    ),
    st.tuples(
        st.just("image"), st.lists(image_layers, min_size=1, max_size=3), st.integers(0, 999)
    ),
)


class Drawn(nn.Module):
    """A network of drawn layers, with functional activations and residuals."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.kind, self.layers, seed = plan
        torch.manual_seed(seed)
        self.width = 6 if self.kind == "vector" else 4
        self.stem = nn.Linear(5, 6) if self.kind == "vector" else nn.Conv2d(2, 4, 3, padding=1)
        self.parts = nn.ModuleList([self._part(layer) for layer in self.layers])
        self.head = nn.LazyLinear(3)

    def _part(self, layer: tuple[str, ...]) -> nn.Module:  # noqa: PLR0911  # one per kind
        """What a layer holds."""
        width = self.width
        if layer[0] == "linear":
            return nn.Linear(width, width)
        if layer[0] == "norm":
            return nn.LayerNorm(width)
        if layer[0] in {"residual", "gate"}:
            return nn.ModuleList([nn.Linear(width, 7), nn.Linear(width, 7), nn.Linear(7, width)])
        if layer[0] == "conv":
            stride, groups = int(layer[2]), int(layer[3])
            return nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=groups)
        if layer[0] == "depthwise":
            return nn.Conv2d(width, width, 2, padding=1, groups=width, dilation=2)
        if layer[0] == "residual conv":
            return nn.Conv2d(width, width, 3, padding=1)
        if layer[0] == "batch norm":
            norm = nn.BatchNorm2d(width)
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
            return norm
        return (nn.MaxPool2d if layer[0] == "max pool" else nn.AvgPool2d)(2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for layer, part in zip(self.layers, self.parts, strict=True):
            h = self._step(layer, part, h)
        return self.head(h.flatten(1))

    def _step(self, layer: tuple[str, ...], part: Any, h: Tensor) -> Tensor:
        """Run one layer."""
        bend = ACTIVATIONS[layer[1]] if len(layer) > 1 else None
        if layer[0] == "residual":
            return h + part[2](bend(part[0](h)))
        if layer[0] == "gate":
            return part[2](bend(part[0](h)) * part[1](h))
        if layer[0] == "residual conv":
            out = part(h)
            out += h
            return bend(out)
        return part(h) if bend is None else bend(part(h))


def build(plan: Plan, dtype: torch.dtype) -> Case:
    """Build a drawn network with two batches of different sizes."""
    model = Drawn(plan)
    shape = (5,) if plan[0] == "vector" else (2, 6, 6)
    with torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    case = classes(model, (4, 3), shape, seed=plan[2])
    if plan[2] % 2:
        batches = [(x, functional.one_hot(y, 3).to(x.dtype)) for x, y in case.batches]
        return Case(model, batches, squared).to(dtype)
    return Case(model, case.batches, cross_entropy).to(dtype)
