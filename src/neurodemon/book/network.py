"""Nielsen's network: layers of sigmoid neurons, z = w a + b and a = σ(z) in each of them.

Layers are numbered as in the book: 1 is the input, `depth` the output. `w[j, k]` leads from
neuron k of layer l−1 to neuron j of layer l. Examples lie along axis 0, so that a whole batch
goes through at once. Source: Nielsen, ch. 2, eqs. 23 and 25; the draws, his `network2.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.errors import SubjectError, UnitIndexError
from neurodemon.terms.shapes import Float

FIRST_LAYER = 2  # the first with neurons; layer 1 is the input


@dataclass(frozen=True, eq=False)
class Network:
    """Weights and biases, one array for each layer from 2 on.

    Attributes:
        weights: of layer 2, 3, …; each (neurons, neurons of the layer before).
        biases: of layer 2, 3, …; each (neurons,).
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]

    def __post_init__(self) -> None:
        """Refuse layers that do not fit each other."""
        shapes = [weight.shape for weight in self.weights]
        sizes = self.sizes
        expected = [(after, before) for before, after in pairwise(sizes)]
        if not shapes or shapes != expected:
            raise SubjectError(
                f"Weights of shapes {shapes} with biases of sizes {list(sizes[1:])} make no "
                f"network: expected weights (neurons, neurons before), {expected}."
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of inputs, then the number of neurons in each layer."""
        inputs = self.weights[0].shape[1] if self.weights else 0
        return (inputs, *(len(bias) for bias in self.biases))

    @property
    def depth(self) -> int:
        """The number of the output layer, L."""
        return len(self.biases) + 1


@dataclass(frozen=True, eq=False)
class Forward:
    """What one pass through a network leaves behind, each array (examples, neurons).

    Attributes:
        z: the weighted inputs of layer 2, 3, …
        a: the activations of layer 1 (the inputs), 2, 3, …
    """

    z: tuple[Float[Array, "example _"], ...]
    a: tuple[Float[Array, "example _"], ...]

    @property
    def output(self) -> Float[Array, "example output"]:
        """The activations of the last layer."""
        return self.a[-1]


Draw = Callable[[Sequence[int], np.random.RandomState], Network]


def sigmoid(z: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Squash weighted inputs: σ(z) = 1 / (1 + e^−z), Nielsen ch. 1, eq. 3.

    Args:
        z: weighted inputs.

    Returns:
        The activations, in [0, 1].

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 2.0])).round(6).tolist()
        [0.0, 0.5, 0.880797]
    """
    with np.errstate(over="ignore"):  # e^1000 is infinite, and 1 / infinite is the right 0
        return 1.0 / (1.0 + np.exp(-z))


def sigmoid_slope(z: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Differentiate the sigmoid: σ′(z) = σ(z) (1 − σ(z)), at most ¼.

    Args:
        z: weighted inputs.

    Returns:
        The slopes.
    """
    return sigmoid(z) * (1.0 - sigmoid(z))


def feedforward(network: Network, inputs: Float[Array, "example input"]) -> Forward:
    """Send inputs through the network: a^l = σ(w^l a^(l−1) + b^l), eq. 25.

    Args:
        network: the network.
        inputs: one row for each example.

    Returns:
        All weighted inputs and activations.

    Example:
        >>> network = Network((np.array([[2.0]]),), (np.array([2.0]),))
        >>> feedforward(network, np.array([[1.0]])).output.round(6).tolist()
        [[0.982014]]
    """
    z: list[Float[Array, "example _"]] = []
    a = [inputs]
    for weight, bias in zip(network.weights, network.biases, strict=True):
        z.append(a[-1] @ weight.T + bias)
        a.append(sigmoid(z[-1]))
    return Forward(tuple(z), tuple(a))


def feed_on(
    network: Network, layer: int, z: Float[Array, "*row example neuron"]
) -> Float[Array, "*row example output"]:
    """Go on from the weighted inputs of one layer to the output.

    Args:
        network: the network.
        layer: the layer's number, from 2 to the network's depth.
        z: its weighted inputs; axes in front of the examples are carried along.

    Returns:
        The activations of the last layer.

    Raises:
        UnitIndexError: there is no such layer with neurons.
    """
    if not FIRST_LAYER <= layer <= network.depth:
        raise UnitIndexError(
            f"Layer {layer} has no neurons; expected {FIRST_LAYER} to {network.depth}: layer 1 "
            "is the input."
        )
    a = sigmoid(z)
    above = layer - 1  # weights[0] leads into layer 2
    for weight, bias in zip(network.weights[above:], network.biases[above:], strict=True):
        a = sigmoid(a @ weight.T + bias)
    return a


def draw_default(sizes: Sequence[int], rng: np.random.RandomState) -> Network:
    """Draw the book's default start: biases N(0, 1), weights N(0, 1/√n_in).

    All biases are drawn first, then all weights: the author's seeds depend on the order.

    Args:
        sizes: the number of inputs, then of neurons in each layer.
        rng: where the numbers come from; it moves on.

    Returns:
        The network. Source: `default_weight_initializer`, and Nielsen ch. 3.
    """
    large = draw_large(sizes, rng)
    scaled = tuple(weight / np.sqrt(weight.shape[1]) for weight in large.weights)
    return Network(scaled, large.biases)


def draw_large(sizes: Sequence[int], rng: np.random.RandomState) -> Network:
    """Draw the start of the book's chapters 1 and 2: all N(0, 1), biases first.

    Args:
        sizes: the number of inputs, then of neurons in each layer.
        rng: where the numbers come from; it moves on.

    Returns:
        The network. Source: `large_weight_initializer`.
    """
    biases = tuple(rng.randn(after, 1)[:, 0] for after in sizes[1:])
    weights = tuple(rng.randn(after, before) for before, after in pairwise(sizes))
    return Network(weights, biases)
