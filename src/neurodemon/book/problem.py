"""A problem: a network, examples with their targets, and a cost: what the book studies."""

from dataclasses import dataclass

from neurodemon.book.arrays import Array
from neurodemon.book.costs import Cost
from neurodemon.book.network import Forward, Network, feedforward
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float


@dataclass(frozen=True, eq=False)
class Problem:
    """A network with the examples it is asked about.

    Attributes:
        network: the network.
        inputs: one row for each example.
        target: y, one row for each example.
        cost: the cost.
    """

    network: Network
    inputs: Float[Array, "example input"]
    target: Float[Array, "_ output"]  # as many as inputs: refused below, in words
    cost: Cost

    def __post_init__(self) -> None:
        """Refuse inputs and targets that do not fit the network."""
        sizes = self.network.sizes
        found = self.inputs.shape[1], self.target.shape[1]
        if found != (sizes[0], sizes[-1]) or len(self.inputs) != len(self.target):
            raise SubjectError(
                f"Inputs {self.inputs.shape} and targets {self.target.shape} do not fit the "
                f"network {list(sizes)}: expected (examples, {sizes[0]}) and (examples, "
                f"{sizes[-1]})."
            )

    def forward(self) -> Forward:
        """Send the examples through the network."""
        return feedforward(self.network, self.inputs)

    def costs(self) -> Float[Array, " example"]:
        """Compute C, one number for each example."""
        return self.cost.per_example(self.forward().output, self.target)
