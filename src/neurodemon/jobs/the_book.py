"""The book's experiments with their data: MNIST's files and the author's meet the maths here.

What takes long comes as an iterator, so that whoever asks can show how far it is, stop, and
still keep what was done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodemon.book.costs import QUADRATIC, find_cost
from neurodemon.book.example import SIZES, draw_network, give_example
from neurodemon.book.figures import Figure
from neurodemon.book.images import Images, from_pixels
from neurodemon.book.lost_digit import RECIPE as LOST_DIGIT
from neurodemon.book.lost_digit import Outputs, follow_outputs
from neurodemon.book.norms import N_IMAGES, Norms, follow_norms
from neurodemon.book.norms import start as start_of_chapter_5
from neurodemon.book.printed import replay_figures
from neurodemon.book.problem import Problem
from neurodemon.book.replay import (
    Curves,
    Epoch,
    Recipe,
    Replay,
    beside_the_book,
    read_overfitting,
    replay,
)
from neurodemon.book.saved import read_saved
from neurodemon.errors import SubjectError
from neurodemon.subjects.book_files import find_lists, read_lists, read_text
from neurodemon.subjects.mnist_files import TEST, TRAINING, find_folder, read_pixels

BOOKS_TRAINING_IMAGES = 50_000  # the book keeps the other 10,000 for validation
OVERFITTING = "overfitting.json"


@dataclass(frozen=True)
class Replayed:
    """A replay, and what of it could be compared.

    Attributes:
        recipe: what was replayed.
        curves: ours, all epochs.
        compared: ours beside the author's, as many epochs as both have.
        figures: the figures; none where the book has nothing to say.
    """

    recipe: Recipe
    curves: Curves
    compared: Replay
    figures: tuple[Figure, ...]


def read_training(folder: Path | None, n_images: int = BOOKS_TRAINING_IMAGES) -> Images:
    """Read the first of the book's 50,000 training images.

    Args:
        folder: of MNIST's IDX files; `NEURODEMON_MNIST`, if left out.
        n_images: how many.

    Returns:
        The images, pixels over 256; more than there are is refused with a `SubjectError`.
    """
    pixels, digits = read_pixels(find_folder(folder), TRAINING)
    wanted = slice(min(n_images, BOOKS_TRAINING_IMAGES))
    return from_pixels(pixels[wanted], digits[wanted]).first(n_images)


def read_test(folder: Path | None) -> Images:
    """Read the test images.

    Args:
        folder: of MNIST's IDX files; `NEURODEMON_MNIST`, if left out.

    Returns:
        The images, pixels over 256.
    """
    return from_pixels(*read_pixels(find_folder(folder), TEST))


def find_curves(recipe: Recipe, given: Path | None) -> tuple[Path, Curves] | None:
    """Find the author's curves to stand beside a replay.

    Args:
        recipe: what is replayed.
        given: a file with four lists, taken whatever the recipe is.

    Returns:
        The file and its curves; None where there is none about this recipe.
    """
    if given is None and not recipe.is_the_books:
        return None
    path = find_lists(OVERFITTING) if given is None else given
    return None if path is None else (path, read_overfitting(read_lists(path)))


def start_replay(recipe: Recipe, mnist: Path | None) -> Iterator[Epoch]:
    """Begin the overfitting experiment.

    Args:
        recipe: what to replay.
        mnist: the folder of MNIST's files.

    Returns:
        Epoch after epoch, without end.
    """
    return replay(recipe, read_training(mnist, recipe.n_images), read_test(mnist))


def judge_replay(recipe: Recipe, epochs: Sequence[Epoch], book: Curves | None) -> Replayed:
    """Put a replay beside the book.

    Args:
        recipe: what was replayed.
        epochs: the epochs that were done.
        book: the author's curves, if they are at hand.

    Returns:
        The curves and the figures.
    """
    n_both = len(epochs) if book is None else min(len(epochs), len(book.test_count))
    compared = beside_the_book(epochs[:n_both], book)
    figures = replay_figures(recipe, compared)
    return Replayed(recipe, beside_the_book(epochs).ours, compared, figures)


def start_norms(n_hidden: int, seed: int, mnist: Path | None) -> Iterator[Norms]:
    """Begin chapter 5's training.

    Args:
        n_hidden: how many hidden layers.
        seed: of the weights.
        mnist: the folder of MNIST's files.

    Returns:
        The norms before each step, without end.
    """
    images = read_training(mnist, N_IMAGES)
    return follow_norms(start_of_chapter_5(n_hidden, images.inputs.shape[1], seed), images)


def find_norms(n_hidden: int) -> tuple[Path, list[list[float]]] | None:
    """Find the author's norms.

    Args:
        n_hidden: how many hidden layers.

    Returns:
        The file and its norms, step by step; None where it is not there.
    """
    path = find_lists(f"norms_during_training_{n_hidden}_layers.json")
    if path is None:
        return None
    return path, [[float(norm) for norm in norms] for norms in read_lists(path)]


def start_lost_digit(mnist: Path | None) -> Iterator[Outputs]:
    """Begin the training that loses a digit.

    Args:
        mnist: the folder of MNIST's files.

    Returns:
        The ten outputs after each epoch, without end.
    """
    return follow_outputs(LOST_DIGIT, read_training(mnist), read_test(mnist))


@dataclass(frozen=True)
class Wish:
    """A small problem, as someone asks for it; what is None is drawn or left to the file.

    Attributes:
        sizes: of a network to draw.
        network: the file of a saved one.
        cost: by name.
        x: the inputs.
        y: the targets.
        seed: of all that is drawn.
    """

    sizes: tuple[int, ...] | None = None
    network: Path | None = None
    cost: str | None = None
    x: tuple[float, ...] | None = None
    y: tuple[float, ...] | None = None
    seed: int = 0


def make_problem(wish: Wish) -> Problem:
    """Make a small problem: a saved network or a drawn one, with one example.

    Args:
        wish: what is asked for.

    Returns:
        The problem.

    Raises:
        SubjectError: both sizes and a file are given, or something does not fit.

    Example:
        >>> make_problem(Wish()).network.sizes
        (2, 3, 1)
    """
    rng = np.random.RandomState(wish.seed)
    if wish.network is None:
        cost = QUADRATIC if wish.cost is None else find_cost(wish.cost)
        drawn = draw_network(SIZES if wish.sizes is None else wish.sizes, rng)
        return give_example(drawn, cost, rng, x=wish.x, y=wish.y)
    if wish.sizes is not None:
        raise SubjectError(
            f"Sizes {list(wish.sizes)} were given beside {str(wish.network)!r}, which has its "
            "own. Leave one of the two out."
        )
    network, cost = read_saved(read_text(wish.network))
    if wish.cost is not None:
        cost = find_cost(wish.cost)
    return give_example(network, cost, rng, x=wish.x, y=wish.y)
