"""The toys: networks of a few neurons, where influence and error part ways.

Source: Nielsen, chapter 3 (the saturated neuron) and chapter 5 (the chain); |x|, whose slope
is the same at any distance; XOR by hand. All are float64, so that their numbers can be compared
with the book's, and none draws a random number.
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from neurodemon.book.chain import WEIGHT, make_chain
from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError
from neurodemon.subjects.costs import absolute_error
from neurodemon.subjects.from_book import from_book
from neurodemon.subjects.subject import Subject

DISTANCES = (0.5, 1.0, 2.0, 4.0)  # several from the kink of |x|, to compare


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


def kink(*distances: float) -> Subject:
    """Make one linear neuron z = x under the cost |z|: slope ±1 at any distance from the kink.

    Args:
        distances: x of each example, none of them 0; one example at 1, if left out, so that a
            Δz shared by all examples meets one kink.

    Returns:
        The subject.

    Raises:
        SubjectError: an example stands at the kink, where there is no slope.

    Example:
        >>> [(inputs, target)] = kink(*DISTANCES).batches
        >>> absolute_error(inputs, target).tolist()
        [0.5, 1.0, 2.0, 4.0]
    """
    if 0.0 in distances:
        raise SubjectError(
            f"|x| has no slope at x = 0; expected distances other than 0, found {list(distances)}."
        )
    model = nn.Sequential(OrderedDict(fc=_neuron(1.0, 0.0)))
    inputs = torch.tensor(distances or (1.0,), dtype=torch.float64, device="cpu")[:, None]
    batches = [(inputs, torch.zeros_like(inputs))]
    return Subject(model.eval(), batches, absolute_error, name="kink")


def chain(weight: float = WEIGHT) -> Subject:
    """Make the book's chain of four sigmoid neurons, each held at z = 0, where σ′ is ¼.

    Each step back multiplies δ by w/4: from w = 100 it explodes, 1953.125, 78.125, 3.125 and
    .125 from the first neuron (`fc1`) to the last (`fc4`).

    Args:
        weight: w of each neuron; below 4 δ vanishes instead.

    Returns:
        The subject, with one example.

    Example:
        >>> [site.name for site in chain().sites() if site.kind == "linear"]
        ['fc1', 'fc2', 'fc3', 'fc4']
    """
    return from_book(make_chain(weight), name="chain")


def xor() -> Subject:
    """Make a 2-3-1 sigmoid network that solves XOR by hand: OR and not AND, and a spare neuron.

    Hidden neuron 0 is OR, 1 is AND, 2 leads nowhere. All four answers are right to .008, so the
    book's cross-entropy has almost no slope left: zeroing OR promises a cost of .02 and does
    2.53, AND .018 and 1.25. The spare one promises nothing and does nothing: a small influence
    tells the needed neurons from the idle one by nothing.

    Returns:
        The subject, with the four examples.

    Example:
        >>> subject = xor()
        >>> [(inputs, target)] = subject.batches
        >>> subject.model(inputs).round().flatten().tolist() == target.flatten().tolist()
        True
    """
    network = Network(
        (np.array([[10.0, 10.0], [10.0, 10.0], [3.0, -3.0]]), np.array([[10.0, -10.0, 0.0]])),
        (np.array([-5.0, -15.0, 0.0]), np.array([-5.0])),
    )
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = np.array([[0.0], [1.0], [1.0], [0.0]])
    return from_book(Problem(network, inputs, target, CROSS_ENTROPY), name="xor")


def _neuron(weight: float, bias: float) -> nn.Linear:
    """Make a Linear of one input and one output, without drawing random numbers."""
    layer = nn.Linear(1, 1, device="meta", dtype=torch.float64).to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    return layer
