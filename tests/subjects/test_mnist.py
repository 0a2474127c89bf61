"""MNIST: found, read, refused when damaged; and the predictors' order on the real thing."""

import copy
import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurodemon.errors import DatasetError, SubjectError
from neurodemon.subjects.mnist import find_folder, mnist, read_images
from neurodemon.subjects.subject import Subject

N_TRAIN, N_TEST = 40, 12


def idx(values: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    return header + values.tobytes()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Files like MNIST's, of a few random images."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder


def test_images_are_flat_and_between_nought_and_one(small: Path) -> None:
    inputs, targets = read_images(small, "train")
    raw = (small / "train-images-idx3-ubyte").read_bytes()[16:]
    assert inputs.shape == (N_TRAIN, 784)
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
    torch.testing.assert_close(inputs.flatten()[:9] * 255, torch.tensor(list(raw[:9])).float())


def test_the_network_is_trained_once_and_then_needs_no_training_files(
    small: Path, cache: Path, note: list[str]
) -> None:
    first = mnist(small, note=note)
    for path in small.glob("train-*"):
        path.unlink()
    second = mnist(small, note=note)
    assert torch.equal(first.model.fc1.weight, second.model.fc1.weight)
    assert len(note) == len(list(cache.iterdir())) == 1
    with pytest.raises(DatasetError, match=r"train-images-idx3-ubyte\.gz is not in"):
        mnist(small, seed=1, note=note)


def test_other_data_are_not_taken_for_the_same(small: Path, cache: Path, note: list[str]) -> None:
    mnist(small, note=note)
    path = small / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    mnist(small, note=note)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize(("examples", "expected"), [(None, N_TEST), (5, 5)])
def test_the_first_test_images_are_the_batch(
    small: Path, cache: Path, note: list[str], examples: int | None, expected: int
) -> None:
    [(inputs, target)] = mnist(small, examples=examples, note=note).batches
    everything, labels = read_images(small, "t10k")
    assert torch.equal(inputs, everything[:expected])
    assert torch.equal(target, labels[:expected])
    assert cache.is_dir()


@pytest.mark.usefixtures("cache")
def test_more_examples_than_there_are_are_refused(small: Path, note: list[str]) -> None:
    with pytest.raises(SubjectError, match="13 examples were asked for; expected 1 to 12"):
        mnist(small, examples=13, note=note)


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
        read_images(small, "t10k")


def test_files_with_a_dot_in_their_names_are_found(small: Path) -> None:
    for path in list(small.iterdir()):
        path.rename(small / path.name.replace("-idx", ".idx"))
    assert read_images(small, "t10k")[0].shape == (N_TEST, 784)


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
        read_images(small, "t10k")


@pytest.fixture(scope="module")
def real(real_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The subject itself, trained here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODEMON_CACHE", str(tmp_path_factory.mktemp("cache")))
        return mnist(real_mnist, note=print)


def test_at_least_97_of_100_real_digits_are_read_right(real: Subject, real_mnist: Path) -> None:
    inputs, targets = read_images(real_mnist, "t10k")
    assert (real.model(inputs).argmax(1) == targets).double().mean().item() >= 0.97


def test_the_real_batch_is_the_first_thousand(real: Subject) -> None:
    [(inputs, target)] = real.batches
    assert inputs.shape == (1_000, 784)
    assert target[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]


def rank_agreement(model: nn.Sequential, inputs: Tensor, target: Tensor, layer: int) -> list[float]:
    """Spearman of first order, link and linearised logits with zeroing each hidden neuron.

    By hand, as in theory.md §1.4: what the engine does must come to the same.
    """
    a = model[: 2 * layer](inputs).detach().requires_grad_()
    rest = model[2 * layer :]
    logits = rest(a)
    cost = cross_entropy(logits, target, reduction="none")
    backward = [torch.autograd.grad(logit.sum(), a, retain_graph=True)[0] for logit in logits.T]
    (delta,) = torch.autograd.grad(cost.sum(), a)
    with torch.no_grad():
        first_order = -delta * a
        q = -torch.expm1(-cost)[:, None]
        link = torch.log1p(q * torch.expm1(first_order / q))
        slopes = torch.stack(backward, 1)
        truth, linear = [], []
        for unit in range(a.shape[1]):
            zeroed = a.clone()
            zeroed[:, unit] = 0
            moved = logits - slopes[:, :, unit] * a[:, [unit]]
            truth.append((cross_entropy(rest(zeroed), target, reduction="none") - cost).mean())
            linear.append((cross_entropy(moved, target, reduction="none") - cost).mean())
        measured = torch.stack(truth)
        predictions = (first_order.mean(0), link.mean(0), torch.stack(linear))
        return [float(spearmanr(one, measured).statistic) for one in predictions]


@pytest.mark.parametrize("layer", [1, 2])
def test_link_and_linear_logits_rank_the_neurons_of_the_real_network(
    real: Subject, layer: int
) -> None:
    [(inputs, target)] = real.batches
    model = copy.deepcopy(real.model).double()
    first_order, link, linear_logits = rank_agreement(model, inputs.double(), target, layer)
    assert first_order < link <= linear_logits
    assert link >= 0.9
    assert linear_logits >= 0.98


def test_first_order_misjudges_the_first_layer_of_the_real_network(real: Subject) -> None:
    [(inputs, target)] = real.batches
    model = copy.deepcopy(real.model).double()
    first_order, *_ = rank_agreement(model, inputs.double(), target, 1)
    assert first_order < 0.85
