"""`lost-digit`: the book's own training, kept; its output 0 is first in error, last in influence."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.small_mnist import N_TEST, N_TRAIN

from neurodemon.book.costs import QUADRATIC
from neurodemon.book.images import from_pixels
from neurodemon.book.lost_digit import RECIPE
from neurodemon.book.replay import Recipe, start, train_by
from neurodemon.book.training import Sgd
from neurodemon.errors import DatasetError, SubjectError
from neurodemon.jobs.predicting import delta
from neurodemon.subjects import lost_digit as module
from neurodemon.subjects.lost_digit import OneEpoch, lost_digit
from neurodemon.subjects.mnist_files import read_pixels
from neurodemon.subjects.subject import Subject

SMALL = Recipe(n_images=N_TRAIN, sgd=Sgd(QUADRATIC, eta=3.0), seed=3)


@pytest.fixture
def few(small: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Train on a few images only."""
    monkeypatch.setattr(module, "OneEpoch", lambda: OneEpoch(SMALL))
    assert not cache.exists()
    return small


def test_its_weights_are_those_of_the_books_training(few: Path, note: list[str]) -> None:
    subject = lost_digit(few, note=note)
    expected = next(train_by(SMALL, from_pixels(*read_pixels(few, "train"))))
    for place in (0, 1):
        weight, bias = subject.model[2 * place].parameters()
        np.testing.assert_array_equal(weight.detach().numpy(), expected.weights[place])
        np.testing.assert_array_equal(bias.detach().numpy(), expected.biases[place])
    assert not np.array_equal(expected.weights[1], start(SMALL).weights[1])


def test_it_is_trained_once_and_then_needs_no_training_files(
    few: Path, cache: Path, note: list[str]
) -> None:
    first = lost_digit(few, note=note)
    for path in few.glob("train-*"):
        path.unlink()
    second = lost_digit(few, examples=3, note=note)
    assert torch.equal(first.model.fc1.weight, second.model.fc1.weight)
    assert second.model.fc1.weight.dtype == torch.float64
    assert len(note) == len(list(cache.iterdir())) == 1
    assert [len(target) for _, target in (*first.batches, *second.batches)] == [N_TEST, 3]
    assert (second.name, second.seed) == ("lost-digit", 3)


def test_pixels_are_over_256_and_targets_one_hot(few: Path, note: list[str]) -> None:
    [(inputs, target)] = lost_digit(few, note=note).batches
    pixels, digits = read_pixels(few, "t10k")
    assert torch.equal(inputs * 256, torch.tensor(pixels.reshape(N_TEST, 784)).double())
    assert target.argmax(1).tolist() == digits.tolist()
    assert target.sum().item() == N_TEST


def test_other_recipes_have_other_files(few: Path, cache: Path, note: list[str]) -> None:
    lost_digit(few, note=note)
    [path] = cache.iterdir()
    assert path.name.startswith(f"lost-digit-{OneEpoch(SMALL).fingerprint}-")
    assert OneEpoch(SMALL).fingerprint != OneEpoch(RECIPE).fingerprint


@pytest.mark.usefixtures("cache")
def test_too_few_training_images_are_refused(small: Path, note: list[str]) -> None:
    with pytest.raises(SubjectError, match="50000 images were asked for; expected 1 to 40"):
        lost_digit(small, note=note)


def test_without_a_folder_it_is_refused(monkeypatch: pytest.MonkeyPatch, note: list[str]) -> None:
    monkeypatch.delenv("NEURODEMON_MNIST", raising=False)
    with pytest.raises(DatasetError, match="No folder for MNIST"):
        lost_digit(note=note)


@pytest.fixture(scope="module")
def real(real_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The subject itself, on all test images, trained here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODEMON_CACHE", str(tmp_path_factory.mktemp("cache")))
        return lost_digit(real_mnist, examples=10_000, note=print)


def test_its_output_0_has_the_books_numbers_by_the_torch_engine(real: Subject) -> None:
    outputs = torch.cat([real.model(inputs) for inputs, _ in real.batches]).detach()
    target = torch.cat([target for _, target in real.batches])
    shown = target.argmax(1) == 0
    assert (outputs.argmax(1)[shown] == 0).sum().item() == 0  # recall 0.0
    costs = ((outputs - target) ** 2).mean(0) / 2
    influence = delta(real, "fc2").abs().mean(0)
    assert costs.argmax().item() == 0
    assert costs[0].item() == pytest.approx(0.049, abs=5e-4)
    assert influence.argmin().item() == 0
    assert influence[0].item() == pytest.approx(2e-6, abs=5e-7)
    assert influence[1:].min().item() >= 1.15e-3  # printed as 1.2e-3


FINGERPRINT = "from neurodemon.subjects.lost_digit import OneEpoch; print(OneEpoch().fingerprint)"


def test_its_place_in_the_cache_is_the_same_in_every_process():
    """The repr of a cost holds addresses: by that, each process trained anew."""
    command = [sys.executable, "-c", FINGERPRINT]
    found = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}
    assert found == {f"{OneEpoch().fingerprint}\n".encode()}


def test_another_recipe_has_another_place_in_the_cache():
    others = [SMALL, replace(RECIPE, seed=4), replace(RECIPE, sgd=Sgd(QUADRATIC, eta=2.0))]
    assert len({OneEpoch(recipe).fingerprint for recipe in (RECIPE, *others)}) == 4
