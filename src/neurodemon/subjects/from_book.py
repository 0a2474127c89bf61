"""The book's networks as torch models: the same weights, in float64, z and a as sites.

The torch engine then studies what the NumPy book studied, and their numbers can be compared.
"""

from collections import OrderedDict

import torch
from torch import nn

from neurodemon.book.arrays import Array
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.subjects.examples import LARGEST_BATCH
from neurodemon.subjects.subject import Subject
from neurodemon.terms.shapes import Float

COSTS = {"quadratic": "quadratic", "cross_entropy": "binary_cross_entropy"}  # the book's: ours


def model_from_book(network: Network) -> nn.Sequential:
    """Make a network of the book a torch model: fc1, sigmoid1, and so on.

    Args:
        network: as the book room draws, trains or reads it.

    Returns:
        The model in float64 on the CPU, in evaluation mode; z of layer l (the book's number)
        is the output of fc(l − 1).

    Example:
        >>> import numpy as np
        >>> network = Network((np.array([[2.0]]),), (np.array([2.0]),))
        >>> model = model_from_book(network)
        >>> round(model(torch.ones(1, 1, dtype=torch.float64)).item(), 6)
        0.982014
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    pairs = zip(network.weights, network.biases, strict=True)
    for place, (weight, bias) in enumerate(pairs, start=1):
        parts[f"fc{place}"] = _linear(weight, bias)
        parts[f"sigmoid{place}"] = nn.Sigmoid()
    return nn.Sequential(parts).eval()


def from_book(problem: Problem, *, name: str, seed: int | None = None) -> Subject:
    """Make a problem of the book a subject.

    Args:
        problem: the network, its examples and the cost.
        name: of the subject.
        seed: it was made from, if any.

    Returns:
        The subject under the same cost, in batches of at most 1,000 examples.
    """
    pieces = (
        torch.split(torch.from_numpy(values.copy()), LARGEST_BATCH)
        for values in (problem.inputs, problem.target)
    )
    batches = list(zip(*pieces, strict=True))
    model = model_from_book(problem.network)
    return Subject(model, batches, COSTS[problem.cost.name], name=name, seed=seed)


def _linear(weight: Float[Array, "after before"], bias: Float[Array, " after"]) -> nn.Linear:
    """Make a Linear of these weights, without drawing random numbers."""
    after, before = weight.shape
    layer = nn.Linear(before, after, device="meta", dtype=torch.float64).to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
    return layer
