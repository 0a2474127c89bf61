"""The built-in subjects by name, and the options they have."""

from pathlib import Path

import pytest

from neurodemon.errors import DatasetError, SubjectError
from neurodemon.subjects.built_in import NAMES, built_in


def test_the_names_are_those_of_the_design() -> None:
    assert NAMES == ("digits", "mnist", "saturated", "kink")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["digits", "saturated", "kink"])
def test_each_name_makes_its_subject(name: str) -> None:
    subject = built_in(name)
    assert subject.name == name
    inputs, target = subject.batches[0]
    cost = subject.cost(subject.model(inputs), target)
    assert cost.shape == inputs.shape[:1]
    assert cost.isfinite().all()


@pytest.mark.usefixtures("cache")
def test_options_reach_their_subject(note: list[str]) -> None:
    subject = built_in("digits", examples=3, seed=5, note=note)
    assert subject.batches[0][0].shape == (3, 64)
    assert subject.seed == 5
    assert len(note) == 1


def test_mnist_looks_into_the_folder_given(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"t10k-images.*is not in"):
        built_in("mnist", mnist=tmp_path)


def test_an_unknown_name_lists_the_nearest_and_the_other_forms() -> None:
    with pytest.raises(SubjectError, match=r"'digit' not found. Nearest built-in: 'digits', "):
        built_in("digit")
    with pytest.raises(SubjectError, match=r"file\.py:factory or package\.module:factory"):
        built_in("resnet")


def test_an_option_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match="'digits' has no such option; it belongs to 'mnist'"):
        built_in("digits", mnist=tmp_path)
    with pytest.raises(SubjectError, match="examples is '3', but subject 'kink' has no such"):
        built_in("kink", examples=3)


@pytest.mark.parametrize("seed", [-1, True])
def test_a_seed_that_is_none_is_refused(seed: int) -> None:
    with pytest.raises(SubjectError, match=f"seed is {seed}; expected a whole number from 0"):
        built_in("digits", seed=seed)
