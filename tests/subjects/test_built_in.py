"""The built-in subjects by name, and the options they have."""

from pathlib import Path

import pytest

from neurodemon.errors import DatasetError, SubjectError
from neurodemon.subjects.built_in import NAMES, built_in, require_option


def test_the_names_are_those_of_the_design() -> None:
    assert NAMES == (
        "digits", "mnist", "lost-digit", "minilm", "saturated", "kink", "chain", "xor",
    )  # fmt: skip


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["digits", "saturated", "kink", "chain", "xor"])
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
    with pytest.raises(
        SubjectError, match="'digits' has no such option; it belongs to 'mnist' and "
    ):
        built_in("digits", mnist=tmp_path)
    with pytest.raises(SubjectError, match="examples is '3', but subject 'kink' has no such"):
        built_in("kink", examples=3)


@pytest.mark.parametrize("seed", [-1, True])
def test_a_seed_that_is_none_is_refused(seed: int) -> None:
    with pytest.raises(SubjectError, match=f"seed is {seed}; expected a whole number from 0"):
        built_in("digits", seed=seed)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("saturated", [2.0, 2.0]),
        ("saturated:0.6,0.9", [0.6, 0.9]),
        ("chain", [100.0, -50.0]),
        ("chain:3", [3.0, -1.5]),
    ],
)
def test_a_toy_takes_its_numbers_behind_a_colon(text: str, weights: list[float]) -> None:
    subject = built_in(text)
    assert subject.name == text
    assert [value.flatten()[0].item() for value in subject.model[0].parameters()] == weights


@pytest.mark.parametrize(
    ("text", "distances"),
    [("kink", [1.0]), ("kink:2", [2.0]), ("kink:0.5,1,2,-4", [0.5, 1.0, 2.0, -4.0])],
)
def test_the_kink_takes_a_distance_for_each_example(text: str, distances: list[float]) -> None:
    [(inputs, _)] = built_in(text).batches
    assert inputs.flatten().tolist() == distances


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("saturated:1", r"has 1 number behind its colon; expected saturated:0\.6,0\.9"),
        ("saturated:1,2,3", "has 3 numbers behind its colon"),
        ("saturated:subject", r"no finite numbers .* file of your own is 'saturated\.py:factory'"),
        ("saturated:1,nan", "no finite numbers"),
        ("kink:", "no finite numbers"),
        ("kink:1,inf", "no finite numbers"),
        ("kink:1,0", r"no slope at x = 0; expected distances other than 0, found \[1\.0, 0\.0\]"),
        ("chain:1,2", "has 2 numbers"),
        ("xor:1", "'xor:1' has something behind its colon; expected 'xor' alone"),
        ("digits:3", "'digits:3' has something behind its colon"),
        ("lost-digit:", "'lost-digit:' has something behind its colon"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(SubjectError, match=message):
        built_in(text)


@pytest.mark.parametrize(
    ("name", "option", "owners"),
    [
        ("kink", "mnist", "'mnist' and 'lost-digit'"),
        ("xor", "examples", "'digits', 'mnist', 'lost-digit' and 'minilm'"),
        ("lost-digit", "seed", "'digits', 'mnist' and 'minilm'"),
        ("my.py:subject", "seed", "'digits', 'mnist' and 'minilm'"),
    ],
)
def test_who_has_an_option_is_said(name: str, option: str, owners: str) -> None:
    with pytest.raises(SubjectError, match=f"no such option; it belongs to {owners}. Leave"):
        require_option(name, option, "3")


def test_an_option_that_is_ones_own_is_let_pass() -> None:
    require_option("lost-digit", "examples", "3")
