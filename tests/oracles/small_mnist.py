"""Files like MNIST's, of a few random images: small enough to train on in a test."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_TRAIN, N_TEST = 40, 12


def idx(values: NDArray[np.uint8]) -> bytes:
    """Spell values as an IDX file."""
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    return header + values.tobytes()


def write_small(folder: Path, n_train: int = N_TRAIN, n_test: int = N_TEST) -> Path:
    """Write the four files into a new folder; labels are gzipped, images are not."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, n in (("train", n_train), ("t10k", n_test)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder
