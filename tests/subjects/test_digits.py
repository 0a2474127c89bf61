"""The digits: trained from a seed, good at its task, with the extra it needs."""

import sys
from pathlib import Path

import pytest
import torch

from neurodemon.errors import MissingExtraError
from neurodemon.subjects.digits import digits, split_digits


def test_digits_is_trained_well_and_only_once(cache: Path, note: list[str]) -> None:
    subject = digits(note=note)
    [(inputs, target)] = subject.batches
    assert inputs.shape == (500, 64)
    assert (subject.model(inputs).argmax(1) == target).double().mean().item() >= 0.96
    again = digits(note=note)
    pairs = zip(subject.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert len(note) == 1
    assert len(list(cache.iterdir())) == 1


def test_a_second_training_gives_the_same_weights(
    cache: Path, note: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = digits(note=note)
    monkeypatch.setenv("NEURODEMON_CACHE", str(cache / "another"))
    two = digits(note=note)
    pairs = zip(one.model.parameters(), two.model.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)
    assert len(note) == 2


def test_fewer_examples_are_the_first_ones(cache: Path, note: list[str]) -> None:
    _, (inputs, targets) = split_digits(0)
    [(some, theirs)] = digits(examples=7, note=note).batches
    assert torch.equal(some, inputs[:7])
    assert torch.equal(theirs, targets[:7])
    assert cache.is_dir()


def test_the_split_covers_all_digits_once() -> None:
    (inputs, targets), (test_inputs, test_targets) = split_digits(0)
    assert (inputs.shape, test_inputs.shape) == ((1_297, 64), (500, 64))
    assert (targets.shape, test_targets.shape) == ((1_297,), (500,))
    together = torch.cat([inputs, test_inputs]).sum(0)
    (other, _), (other_test, _) = split_digits(1)
    torch.testing.assert_close(together, torch.cat([other, other_test]).sum(0))
    assert not torch.equal(test_inputs, other_test)
    assert (inputs.min().item(), inputs.max().item()) == (0.0, 1.0)


def test_a_missing_scikit_learn_is_told(
    cache: Path, note: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*pip install 'neurodemon\[data\]'"):
        digits(note=note)
    assert not cache.exists()
