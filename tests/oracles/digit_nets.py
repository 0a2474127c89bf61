"""Networks for the acceptance experiments of theory.md (d), trained as it says, in float64.

scikit-learn's digits, 1297 to train on and 500 to test on, split by default_rng(seed); Adam on
mini-batches; 64-32-32-10. What theory.md does not give: learning rate 4e-3 and batches of 64 (as
`subjects.digits`), pixels in [0, 1], weights normal with variance 2/n for ReLU and 1/n else, biases
0, float64 from the first step on. (From PyTorch's own, smaller initialisation fewer ReLUs die, and
|δ| ranks the gain better than A7 says: .90–.93.)
"""

import copy
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from neurodemon.subjects.subject import Subject

Data = tuple[Tensor, Tensor]
EPOCHS = (0, 10, 60)
RATE, BATCH = 4e-3, 64


@functools.cache
def digits(seed: int) -> tuple[Data, Data]:
    """1297 digits to train on, 500 to test on."""
    found = load_digits()
    x, y = torch.tensor(found.data / 16), torch.tensor(found.target)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
    return (x[order[:1297]], y[order[:1297]]), (x[order[1297:]], y[order[1297:]])


def quadratic(output: Tensor, target: Tensor) -> Tensor:
    """½ Σ (output − one-hot)²."""
    wanted = functional.one_hot(target, output.shape[1]).to(output.dtype)
    return (output - wanted).square().sum(1) / 2


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target, reduction="none")


COSTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": cross_entropy, "quadratic": quadratic,
}  # fmt: skip
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def perceptron(sizes: Sequence[int], activation: str, seed: int) -> nn.Sequential:
    """A perceptron, drawn from a seed in float64."""
    generator = torch.Generator().manual_seed(seed)
    gain = 2 if activation == "relu" else 1
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layer = nn.Linear(before, after, dtype=torch.float64)
        drawn = torch.randn(after, before, dtype=torch.float64, generator=generator)
        with torch.no_grad():
            layer.weight.copy_(drawn * (gain / before) ** 0.5)
            layer.bias.zero_()
        layers += [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def train(
    model: nn.Module,
    data: Data,
    cost: Callable[[Tensor, Tensor], Tensor],
    stops: Sequence[int],
    seed: int,
) -> dict[int, nn.Module]:
    """Train by Adam, and keep the model as it is after some numbers of epochs."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    kept: dict[int, nn.Module] = {}
    for epoch in range(max(stops) + 1):
        if epoch in stops:
            kept[epoch] = copy.deepcopy(model).eval()
        if epoch == max(stops):
            break
        for rows in torch.randperm(len(data[0]), generator=generator).split(BATCH):
            optimizer.zero_grad()
            cost(model(data[0][rows]), data[1][rows]).mean().backward()
            optimizer.step()
    return kept


@functools.cache
def trained(activation: str, cost: str, seed: int) -> dict[int, nn.Module]:
    """64-32-32-10 after 0, 10 and 60 epochs."""
    model = perceptron((64, 32, 32, 10), activation, seed)
    return train(model, digits(seed)[0], COSTS[cost], EPOCHS, seed)


def subject_of(activation: str, cost: str, seed: int, epoch: int, examples: int = 200) -> Subject:
    """A trained network on the first of its training examples (theory.md, E1: 200)."""
    x, y = digits(seed)[0]
    target = y[:examples]
    if cost == "quadratic":
        target = functional.one_hot(target, 10).double()
    model = trained(activation, cost, seed)[epoch]
    return Subject(model, [(x[:examples], target)], cost, seed=seed)


@functools.cache
def regression(seed: int, loss: str) -> tuple[dict[int, nn.Module], Data]:
    """8-32-32-1 tanh on 256 scalars, trained under the loss itself: after 0, 30, 300 epochs.

    y = sin(2x₀) + ½x₁x₂ + 0.3·noise, x normal: what theory.md, E3 leaves open.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(256, 8, dtype=torch.float64, generator=generator)
    noise = torch.randn(256, dtype=torch.float64, generator=generator)
    y = (torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] / 2 + 0.3 * noise)[:, None]
    model = perceptron((8, 32, 32, 1), "tanh", seed)
    losses = {
        "absolute_error": lambda out, target: (out - target).abs().sum(1),
        "quadratic": lambda out, target: (out - target).square().sum(1) / 2,
    }
    return train(model, (x, y), losses[loss], (0, 30, 300), seed), (x, y)


@functools.cache
def stationary(
    seed: int, decay: float, examples: int, width: int = 32
) -> tuple[nn.Module, Data, float]:
    """Tanh 64-32-32-10 (or narrower) at a stationary point of mean C + ½·decay·Σ‖W‖², biases not decayed.

    Adam for 30 epochs, then L-BFGS in float64; also the norm of the gradient it ends with.
    """
    x, y = digits(seed)[0]
    data = (x[:examples], y[:examples])
    model = perceptron((64, width, width, 10), "tanh", seed)
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]

    def objective() -> Tensor:
        squares = sum(weight.square().sum() for weight in weights)
        return functional.cross_entropy(model(data[0]), data[1]) + decay / 2 * squares

    def decayed(output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target) + decay / 2 * sum(w.square().sum() for w in weights)

    train(model, data, decayed, (30,), seed)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=6000, tolerance_grad=1e-8, tolerance_change=0,
        history_size=50, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    optimizer.step(closure)
    closure()
    norm = float(torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm())
    model.zero_grad(set_to_none=True)
    return model.eval(), data, norm
