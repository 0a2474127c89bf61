"""`mnist`: a network on handwritten digits from IDX files that the user has.

Trained on the 60,000 training images in well under a minute, then kept in the cache: from
then on only the test files are needed. Nothing is downloaded.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neurodemon.errors import DatasetError
from neurodemon.subjects.cache import Note, cached, hash_tensors
from neurodemon.subjects.examples import LARGEST_BATCH, take_first
from neurodemon.subjects.idx import read_idx
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import Recipe, train
from neurodemon.terms.shapes import Float, Int

RECIPE = Recipe(layers=(784, 128, 128, 10), epochs=5)
VARIABLE = "NEURODEMON_MNIST"
TRAINING, TEST = "train", "t10k"
SIDE = 28
LARGEST_PIXEL = 255
N_CLASSES = 10

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
    return Subject(model, batches, "cross_entropy", name="mnist", seed=seed)


def find_folder(folder: Path | None) -> Path:
    """Find the folder of the IDX files.

    Args:
        folder: as given; `NEURODEMON_MNIST`, if left out.

    Returns:
        The folder.

    Raises:
        DatasetError: neither is given, or there is no such folder.
    """
    chosen = os.environ.get(VARIABLE) if folder is None else folder
    if not chosen:
        raise DatasetError(f"No folder for MNIST was given. {_advice()}")
    found = Path(chosen).expanduser()
    if not found.is_dir():
        raise DatasetError(f"The folder {str(found)!r} for MNIST is not there. {_advice()}")
    return found


def read_images(folder: Path, part: str) -> Images:
    """Read the images of one part with their digits.

    Args:
        folder: where the IDX files are.
        part: `train` or `t10k`.

    Returns:
        The images, flattened, pixels in [0, 1]; and the digits.

    Raises:
        DatasetError: a file is missing, is damaged or does not fit the other.
    """
    images_path = _find(folder, f"{part}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{part}-labels", "idx1-ubyte")
    images = read_idx(images_path, 3)
    labels = read_idx(labels_path, 1)
    if images.shape[0] == 0 or images.shape[1:] != (SIDE, SIDE):
        raise DatasetError(
            f"{images_path} holds images of shape {images.shape}; expected (images, {SIDE}, "
            f"{SIDE}). Fetch the file again."
        )
    if labels.shape != images.shape[:1] or labels.max() >= N_CLASSES:
        raise DatasetError(
            f"{labels_path} holds {labels.shape[0]} labels up to {labels.max(initial=0)}; "
            f"expected {images.shape[0]} from 0 to {N_CLASSES - 1}, one for each image of "
            f"{images_path.name}. Fetch both again."
        )
    inputs = torch.from_numpy(images.astype(np.float32)).flatten(1) / LARGEST_PIXEL
    return inputs, torch.from_numpy(labels.astype(np.int64))


def _find(folder: Path, stem: str, suffix: str) -> Path:
    """Find a file under the names it goes by."""
    names = [f"{stem}{dash}{suffix}{end}" for dash in "-." for end in (".gz", "")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(f"{names[0]} is not in {str(folder)!r}. {_advice()}")


def _advice() -> str:
    """Say which files are wanted where."""
    files = ", ".join(
        f"{part}-{kind}-ubyte.gz"
        for part in (TRAINING, TEST)
        for kind in ("images-idx3", "labels-idx1")
    )
    return (
        f"Put the four files {files} (gzipped or not) into one folder, and give it by --mnist "
        f"DIR (in Python: mnist=...) or by the variable {VARIABLE}. The train files are needed "
        "only until the network is trained."
    )
