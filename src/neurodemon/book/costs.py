"""The book's two costs, for each output of each example, with their δ at the output layer.

The quadratic cost ½ Σ_j (y_j − a_j)² and the cross-entropy −Σ_j [y_j ln a_j + (1−y_j) ln(1−a_j)],
a sum of binary cross-entropies on sigmoids (no softmax). Never averaged here.
Source: Nielsen ch. 2, eq. 27, and ch. 3, eq. 63.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float

Outputs = Float[Array, "*row output"]


@dataclass(frozen=True)
class Cost:
    """One cost, as functions of the last layer.

    Attributes:
        name: as in this package.
        book_name: as in the book's files.
        per_output: (a, y) → each output's part of the cost.
        slope: (a, y) → ∇_a C.
        delta: (z, a, y) → δ^L = ∇_a C ⊙ σ′(z^L), BP1, in its closed form.
    """

    name: str
    book_name: str
    per_output: Callable[[Outputs, Outputs], Outputs]
    slope: Callable[[Outputs, Outputs], Outputs]
    delta: Callable[[Outputs, Outputs, Outputs], Outputs]

    def per_example(
        self, a: Float[Array, "*row output"], y: Float[Array, "*target output"]
    ) -> Float[Array, "*row"]:
        """Sum the outputs' parts: one number for each example."""
        return np.asarray(self.per_output(a, np.broadcast_to(y, a.shape)).sum(axis=-1))


def find_cost(name: str) -> Cost:
    """Find a cost by our name or by the book's.

    Args:
        name: `quadratic` or `cross_entropy`, `QuadraticCost` or `CrossEntropyCost`.

    Returns:
        The cost.

    Raises:
        SubjectError: the book has no such cost.

    Example:
        >>> find_cost("CrossEntropyCost").name
        'cross_entropy'
    """
    for cost in COSTS:
        if name in {cost.name, cost.book_name}:
            return cost
    known = ", ".join(f"{cost.name!r} ({cost.book_name})" for cost in COSTS)
    raise SubjectError(f"The book has no cost {name!r}; expected {known}.")


def _squared(a: Outputs, y: Outputs) -> Outputs:
    """½ (y − a)², eq. 27."""
    return 0.5 * (y - a) ** 2


def _squared_slope(a: Outputs, y: Outputs) -> Outputs:
    """∂/∂a ½ (y − a)²."""
    return a - y


def _squared_delta(z: Outputs, a: Outputs, y: Outputs) -> Outputs:  # noqa: ARG001 - a cost's form
    """δ^L = (a − y) σ′(z), eq. 30."""
    return (a - y) * (a * (1.0 - a))


def _entropy(a: Outputs, y: Outputs) -> Outputs:
    """−[y ln a + (1 − y) ln(1 − a)], eq. 63; 0 · ln 0 counts as 0."""
    return -_times_log(y, a) - _times_log(1.0 - y, 1.0 - a)


def _times_log(factor: Outputs, a: Outputs) -> Outputs:
    """Multiply by ln a, with 0 · ln 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(factor == 0.0, 0.0, factor * np.log(a))


def _entropy_slope(a: Outputs, y: Outputs) -> Outputs:
    """∂/∂a of the cross-entropy: −y / a + (1 − y) / (1 − a); 0 / 0 counts as 0."""
    return _over(1.0 - y, 1.0 - a) - _over(y, a)


def _over(factor: Outputs, a: Outputs) -> Outputs:
    """Divide by a, with 0 / 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(factor == 0.0, 0.0, factor / a)


def _entropy_delta(z: Outputs, a: Outputs, y: Outputs) -> Outputs:  # noqa: ARG001 - a cost's form
    """δ^L = a − y, eq. 68: the influence is the error."""
    return a - y


QUADRATIC = Cost("quadratic", "QuadraticCost", _squared, _squared_slope, _squared_delta)
CROSS_ENTROPY = Cost("cross_entropy", "CrossEntropyCost", _entropy, _entropy_slope, _entropy_delta)
COSTS = (QUADRATIC, CROSS_ENTROPY)
