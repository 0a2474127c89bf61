"""`mnist`: trained once, cut into batches; and the predictors' order on the real thing."""

import copy
from pathlib import Path

import pytest
import torch
from oracles.small_mnist import N_TEST, N_TRAIN
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurodemon.errors import DatasetError, SubjectError
from neurodemon.subjects.mnist import mnist, read_images
from neurodemon.subjects.subject import Subject


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
