"""The four equations of backpropagation, each a function, for a batch of examples at once.

δ = ∂C/∂z is kept per example: it is the demon's promise, and the book's "error" of a neuron.
Source: Nielsen ch. 2, eqs. BP1–BP4.
"""

from dataclasses import dataclass

from neurodemon.book.arrays import Array
from neurodemon.book.costs import Cost
from neurodemon.book.network import Forward, sigmoid_slope
from neurodemon.book.problem import Problem
from neurodemon.terms.shapes import Float


@dataclass(frozen=True, eq=False)
class Backprop:
    """What the backward pass finds.

    Attributes:
        forward: the pass it goes back over.
        delta: δ of layer 2, 3, …; each (examples, neurons).
    """

    forward: Forward
    delta: tuple[Float[Array, "example _"], ...]

    def bias_gradients(self) -> tuple[Float[Array, " _"], ...]:
        """Compute ∂C/∂b of layer 2, 3, …, summed over the examples."""
        return tuple(bp3(delta).sum(axis=0) for delta in self.delta)

    def weight_gradients(self) -> tuple[Float[Array, "_ _"], ...]:
        """Compute ∂C/∂w of layer 2, 3, …, summed over the examples."""
        # the sum of BP4's products over the examples is a matrix product
        pairs = zip(self.delta, self.forward.a, strict=False)  # the last a feeds nothing
        return tuple(delta.T @ a for delta, a in pairs)


def bp1(
    cost: Cost,
    z: Float[Array, "example output"],
    a: Float[Array, "example output"],
    y: Float[Array, "example output"],
) -> Float[Array, "example output"]:
    """Compute δ at the output: δ^L = ∇_a C ⊙ σ′(z^L), BP1.

    Args:
        cost: the cost.
        z: the weighted inputs of the last layer.
        a: its activations.
        y: the targets.

    Returns:
        δ^L, by the cost's closed form: finite where a is exactly 0 or 1.
    """
    return cost.delta(z, a, y)


def bp2(
    weight_above: Float[Array, "above neuron"],
    delta_above: Float[Array, "example above"],
    z: Float[Array, "example neuron"],
) -> Float[Array, "example neuron"]:
    """Move δ one layer back: δ^l = ((w^{l+1})ᵀ δ^{l+1}) ⊙ σ′(z^l), BP2.

    Args:
        weight_above: w of layer l+1.
        delta_above: δ of layer l+1.
        z: the weighted inputs of layer l.

    Returns:
        δ of layer l.
    """
    return (delta_above @ weight_above) * sigmoid_slope(z)


def bp3(delta: Float[Array, "example neuron"]) -> Float[Array, "example neuron"]:
    """Read off the bias gradient: ∂C/∂b_j = δ_j, BP3.

    Args:
        delta: δ of a layer.

    Returns:
        ∂C/∂b for each example.
    """
    return delta


def bp4(
    delta: Float[Array, "example neuron"], a: Float[Array, "example before"]
) -> Float[Array, "example neuron before"]:
    """Compute the weight gradient: ∂C/∂w_jk = a_k δ_j, BP4.

    Args:
        delta: δ of layer l.
        a: the activations of layer l−1.

    Returns:
        ∂C/∂w for each example.
    """
    return delta[:, :, None] * a[:, None, :]


def backpropagate(problem: Problem) -> Backprop:
    """Go through the network and back: δ of each neuron for each example.

    Args:
        problem: the network, its examples and the cost.

    Returns:
        The pass and its δ.

    Example:
        >>> import numpy as np
        >>> from neurodemon.book.costs import QUADRATIC
        >>> from neurodemon.book.network import Network
        >>> one, two = np.array([[1.0]]), np.array([[2.0]])
        >>> saturated = Problem(Network((two,), (two[0],)), one, 0 * one, QUADRATIC)
        >>> backpropagate(saturated).delta[0].round(6).tolist()
        [[0.017345]]
    """
    forward = problem.forward()
    delta = [bp1(problem.cost, forward.z[-1], forward.output, problem.target)]
    above = problem.network.weights[1:]
    for weight, z in zip(reversed(above), reversed(forward.z[:-1]), strict=True):
        delta.append(bp2(weight, delta[-1], z))
    return Backprop(forward, tuple(reversed(delta)))
