"""Mini-batch SGD as in the book, epoch by epoch, to the last bit of its shuffle.

A generator: progress, early stop and Ctrl-C come from outside, between two epochs.
Source: Nielsen ch. 1 (mini-batches), ch. 3 (L2), his `network2.py`.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import Backprop, backpropagate
from neurodemon.book.costs import Cost
from neurodemon.book.images import Images
from neurodemon.book.network import Network, feedforward
from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float


@dataclass(frozen=True)
class Sgd:
    """How to train.

    Attributes:
        cost: what is lowered.
        eta: η, the learning rate.
        mini_batch: m, the images in a mini-batch; the last one may be smaller.
        lmbda: λ of the L2 penalty on the weights; biases are free. (`lambda` is Python's.)
    """

    cost: Cost
    eta: float
    mini_batch: int = 10
    lmbda: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot train."""
        is_finite = bool(np.isfinite(self.eta) and np.isfinite(self.lmbda))
        if not is_finite or self.mini_batch < 1 or self.eta <= 0 or self.lmbda < 0:
            raise SubjectError(
                f"eta {self.eta}, mini-batch {self.mini_batch} and lmbda {self.lmbda} cannot "
                "train: expected eta > 0, a mini-batch of at least 1, lmbda ≥ 0, all finite."
            )


@dataclass(frozen=True)
class Score:
    """How a network does on some images.

    Attributes:
        cost: C, the mean over the images, with the penalty.
        count: how many it gets right.
    """

    cost: float
    count: int


def shuffle(order: list[int], rng: random.Random) -> None:
    """Shuffle in place as Python 2 did, so that the author's seeds hold.

    Python 3's own shuffle draws otherwise from the same seed.

    Args:
        order: what to shuffle; changed.
        rng: where the numbers come from; it moves on.

    Example:
        >>> order = list(range(5))
        >>> shuffle(order, random.Random(12345678))
        >>> order
        [1, 4, 0, 2, 3]
    """
    for place in reversed(range(1, len(order))):
        other = int(rng.random() * (place + 1))
        order[place], order[other] = order[other], order[place]


def train(network: Network, images: Images, sgd: Sgd, rng: random.Random) -> Iterator[Network]:
    """Train for as long as the caller asks for another epoch.

    The images are shuffled before each epoch; their order persists between epochs.

    Args:
        network: where to start; it stays as it is.
        images: the training images.
        sgd: how to train.
        rng: of the shuffle.

    Yields:
        The network after each epoch, without end.
    """
    inputs, targets = images.inputs, images.targets
    order = list(range(len(images)))
    while True:
        shuffle(order, rng)
        for start in range(0, len(order), sgd.mini_batch):
            rows = order[start : start + sgd.mini_batch]
            batch = Problem(network, inputs[rows], targets[rows], sgd.cost)
            network = step(batch, backpropagate(batch), sgd, n_images=len(images))
        yield network


def step(batch: Problem, found: Backprop, sgd: Sgd, *, n_images: int) -> Network:
    """Take one step of gradient descent.

    w ← (1 − ηλ/n) w − (η/m) Σ ∂C/∂w and b ← b − (η/m) Σ ∂C/∂b, Nielsen ch. 3, eqs. 93–94.

    Args:
        batch: the network on one mini-batch; m is its size.
        found: what `backpropagate` finds for it.
        sgd: how to train.
        n_images: n, the size of the whole training set.

    Returns:
        The network after the step.
    """
    decay = 1.0 - sgd.eta * (sgd.lmbda / n_images)
    rate = sgd.eta / len(batch.inputs)
    by_weight = zip(batch.network.weights, found.weight_gradients(), strict=True)
    by_bias = zip(batch.network.biases, found.bias_gradients(), strict=True)
    return Network(
        tuple(decay * weight - rate * gradient for weight, gradient in by_weight),
        tuple(bias - rate * gradient for bias, gradient in by_bias),
    )


def score(network: Network, images: Images, sgd: Sgd) -> Score:
    """Count the cost and the right answers: the output that is largest.

    The penalty is λ/(2n) Σ w² with n the number of the images given, whichever they are: so
    the author's `total_cost` has it, for the test images too.

    Args:
        network: the network.
        images: the images.
        sgd: for the cost and λ.

    Returns:
        The score.
    """
    output = feedforward(network, images.inputs).output
    return score_output(network, images, sgd, output)


def score_output(
    network: Network, images: Images, sgd: Sgd, output: Float[Array, "example output"]
) -> Score:
    """Count as `score` does, where the output is known already.

    Args:
        network: the network.
        images: the images.
        sgd: for the cost and λ.
        output: the activations of the last layer.

    Returns:
        The score.
    """
    cost = float(sgd.cost.per_example(output, images.targets).mean())
    squares = sum(float(np.sum(weight**2)) for weight in network.weights)
    penalty = 0.5 * (sgd.lmbda / len(images)) * squares
    return Score(cost + penalty, int(np.sum(output.argmax(axis=1) == images.digits)))
