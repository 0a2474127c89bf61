"""Backpropagation step by step: each equation with the numbers that go in and come out.

For a reader with a small network and one example; what it finds is what `backpropagate` finds.
Source: Nielsen ch. 2, "The backpropagation algorithm".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import Backprop, backpropagate, bp3, bp4
from neurodemon.book.network import sigmoid_slope
from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float

Numbers = Float[Array, "..."]


@dataclass(frozen=True, eq=False)
class Step:
    """One equation at one layer.

    Attributes:
        equation: `feedforward`, `cost`, or `BP1` to `BP4`.
        layer: the layer it is about.
        formula: the equation with this layer's numbers in its indices.
        given: each symbol on the right with its numbers.
        symbol: what stands on the left.
        result: its numbers.
    """

    equation: str
    layer: int
    formula: str
    given: tuple[tuple[str, Numbers], ...]
    symbol: str
    result: Numbers


def spell_out(problem: Problem) -> tuple[Step, ...]:
    """Write down all steps of backpropagation for one example.

    Args:
        problem: a network with one example; vectors come out as (neurons,), not as rows.

    Returns:
        The steps, in order: forward through the layers, the cost, BP1, BP2 back through the
        layers, then BP3 and BP4 for each layer.

    Raises:
        SubjectError: there is not exactly one example.

    Example:
        >>> import numpy as np
        >>> from neurodemon.book.costs import QUADRATIC
        >>> from neurodemon.book.network import Network
        >>> one, two = np.array([[1.0]]), np.array([[2.0]])
        >>> steps = spell_out(Problem(Network((two,), (two[0],)), one, 0 * one, QUADRATIC))
        >>> [step.equation for step in steps]
        ['feedforward', 'feedforward', 'cost', 'BP1', 'BP3', 'BP4']
        >>> steps[3].formula, steps[3].result.round(6).tolist()
        ('δ^2 = ∇_a C ⊙ σ′(z^2)', [0.017345])
    """
    if len(problem.inputs) != 1:
        raise SubjectError(
            f"{len(problem.inputs)} examples were given; steps are written for exactly 1: take "
            "one row of the inputs and of the targets."
        )
    found = backpropagate(problem)
    return (
        *_go_forward(problem, found),
        _count_cost(problem, found),
        *_go_back(problem, found),
        *_find_gradients(found),
    )


def _go_forward(problem: Problem, found: Backprop) -> Iterator[Step]:
    """Yield z and a of each layer."""
    network, forward = problem.network, found.forward
    for place, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        layer = place + 2
        z, before = f"z^{layer}", f"a^{layer - 1}"
        given = (
            (f"w^{layer}", weight),
            (before, forward.a[place][0]),
            (f"b^{layer}", bias),
        )
        formula = f"{z} = w^{layer} {before} + b^{layer}"
        yield Step("feedforward", layer, formula, given, z, forward.z[place][0])
        a = f"a^{layer}"
        given_z = ((z, forward.z[place][0]),)
        yield Step("feedforward", layer, f"{a} = σ({z})", given_z, a, forward.a[place + 1][0])


def _count_cost(problem: Problem, found: Backprop) -> Step:
    """Write down the cost."""
    layer = problem.network.depth
    output, y = found.forward.output[0], problem.target[0]
    formulas = {
        "quadratic": f"C = ½ Σ_j (y_j − a^{layer}_j)²",
        "cross_entropy": f"C = −Σ_j [y_j ln a^{layer}_j + (1−y_j) ln(1−a^{layer}_j)]",
    }
    given = ((f"a^{layer}", output), ("y", y))
    result = problem.cost.per_example(output, y)
    return Step("cost", layer, formulas[problem.cost.name], given, "C", result)


def _go_back(problem: Problem, found: Backprop) -> Iterator[Step]:
    """Yield BP1, then BP2 from the last hidden layer to the first."""
    forward, last = found.forward, problem.network.depth
    slope = problem.cost.slope(forward.output[0], problem.target[0])
    given = (("∇_a C", slope), (f"σ′(z^{last})", sigmoid_slope(forward.z[-1][0])))
    formula = f"δ^{last} = ∇_a C ⊙ σ′(z^{last})"
    yield Step("BP1", last, formula, given, f"δ^{last}", found.delta[-1][0])
    for layer in range(last - 1, 1, -1):
        above = layer + 1
        pulled = (
            (f"w^{above}", problem.network.weights[above - 2]),
            (f"δ^{above}", found.delta[above - 2][0]),
            (f"σ′(z^{layer})", sigmoid_slope(forward.z[layer - 2][0])),
        )
        formula = f"δ^{layer} = ((w^{above})ᵀ δ^{above}) ⊙ σ′(z^{layer})"
        yield Step("BP2", layer, formula, pulled, f"δ^{layer}", found.delta[layer - 2][0])


def _find_gradients(found: Backprop) -> Iterator[Step]:
    """Yield BP3 and BP4 for each layer."""
    for place, delta in enumerate(found.delta):
        layer, a = place + 2, found.forward.a[place]
        given = ((f"δ^{layer}", delta[0]),)
        by_bias, by_weight = f"∂C/∂b^{layer}", f"∂C/∂w^{layer}"
        yield Step("BP3", layer, f"{by_bias}_j = δ^{layer}_j", given, by_bias, bp3(delta)[0])
        formula = f"{by_weight}_jk = a^{layer - 1}_k δ^{layer}_j"
        both = ((f"a^{layer - 1}", a[0]), *given)
        yield Step("BP4", layer, formula, both, by_weight, bp4(delta, a)[0])
