"""`lost-digit`: the book's network that has given up a digit, on MNIST's test images.

Trained for one epoch by the NumPy library, exactly as `neurodemon book lost-digit` does, then
kept in the cache. Output 0 is saturated off: first in headroom, last in influence.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from neurodemon.book.images import from_pixels
from neurodemon.book.lost_digit import RECIPE
from neurodemon.book.replay import Recipe, start, train_by
from neurodemon.subjects.cache import Note, cached, hash_tensors
from neurodemon.subjects.examples import LARGEST_BATCH, take_first
from neurodemon.subjects.from_book import COSTS, model_from_book
from neurodemon.subjects.mnist_files import TEST, TRAINING, find_folder, read_pixels
from neurodemon.subjects.subject import Subject

NAME = "lost-digit"


@dataclass(frozen=True)
class OneEpoch:
    """One epoch of a recipe of the book: what decides the network.

    Attributes:
        recipe: the book's.
        version: to be raised when the code of training changes the result.
    """

    recipe: Recipe = RECIPE
    version: int = 1

    @property
    def seed(self) -> int:
        """The seed of both streams."""
        return self.recipe.seed

    @property
    def fingerprint(self) -> str:
        """A short hash of all settings."""
        book, sgd = self.recipe, self.recipe.sgd
        # by name: the repr of a cost holds addresses, other ones in each process
        numbers = (sgd.cost.name, sgd.eta, sgd.mini_batch, sgd.lmbda)
        settings = (
            book.sizes,
            book.n_images,
            book.initialisation,
            numbers,
            self.seed,
            self.version,
        )
        return hashlib.blake2b(repr(settings).encode(), digest_size=6).hexdigest()

    def blank(self) -> nn.Sequential:
        """Build a network of the right shape, to read weights into."""
        return model_from_book(start(self.recipe))


def lost_digit(folder: Path | None = None, *, examples: int | None = None, note: Note) -> Subject:
    """Make the subject `lost-digit`: [784, 30, 10] sigmoid neurons, quadratic cost, float64.

    Args:
        folder: where MNIST's IDX files are; `NEURODEMON_MNIST`, if left out.
        examples: how many of the test images, the first ones; 1,000, if left out.
        note: told when the network has to be trained.

    Returns:
        The subject, in batches of at most 1,000.
    """
    found = find_folder(folder)
    test = from_pixels(*read_pixels(found, TEST))
    inputs, target = torch.from_numpy(test.inputs), torch.from_numpy(test.targets)
    making = OneEpoch()

    def train_now() -> nn.Sequential:
        pixels, digits = read_pixels(found, TRAINING)
        n_images = making.recipe.n_images
        training = from_pixels(pixels[:n_images], digits[:n_images])
        return model_from_book(next(train_by(making.recipe, training)))

    data = hash_tensors({"inputs": inputs, "target": target})
    model = cached(NAME, making, data, train=train_now, note=note)
    usual = min(LARGEST_BATCH, len(test))
    batches = take_first(inputs, target, usual if examples is None else examples)
    return Subject(model, batches, COSTS[RECIPE.sgd.cost.name], name=NAME, seed=making.seed)
