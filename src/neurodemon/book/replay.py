"""The book's overfitting experiment (ch. 3), replayed from its seeds to the last count.

1,000 training images, [784, 30, 10], cross-entropy, 400 epochs. The author's file is
`overfitting.json`; whoever calls hands its four lists in. Source: his `fig/overfitting.py`.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.images import N_DIGITS, Images
from neurodemon.book.network import Network, draw_default, draw_large
from neurodemon.book.training import Score, Sgd, score, train
from neurodemon.errors import SubjectError

BOOK_EPOCHS = 400
COST_TOLERANCE = 1e-9  # sums in another order differ by some 1e-15
N_LISTS = 4
SGD = Sgd(CROSS_ENTROPY, eta=0.5)


@dataclass(frozen=True)
class Recipe:
    """What to replay; the defaults are the author's.

    Attributes:
        sizes: of the network.
        n_images: the first so many training images.
        initialisation: `large` or `default`.
        sgd: how to train.
        seed: of both streams, NumPy's for the weights and Python's for the shuffle.
    """

    sizes: tuple[int, ...] = (784, 30, 10)
    n_images: int = 1000
    initialisation: str = "large"
    sgd: Sgd = SGD
    seed: int = 12345678

    def __post_init__(self) -> None:
        """Refuse what the recipe has no way to do."""
        if self.initialisation not in {"large", "default"}:
            raise SubjectError(
                f"The book has no initialisation {self.initialisation!r}; expected 'large' or "
                "'default'."
            )
        if len(self.sizes) < 2 or min(self.sizes) < 1 or self.sizes[-1] != N_DIGITS:
            raise SubjectError(
                f"Sizes {list(self.sizes)} make no network for digits; expected the number of "
                f"pixels, hidden layers of at least 1 neuron, and {N_DIGITS} outputs."
            )

    @property
    def is_the_books(self) -> bool:
        """Whether the author's file is about this recipe."""
        return self == Recipe()


@dataclass(frozen=True)
class Epoch:
    """Where the network stands after an epoch.

    Attributes:
        number: of the epoch, from 1.
        training: its score on the training images.
        test: its score on the test images.
    """

    number: int
    training: Score
    test: Score


@dataclass(frozen=True)
class Curves:
    """The scores through training, one number for each epoch.

    Attributes:
        training_cost: C on the training images.
        training_count: how many of them are right.
        test_cost: C on the test images.
        test_count: how many of them are right.
    """

    training_cost: tuple[float, ...]
    training_count: tuple[int, ...]
    test_cost: tuple[float, ...]
    test_count: tuple[int, ...]


@dataclass(frozen=True)
class Replay:
    """Our curves beside the book's.

    Attributes:
        ours: as found here.
        book: the author's, for the same epochs; None where his file is about something else.
    """

    ours: Curves
    book: Curves | None

    @property
    def n_unequal_counts(self) -> int | None:
        """How many of the counts differ."""
        if self.book is None:
            return None
        pairs = [
            *zip(self.ours.training_count, self.book.training_count, strict=True),
            *zip(self.ours.test_count, self.book.test_count, strict=True),
        ]
        return sum(ours != book for ours, book in pairs)

    @property
    def largest_cost_gap(self) -> float | None:
        """How far the costs differ at most."""
        if self.book is None:
            return None
        ours = np.array([self.ours.training_cost, self.ours.test_cost])
        book = np.array([self.book.training_cost, self.book.test_cost])
        return float(np.abs(ours - book).max(initial=0.0))

    @property
    def is_exact(self) -> bool | None:
        """Whether each count is equal and each cost within 1e-9; None where there is no book."""
        gap = self.largest_cost_gap
        return None if gap is None else self.n_unequal_counts == 0 and gap <= COST_TOLERANCE


def start(recipe: Recipe) -> Network:
    """Draw the weights to start from.

    The author's programs draw the default start first, and `large` draws again after it.

    Args:
        recipe: what to replay.

    Returns:
        The network before training.
    """
    rng = np.random.RandomState(recipe.seed)
    default = draw_default(recipe.sizes, rng)
    return default if recipe.initialisation == "default" else draw_large(recipe.sizes, rng)


def train_by(recipe: Recipe, training: Images) -> Iterator[Network]:
    """Train as the author did.

    Args:
        recipe: what to replay.
        training: the training images, in the usual order; the first of them are used.

    Returns:
        The network after each epoch, without end.
    """
    rng = random.Random(recipe.seed)  # noqa: S311 - the author's stream, no secret
    return train(start(recipe), training.first(recipe.n_images), recipe.sgd, rng)


def replay(recipe: Recipe, training: Images, test: Images) -> Iterator[Epoch]:
    """Train as the author did and score after each epoch.

    Args:
        recipe: what to replay.
        training: the training images, in the usual order; the first of them are used.
        test: the test images.

    Returns:
        Epoch after epoch, without end: the caller takes as many as wanted.
    """
    images = training.first(recipe.n_images)
    return (
        Epoch(number, score(network, images, recipe.sgd), score(network, test, recipe.sgd))
        for number, network in enumerate(train_by(recipe, training), start=1)
    )


def beside_the_book(epochs: Iterable[Epoch], book: Curves | None = None) -> Replay:
    """Put the epochs beside the author's.

    Args:
        epochs: what `replay` gave, the first ones, in order.
        book: the author's curves; epochs beyond the shorter of the two are not compared, and
            an epoch of ours beyond his is refused.

    Returns:
        Both.

    Raises:
        SubjectError: there are more epochs than the author ran.
    """
    seen = tuple(epochs)
    ours = Curves(
        tuple(epoch.training.cost for epoch in seen),
        tuple(epoch.training.count for epoch in seen),
        tuple(epoch.test.cost for epoch in seen),
        tuple(epoch.test.count for epoch in seen),
    )
    if book is None:
        return Replay(ours, None)
    if len(seen) > len(book.test_cost):
        raise SubjectError(
            f"{len(seen)} epochs cannot stand beside the author's {len(book.test_cost)}: take "
            "no more than his, or leave his out."
        )
    n = len(seen)
    return Replay(
        ours,
        replace(
            book,
            training_cost=book.training_cost[:n],
            training_count=book.training_count[:n],
            test_cost=book.test_cost[:n],
            test_count=book.test_count[:n],
        ),
    )


def read_overfitting(lists: Sequence[Sequence[float | int]]) -> Curves:
    """Read the author's `overfitting.json`.

    Args:
        lists: its content: test cost, test count, training cost, training count.

    Returns:
        His curves.

    Raises:
        SubjectError: these are not four lists of one length.
    """
    lengths = [len(numbers) for numbers in lists]
    if len(lengths) != N_LISTS or len(set(lengths)) != 1:
        raise SubjectError(
            f"Lists of lengths {lengths} were found; expected the {N_LISTS} of overfitting.json, "
            "of one length: test cost, test count, training cost, training count."
        )
    test_cost, test_count, training_cost, training_count = lists
    return Curves(
        tuple(float(cost) for cost in training_cost),
        tuple(int(count) for count in training_count),
        tuple(float(cost) for cost in test_cost),
        tuple(int(count) for count in test_count),
    )
