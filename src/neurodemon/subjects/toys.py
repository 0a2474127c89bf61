"""The two toys: one neuron each, where influence and error part ways.

Source: Nielsen, chapter 3 (the saturated neuron), and |x|, whose slope is the same at any
distance. Both are float64, so that their numbers can be compared with the book's.
"""

from collections import OrderedDict

import torch
from torch import nn

from neurodemon.subjects.costs import absolute_error
from neurodemon.subjects.subject import Subject

DISTANCES = (0.5, 1.0, 2.0, 4.0)  # from the kink of |x|


def saturated(weight: float = 2.0, bias: float = 2.0) -> Subject:
    """Make the book's saturated neuron: σ(w·1 + b), target 0, quadratic cost.

    At (2, 2) it is badly wrong and has a small δ; at (.6, .9) it is less wrong and has a
    seven times larger one.

    Args:
        weight: w.
        bias: b.

    Returns:
        The subject, with one example.

    Example:
        >>> subject = saturated()
        >>> output = subject.model(torch.ones(1, 1, dtype=torch.float64))
        >>> round(output.item(), 6)
        0.982014
    """
    model = nn.Sequential(OrderedDict(fc=_neuron(weight, bias), sigmoid=nn.Sigmoid()))
    one = torch.ones(1, 1, dtype=torch.float64, device="cpu")
    return Subject(model.eval(), [(one, torch.zeros_like(one))], "quadratic", name="saturated")


def kink() -> Subject:
    """Make one linear neuron z = x under the cost |z|: slope 1 at any distance from the kink.

    Returns:
        The subject, its examples at the distances .5, 1, 2 and 4.

    Example:
        >>> [(inputs, target)] = kink().batches
        >>> absolute_error(inputs, target).tolist()
        [0.5, 1.0, 2.0, 4.0]
    """
    model = nn.Sequential(OrderedDict(fc=_neuron(1.0, 0.0)))
    inputs = torch.tensor(DISTANCES, dtype=torch.float64, device="cpu")[:, None]
    batches = [(inputs, torch.zeros_like(inputs))]
    return Subject(model.eval(), batches, absolute_error, name="kink")


def _neuron(weight: float, bias: float) -> nn.Linear:
    """Make a Linear of one input and one output, without drawing random numbers."""
    layer = nn.Linear(1, 1, device="meta", dtype=torch.float64).to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    return layer
