"""Small networks from a seed, for demons that try everything: built as plain data says.

Perceptrons of widths 2–16, small convolutions, and a net over positions; each with a cost, 1–40
examples in 1–3 batches. Nothing is trained; the weights may be enlarged, so that kinks and
saturation lie within reach.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from oracles.hooks import Batches, Cost
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: Sequence[type[nn.Module]] = (
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.LeakyReLU, nn.SiLU, nn.Hardtanh, nn.Softplus,
)  # fmt: skip


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target, reduction="none")


def squared(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().sum(1)


def absolute(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).abs().sum(1)


def clipped(output: Tensor, target: Tensor) -> Tensor:
    """A cost with plateaus: between 0.2 and 2 per output, and flat outside."""
    return (output - target).abs().clamp(0.2, 2).sum(1)


COSTS: Sequence[Cost] = (cross_entropy, squared, absolute, clipped)


@dataclass(frozen=True, eq=False)
class Small:
    """A small network to study.

    Attributes:
        model: in evaluation mode.
        batches: inputs and target.
        cost: per example.
        sites: names of modules, each with its axes and the kind of its units.
    """

    model: nn.Module
    batches: Batches
    cost: Cost
    sites: tuple[tuple[str, tuple[str, ...], str], ...]


class OverPositions(nn.Module):
    """A net that acts at each position alone, then takes the mean."""

    def __init__(self, width: int, classes: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.up, self.act, self.head = nn.Linear(3, width), activation(), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.up(x)).mean(1))


def perceptron(rng: np.random.Generator, classes: int) -> tuple[nn.Module, tuple[int, ...], tuple]:
    """One to three hidden layers."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    widths = [int(rng.integers(1, 9)), *rng.integers(2, 17, rng.integers(1, 4)).tolist(), classes]
    pairs = list(itertools.pairwise(widths))
    layers = [layer for pair in pairs for layer in (nn.Linear(*pair), activation())][:-1]
    axes = ("example", "unit")
    sites = tuple((str(place), axes, "neuron") for place in range(len(layers)))
    return nn.Sequential(*layers), (widths[0],), sites


def convolution(rng: np.random.Generator, classes: int) -> tuple[nn.Module, tuple[int, ...], tuple]:
    """Channels, positions and cells of two small convolutions."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), activation(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 2), activation(),
        nn.Flatten(), nn.Linear(3, classes),
    )  # fmt: skip
    axes = ("example", "unit", "position", "position")
    sites = (
        ("0", axes, "channel"),
        ("1", axes, "channel"),
        ("0", axes, "position"),
        ("2", axes, "cell"),
    )
    return model, (2, 4, 4), sites


def positions(rng: np.random.Generator, classes: int) -> tuple[nn.Module, tuple[int, ...], tuple]:
    """Neurons over all positions, whole positions, and cells."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    axes = ("example", "position", "unit")
    sites = (("up", axes, "neuron"), ("act", axes, "position"), ("up", axes, "cell"))
    return OverPositions(int(rng.integers(2, 9)), classes, activation), (3, 3), sites


KINDS: Sequence[Callable] = (perceptron, convolution, positions)


def small_network(
    seed: int, dtype: torch.dtype, kind: Callable = perceptron, *, most: int = 40
) -> Small:
    """Make the network of a seed with at most so many examples, whatever torch's random state."""
    rng = np.random.default_rng(seed)
    cost = COSTS[rng.integers(len(COSTS))]
    classes = int(rng.integers(2, 6)) if cost is cross_entropy else int(rng.integers(1, 4))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, shape, sites = kind(rng, classes)
        gain = (1, 2, 4)[rng.integers(3)]
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(gain if weight.ndim > 1 else 1)
        count = int(rng.integers(1, most + 1))
        inputs = torch.randn(count, *shape).to(dtype)
        target = torch.randn(count, classes).to(dtype) * 2
        if cost is cross_entropy:
            target = torch.randint(classes, (count,))
    cuts = np.unique(rng.integers(0, count, rng.integers(3))).tolist()
    edges = [0, *(cut for cut in cuts if cut), count]
    batches = [(inputs[a:b], target[a:b]) for a, b in itertools.pairwise(edges)]
    return Small(model.to(dtype).eval(), batches, cost, sites)
