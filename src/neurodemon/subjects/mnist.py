"""`mnist`: a network on handwritten digits from IDX files that the user has.

Trained on the 60,000 training images in well under a minute, then kept in the cache: from
then on only the test files are needed. Nothing is downloaded.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neurodemon.subjects.cache import Note, cached, hash_tensors
from neurodemon.subjects.examples import LARGEST_BATCH, take_first
from neurodemon.subjects.mnist_files import TEST, TRAINING, find_folder, read_pixels
from neurodemon.subjects.stages import Retraining
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import Recipe, train
from neurodemon.terms.shapes import Float, Int

RECIPE = Recipe(layers=(784, 128, 128, 10), epochs=5)
LARGEST_PIXEL = 255

Images = tuple[Float[Tensor, "example 784"], Int[Tensor, " example"]]


def mnist(
    folder: Path | None = None, *, examples: int | None = None, seed: int = 0, note: Note
) -> Subject:
    """Make the subject `mnist`: an MLP 784-128-128-10 with ReLU, and test images.

    Args:
        folder: where the IDX files are; `NEURODEMON_MNIST`, if left out.
        examples: how many of the test images, the first ones; 1,000, if left out.
        seed: of the training.
        note: told when the network has to be trained.

    Returns:
        The subject, under the cost "cross_entropy", in batches of at most 1,000.
    """
    found = find_folder(folder)
    recipe = replace(RECIPE, seed=seed)
    inputs, targets = read_images(found, TEST)
    data = hash_tensors({"inputs": inputs, "targets": targets})

    def train_now() -> nn.Sequential:
        return train(recipe, *read_images(found, TRAINING), recipe.generator())

    model = cached("mnist", recipe, data, train=train_now, note=note)
    usual = min(LARGEST_BATCH, inputs.shape[0])
    batches = take_first(inputs, targets, usual if examples is None else examples)
    subject = Subject(model, batches, "cross_entropy", name="mnist", seed=seed)
    subject.stages = Retraining(recipe, lambda: read_images(found, TRAINING))
    return subject


def read_images(folder: Path, part: str) -> Images:
    """Read the images of one part with their digits.

    Args:
        folder: where the IDX files are.
        part: `train` or `t10k`.

    Returns:
        The images, flattened, pixels in [0, 1]; and the digits.
    """
    images, labels = read_pixels(folder, part)
    inputs = torch.from_numpy(images.astype(np.float32)).flatten(1) / LARGEST_PIXEL
    return inputs, torch.from_numpy(labels.astype(np.int64))
