"""The author's own results and MNIST's bytes, read where they stand; skipped where not."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodemon.subjects.idx import read_idx

SHARED = Path(__file__).parents[2].parent / "shared"


@dataclass(frozen=True)
class Pixels:
    """MNIST as it comes: images (image, 28, 28) and digits, training and test."""

    training: NDArray[np.uint8]
    training_digits: NDArray[np.uint8]
    test: NDArray[np.uint8]
    test_digits: NDArray[np.uint8]


def read_pixels() -> Pixels:
    """Read MNIST, or skip the test that asks."""
    folder = find("NEURODEMON_MNIST", SHARED / "data" / "mnist")
    return Pixels(
        read_idx(folder / "train-images-idx3-ubyte.gz", 3),
        read_idx(folder / "train-labels-idx1-ubyte.gz", 1),
        read_idx(folder / "t10k-images-idx3-ubyte.gz", 3),
        read_idx(folder / "t10k-labels-idx1-ubyte.gz", 1),
    )


def read_lists(name: str) -> Any:
    """Read one of the author's files, or skip the test that asks."""
    path = find("NEURODEMON_BOOK", SHARED / "book") / name
    return json.loads(path.read_text("utf-8"))


def find(variable: str, usual: Path) -> Path:
    """Find a folder where a variable says, else beside the project; skip where it is not."""
    folder = Path(os.environ.get(variable, usual))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set {variable}")
    return folder
