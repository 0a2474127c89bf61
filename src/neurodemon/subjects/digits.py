"""`digits`: a small network on scikit-learn's 8×8 handwritten digits.

1,797 images come with scikit-learn; 1,297 of them train the network, the other 500 are the
subject's one batch. Trained in a few seconds, then kept in the cache.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neurodemon.subjects.cache import Note, cached, hash_tensors
from neurodemon.subjects.examples import take_first
from neurodemon.subjects.extras import load_sklearn_datasets
from neurodemon.subjects.stages import Retraining
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import Recipe, train
from neurodemon.terms.shapes import Float, Int

RECIPE = Recipe(layers=(64, 32, 32, 10), epochs=60, batch_size=64, learning_rate=4e-3)
N_TRAINING = 1_297
LARGEST_PIXEL = 16

# the underscore: the two parts have unlike numbers of examples
Images = tuple[Float[Tensor, "_example 64"], Int[Tensor, " _example"]]


def digits(*, examples: int | None = None, seed: int = 0, note: Note) -> Subject:
    """Make the subject `digits`: an MLP 64-32-32-10 with ReLU, and 500 test images.

    Args:
        examples: how many of the test images, the first ones; all 500, if left out.
        seed: of the split into training and test images, and of the training.
        note: told when the network has to be trained.

    Returns:
        The subject, under the cost "cross_entropy".
    """
    recipe = replace(RECIPE, seed=seed)
    training, (inputs, targets) = split_digits(seed)
    data = hash_tensors({"inputs": inputs, "targets": targets})
    model = cached(
        "digits",
        recipe,
        data,
        train=lambda: train(recipe, *training, recipe.generator()),
        note=note,
    )
    batches = take_first(inputs, targets, inputs.shape[0] if examples is None else examples)
    subject = Subject(model, batches, "cross_entropy", name="digits", seed=seed)
    subject.stages = Retraining(recipe, lambda: training)
    return subject


def split_digits(seed: int) -> tuple[Images, Images]:
    """Read the digits and split them, pixels in [0, 1].

    Args:
        seed: of the order in which they are split.

    Returns:
        Training images with their digits, then test images with theirs.
    """
    bunch = load_sklearn_datasets().load_digits()
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(bunch.target)))
    inputs = torch.from_numpy(bunch.data).to(torch.float32)[order] / LARGEST_PIXEL
    targets = torch.from_numpy(bunch.target).to(torch.int64)[order]
    return (
        (inputs[:N_TRAINING], targets[:N_TRAINING]),
        (inputs[N_TRAINING:], targets[N_TRAINING:]),
    )
