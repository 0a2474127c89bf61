"""MNIST's files: found, read as they are, refused when damaged."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from oracles.small_mnist import N_TEST, N_TRAIN, idx

from neurodemon.errors import DatasetError
from neurodemon.subjects.mnist_files import find_folder, read_pixels


def test_images_and_digits_are_those_of_the_files(small: Path) -> None:
    images, labels = read_pixels(small, "train")
    assert images.shape == (N_TRAIN, 28, 28)
    assert images.tobytes() == (small / "train-images-idx3-ubyte").read_bytes()[16:]
    packed = (small / "train-labels-idx1-ubyte.gz").read_bytes()
    assert labels.tobytes() == gzip.decompress(packed)[8:]


def test_the_folder_given_goes_before_the_variable(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODEMON_MNIST", str(tmp_path))
    assert find_folder(None) == tmp_path
    assert find_folder(small) == small


def test_no_folder_at_all_says_where_to_put_which_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODEMON_MNIST", raising=False)
    with pytest.raises(DatasetError) as caught:
        find_folder(None)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        assert f"{part}-ubyte.gz" in str(caught.value)
    assert "--mnist DIR" in str(caught.value)
    assert "NEURODEMON_MNIST" in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone' for MNIST is not there\. Put the four files"):
        find_folder(tmp_path / "gone")


def test_a_missing_file_is_named(small: Path) -> None:
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte\.gz is not in .*four files"):
        read_pixels(small, "t10k")


def test_files_with_a_dot_in_their_names_are_found(small: Path) -> None:
    for path in list(small.iterdir()):
        path.rename(small / path.name.replace("-idx", ".idx"))
    assert read_pixels(small, "t10k")[0].shape == (N_TEST, 28, 28)


def truncated(folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])


def of_another_size(folder: Path) -> None:
    values = np.zeros((N_TEST, 20, 20), np.uint8)
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(values))


def without_images(folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))


def with_a_label_too_few(folder: Path) -> None:
    values = np.zeros(N_TEST - 1, np.uint8)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(values))


def with_a_label_too_large(folder: Path) -> None:
    values = np.full(N_TEST, 10, np.uint8)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, r"t10k-images-idx3-ubyte holds \d+ values; its header promises"),
        (of_another_size, r"images of shape \(12, 20, 20\); expected \(images, 28, 28\)"),
        (without_images, r"images of shape \(0, 28, 28\)"),
        (with_a_label_too_few, "holds 11 labels up to 0; expected 12"),
        (with_a_label_too_large, "holds 12 labels up to 10; expected 12 from 0 to 9"),
    ],
)
def test_damaged_files_are_refused(
    small: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(small)
    with pytest.raises(DatasetError, match=message):
        read_pixels(small, "t10k")
