"""A network that has given up a digit: first in headroom, last in influence.

Chapter 1's network with an unlucky seed: after one epoch the output for digit 0 is saturated
off. No other output costs as much, none has so small a δ, and training cannot bring it back.
Source: Nielsen ch. 1, settings of "Implementing our network" with this seed of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodemon.book.arrays import Array
from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import QUADRATIC
from neurodemon.book.figures import Figure, as_printed, at_least
from neurodemon.book.images import N_DIGITS, Images
from neurodemon.book.network import Network
from neurodemon.book.problem import Problem
from neurodemon.book.replay import Recipe, train_by
from neurodemon.book.training import Sgd
from neurodemon.terms.shapes import Float

LOST = 0
RECIPE = Recipe(n_images=50_000, sgd=Sgd(QUADRATIC, eta=3.0), seed=3)


@dataclass(frozen=True, eq=False)
class Outputs:
    """The ten outputs after an epoch, on the test images.

    Attributes:
        epoch: from 1.
        recall: of each digit's images, the share that is recognised; NaN where there is none.
        headroom: each output's part of the cost, the mean over the images: what a seeing demon
            there, free to go as far as it likes, would win.
        influence: mean |δ| of each output.
        figures: ours beside the book's, for the lost digit.
    """

    epoch: int
    recall: Float[Array, " output"]
    headroom: Float[Array, " output"]
    influence: Float[Array, " output"]
    figures: tuple[Figure, ...]


def follow_outputs(recipe: Recipe, training: Images, test: Images) -> Iterator[Outputs]:
    """Train and look at the outputs after each epoch.

    Args:
        recipe: `RECIPE` for the network of the book.
        training: the training images, in the usual order; the recipe takes the first of them.
        test: the test images.

    Returns:
        Epoch after epoch, without end; the first tells all.
    """
    networks = enumerate(train_by(recipe, training), start=1)
    return (_look(epoch, network, recipe, test) for epoch, network in networks)


def _look(epoch: int, network: Network, recipe: Recipe, test: Images) -> Outputs:
    """Measure the outputs."""
    cost = recipe.sgd.cost
    found = backpropagate(Problem(network, test.inputs, test.targets, cost))
    output = found.forward.output
    is_right = output.argmax(axis=1) == test.digits
    with np.errstate(invalid="ignore"):  # 0 of 0 images
        shown = np.bincount(test.digits, minlength=N_DIGITS)
        recall = np.bincount(test.digits, is_right, minlength=N_DIGITS) / shown
    headroom = cost.per_output(output, test.targets).mean(axis=0)
    influence = np.abs(found.delta[-1]).mean(axis=0)
    is_the_books = recipe == RECIPE
    figures = _compare(epoch, recall, headroom, influence) if is_the_books else ()
    return Outputs(epoch, recall, headroom, influence, figures)


def _compare(
    epoch: int,
    recall: Float[Array, " output"],
    headroom: Float[Array, " output"],
    influence: Float[Array, " output"],
) -> tuple[Figure, ...]:
    """Put the lost digit beside the book's."""
    lost = as_printed("recall of digit 0", float(recall[LOST]), 0.0, decimals=6)
    others = np.delete(np.arange(N_DIGITS), LOST)
    ratio = float(headroom[LOST] / headroom[others].max())
    ranks = (
        lost,
        at_least("its headroom / the next largest", ratio, 1.0),
        at_least(
            "least mean |δ| of the others / its own",
            float(influence[others].min() / influence[LOST]),
            100.0,
        ),
    )
    if epoch > 1:
        return ranks
    return (
        *ranks,
        as_printed("its part of the cost", float(headroom[LOST]), 0.049, decimals=3),
        as_printed("its mean |δ|", float(influence[LOST]), 2e-6, decimals=6),
        as_printed(
            "least mean |δ| of the others", float(influence[others].min()), 0.0012, decimals=4
        ),
    )
