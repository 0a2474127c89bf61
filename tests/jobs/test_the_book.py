"""The book's experiments meet their data: which images, which of the author's files."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from oracles.small_mnist import N_TEST, N_TRAIN, write_small

from neurodemon.book.costs import CROSS_ENTROPY, QUADRATIC
from neurodemon.book.replay import Recipe
from neurodemon.book.saved import write_saved
from neurodemon.book.training import Sgd
from neurodemon.errors import DatasetError, SubjectError
from neurodemon.jobs.the_book import (
    Wish,
    find_curves,
    find_norms,
    judge_replay,
    make_problem,
    read_test,
    read_training,
    start_lost_digit,
    start_norms,
    start_replay,
)

SMALL = Recipe(sizes=(784, 4, 10), n_images=N_TRAIN)
ONE_EPOCH = [[2.0], [5.0], [1.0], [3.0]]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODEMON_BOOK", raising=False)
    monkeypatch.delenv("NEURODEMON_MNIST", raising=False)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    return write_small(tmp_path / "mnist")


@pytest.fixture
def authors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the author's files, each of one epoch."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "overfitting.json").write_text(json.dumps(ONE_EPOCH), "utf-8")
    (folder / "norms_during_training_2_layers.json").write_text("[[0.1, 0.2]]", "utf-8")
    monkeypatch.setenv("NEURODEMON_BOOK", str(folder))
    return folder


def test_pixels_are_over_256_and_digits_as_in_the_files(mnist: Path):
    raw = (mnist / "train-images-idx3-ubyte").read_bytes()[16:]
    images = read_training(mnist, N_TRAIN)
    assert images.inputs.shape == (N_TRAIN, 784)
    np.testing.assert_array_equal(images.inputs[0] * 256, list(raw[:784]))
    assert len(read_test(mnist)) == N_TEST
    assert read_training(mnist, 5).inputs.shape == (5, 784)


def test_more_images_than_there_are_are_refused(mnist: Path):
    with pytest.raises(SubjectError, match="41 images were asked for; expected 1 to 40"):
        read_training(mnist, 41)
    with pytest.raises(SubjectError, match="50000 images were asked for; expected 1 to 40"):
        start_lost_digit(mnist)
    with pytest.raises(SubjectError, match="1000 images were asked for; expected 1 to 40"):
        start_norms(2, 0, mnist)


def test_without_a_folder_it_is_said_where_images_come_from():
    with pytest.raises(DatasetError, match="No folder for MNIST was given"):
        start_replay(SMALL, None)


def test_a_replay_goes_on_epoch_by_epoch(mnist: Path):
    epochs = list(islice(start_replay(SMALL, mnist), 3))
    judged = judge_replay(SMALL, epochs, None)
    assert len(judged.curves.test_count) == 3
    assert judged.curves.training_cost == tuple(epoch.training.cost for epoch in epochs)
    assert judged.figures == ()
    assert judged.compared.book is None


def test_the_authors_file_is_for_his_recipe_alone(authors: Path):
    path, curves = find_curves(Recipe(), None)
    assert path == authors / "overfitting.json"
    assert (curves.test_cost, curves.training_count) == ((2.0,), (3,))
    assert find_curves(SMALL, None) is None


def test_a_file_that_is_given_is_taken_for_any_recipe(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(ONE_EPOCH), "utf-8")
    found = find_curves(SMALL, path)
    assert found is not None
    assert found[0] == path
    with pytest.raises(DatasetError, match="cannot be read"):
        find_curves(SMALL, tmp_path / "gone.json")


def test_without_any_file_nothing_is_found():
    assert find_curves(Recipe(), None) is None
    assert find_norms(2) is None


@pytest.mark.usefixtures("authors")
def test_norms_are_found_by_depth():
    found = find_norms(2)
    assert found is not None
    assert found[1] == [[0.1, 0.2]]
    assert find_norms(3) is None


@pytest.mark.usefixtures("authors")
def test_more_epochs_than_the_authors_are_compared_as_far_as_his_go(mnist: Path):
    _, curves = find_curves(Recipe(), None)
    judged = judge_replay(SMALL, list(islice(start_replay(SMALL, mnist), 2)), curves)
    assert len(judged.curves.test_count) == 2
    assert len(judged.compared.ours.test_count) == 1
    assert not all(figure.agrees for figure in judged.figures)


# backprop's problem


def test_one_wish_is_one_problem_and_another_seed_another():
    one, other, third = (make_problem(Wish(seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.network.weights[0], other.network.weights[0])
    assert one.cost is QUADRATIC
    assert one.network.weights[0][0, 0] != third.network.weights[0][0, 0]


def test_a_saved_network_brings_its_cost_unless_another_is_asked_for(tmp_path: Path):
    path = tmp_path / "net.json"
    network = make_problem(Wish(sizes=(3, 2, 2))).network
    path.write_text(write_saved(network, CROSS_ENTROPY), "utf-8")
    problem = make_problem(Wish(network=path, x=(1.0, 2.0, 3.0), y=(0.0, 1.0)))
    np.testing.assert_array_equal(problem.network.weights[1], network.weights[1])
    assert problem.cost is CROSS_ENTROPY
    assert problem.inputs.tolist() == [[1.0, 2.0, 3.0]]
    assert make_problem(Wish(network=path, cost="quadratic")).cost is QUADRATIC


def test_sizes_beside_a_file_are_refused(tmp_path: Path):
    with pytest.raises(SubjectError, match=r"Sizes \[2, 1\] were given beside .*net\.json"):
        make_problem(Wish(sizes=(2, 1), network=tmp_path / "net.json"))


def test_a_penalty_costs_what_it_should(mnist: Path):
    plain, penalised = (
        next(
            start_replay(
                Recipe((784, 4, 10), N_TRAIN, sgd=Sgd(CROSS_ENTROPY, 0.5, 10, lmbda)), mnist
            )
        )
        for lmbda in (0.0, 0.1)
    )
    assert penalised.training.cost > plain.training.cost
