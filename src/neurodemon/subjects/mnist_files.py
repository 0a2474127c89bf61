"""MNIST's four IDX files: found in the user's folder, read as bytes, refused when damaged.

Nothing is downloaded, and torch is not needed: the book's experiments read them, too.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import DatasetError
from neurodemon.subjects.idx import read_idx

VARIABLE = "NEURODEMON_MNIST"
TRAINING, TEST = "train", "t10k"
SIDE = 28
N_CLASSES = 10

Pixels = tuple[NDArray[np.uint8], NDArray[np.uint8]]


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


def read_pixels(folder: Path, part: str) -> Pixels:
    """Read the images of one part with their digits, as the files hold them.

    Args:
        folder: where the IDX files are.
        part: `train` or `t10k`.

    Returns:
        The images, of shape (images, 28, 28), pixels from 0 to 255; and the digits.

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
    return images, labels


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
