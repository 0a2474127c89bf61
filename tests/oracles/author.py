"""The author's own results and MNIST's bytes, read where they stand; skipped where not."""

import json
import os
import random
from collections.abc import Iterator
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


def sgd_of_network2(
    data: dict[str, Any], weights: list[Any], biases: list[Any], lmbda: float
) -> Iterator[tuple[float, int, float, int]]:
    """Train as network2.py's SGD does, image by image, in columns: η .5, mini-batches of 10.

    Yields after each epoch: training cost, training count, test cost, test count.
    """
    rng, order = random.Random(12345678), list(data["train"])  # noqa: S311
    while True:
        for i in reversed(range(1, len(order))):
            j = int(rng.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        for k in range(0, len(order), 10):
            batch = order[k : k + 10]
            by_bias, by_weight = _sum_gradients(batch, weights, biases)
            weights = [
                (1 - 0.5 * (lmbda / len(order))) * w - (0.5 / len(batch)) * nw
                for w, nw in zip(weights, by_weight, strict=True)
            ]
            biases = [b - (0.5 / len(batch)) * nb for b, nb in zip(biases, by_bias, strict=True)]
        scores = (_score(data[part], weights, biases, lmbda) for part in ("train", "t10k"))
        yield tuple(number for pair in scores for number in pair)


def _squash(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


def _sum_gradients(batch: Any, weights: Any, biases: Any) -> tuple[list[Any], list[Any]]:
    """network2.py's update_mini_batch: backprop for each image, summed."""
    by_bias = [np.zeros(b.shape) for b in biases]
    by_weight = [np.zeros(w.shape) for w in weights]
    for x, y in batch:
        activations = [x]
        for w, b in zip(weights, biases, strict=True):
            activations.append(_squash(w @ activations[-1] + b))
        delta = activations[-1] - y
        for layer in range(1, len(weights) + 1):
            if layer > 1:
                a = activations[-layer]
                delta = (weights[-layer + 1].T @ delta) * a * (1 - a)
            by_bias[-layer] += delta
            by_weight[-layer] += delta @ activations[-layer - 1].T
    return by_bias, by_weight


def _score(examples: Any, weights: Any, biases: Any, lmbda: float) -> tuple[float, int]:
    """network2.py's total_cost and accuracy; the penalty over the examples given."""
    cost, right = 0.0, 0
    for x, y in examples:
        a = x
        for w, b in zip(weights, biases, strict=True):
            a = _squash(w @ a + b)
        cost += float(np.sum(np.nan_to_num(-y * np.log(a) - (1 - y) * np.log(1 - a))))
        right += int(np.argmax(a) == np.argmax(y))
    squares = sum(np.linalg.norm(w) ** 2 for w in weights)
    return cost / len(examples) + 0.5 * (lmbda / len(examples)) * float(squares), right
