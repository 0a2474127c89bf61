"""The demon: it sits at a neuron, adds Δz to its weighted input, and watches the cost.

The book's demon promises a change of δ · Δz; here stands what it promised beside what happened.
Source: Nielsen ch. 2, "The four fundamental equations", the little demon.
"""

from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import backpropagate
from neurodemon.book.network import FIRST_LAYER, feed_on
from neurodemon.book.problem import Problem
from neurodemon.errors import PerturbationError, UnitIndexError
from neurodemon.terms.shapes import Float


@dataclass(frozen=True)
class Neuron:
    """Where the demon sits.

    Attributes:
        layer: as the book counts: 2 is the first hidden layer.
        index: of the neuron in its layer, from 0.
    """

    layer: int
    index: int


@dataclass(frozen=True, eq=False)
class Nudge:
    """What came of one Δz, for each example.

    Attributes:
        dz: Δz.
        before: the cost without the demon.
        after: the cost with it.
        predicted: the promise, δ · Δz.
    """

    dz: Float[Array, " example"]
    before: Float[Array, " example"]
    after: Float[Array, " example"]
    predicted: Float[Array, " example"]

    @property
    def measured(self) -> Float[Array, " example"]:
        """The change that happened: cost after − cost before."""
        return self.after - self.before


def nudge(problem: Problem, neuron: Neuron, dz: float | Float[Array, " example"]) -> Nudge:
    """Let the demon add Δz to one neuron.

    Args:
        problem: the network, its examples and the cost.
        neuron: where the demon sits.
        dz: Δz: one number for all examples (the blind demon), or one for each (the seeing one).

    Returns:
        Promise and outcome, for each example.

    Raises:
        PerturbationError: Δz is neither one number nor one for each example.

    Example:
        >>> from neurodemon.book.costs import QUADRATIC
        >>> from neurodemon.book.network import Network
        >>> one, two = np.array([[1.0]]), np.array([[2.0]])
        >>> saturated = Problem(Network((two,), (two[0],)), one, 0 * one, QUADRATIC)
        >>> done = nudge(saturated, Neuron(2, 0), -1.0)
        >>> done.predicted.round(6).tolist(), done.measured.round(6).tolist()
        ([-0.017345], [-0.028477])
    """
    n_examples = len(problem.inputs)
    step = np.asarray(dz, np.float64)
    if step.shape not in {(), (n_examples,)}:
        raise PerturbationError(
            f"Δz of shape {step.shape} was given; expected one number, or {n_examples}, one for "
            "each example."
        )
    moves = np.broadcast_to(step, (n_examples,))
    found = backpropagate(problem)
    delta = found.delta[_place(problem, neuron)][:, neuron.index]
    return Nudge(
        dz=moves,
        before=problem.cost.per_example(found.forward.output, problem.target),
        after=_cost_after(problem, neuron, moves),
        predicted=delta * moves,
    )


def curve(
    problem: Problem, neuron: Neuron, dz: Float[Array, " row"]
) -> Float[Array, "row example"]:
    """Measure the cost along the demon's way: C(Δz) for many Δz at once.

    Args:
        problem: the network, its examples and the cost.
        neuron: where the demon sits.
        dz: the Δz to try; each is shared by all examples.

    Returns:
        The cost of each example at each Δz.
    """
    return _cost_after(problem, neuron, dz[:, None])


def _place(problem: Problem, neuron: Neuron) -> int:
    """Find where a neuron's layer stands in the tuples, which begin at layer 2."""
    sizes = problem.network.sizes
    is_layer = FIRST_LAYER <= neuron.layer <= len(sizes)
    if not is_layer or not 0 <= neuron.index < sizes[neuron.layer - 1]:
        raise UnitIndexError(
            f"Neuron {neuron.index} of layer {neuron.layer} is not in the network {list(sizes)}: "
            f"layers with neurons are {FIRST_LAYER} to {len(sizes)}, neurons count from 0."
        )
    return neuron.layer - FIRST_LAYER


def _cost_after(
    problem: Problem, neuron: Neuron, dz: Float[Array, "*row _"]
) -> Float[Array, "*row example"]:
    """Add Δz and run on to the cost."""
    clean = problem.forward().z[_place(problem, neuron)]
    axes = dz.shape[:-1]
    z = np.broadcast_to(clean, (*axes, *clean.shape)).copy()
    z[..., neuron.index] += dz
    output = feed_on(problem.network, neuron.layer, z)
    return problem.cost.per_example(output, problem.target)
