"""The replay of `overfitting.json`: equal to the last count, and only with the right recipe.

All 400 epochs are in tests/long/book.
"""

import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from oracles import author

from neurodemon.book import training
from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.images import LEVELS, Images, from_pixels
from neurodemon.book.network import draw_default, draw_large
from neurodemon.book.replay import (
    COST_TOLERANCE,
    Curves,
    Epoch,
    Recipe,
    Replay,
    beside_the_book,
    read_overfitting,
    replay,
    start,
)
from neurodemon.book.training import Score, Sgd
from neurodemon.errors import SubjectError

N_EPOCHS = 30  # of 400: a second or two
CONTROL_EPOCHS = 2

Lists = list[list[float | int]]


def images_of(pixels: author.Pixels, levels: int = LEVELS) -> tuple[Images, Images]:
    return (
        from_pixels(pixels.training[:1000], pixels.training_digits[:1000], levels=levels),
        from_pixels(pixels.test, pixels.test_digits, levels=levels),
    )


def run(recipe: Recipe, images: tuple[Images, Images], lists: Lists, n_epochs: int) -> Replay:
    epochs = islice(replay(recipe, *images), n_epochs)
    return beside_the_book(epochs, read_overfitting(lists))


def test_the_first_epochs_are_the_authors_to_the_last_count(
    pixels: author.Pixels, overfitting: Lists
):
    found = run(Recipe(), images_of(pixels), overfitting, N_EPOCHS)
    assert found.is_exact
    assert found.n_unequal_counts == 0
    assert found.largest_cost_gap == pytest.approx(0.0, abs=COST_TOLERANCE)
    assert found.book is not None
    assert found.ours.test_count == found.book.test_count
    assert len(found.ours.test_count) == N_EPOCHS


def test_the_first_three_epochs_have_the_published_numbers(pixels: author.Pixels):
    # overfitting.json of mnielsen/neural-networks-and-deep-learning, MIT, © Michael Nielsen
    ours = beside_the_book(islice(replay(Recipe(), *images_of(pixels)), 3)).ours
    assert ours.training_cost == pytest.approx(
        (1.8433647860328504, 1.4777434227600235, 1.2072861295975754), abs=COST_TOLERANCE
    )
    assert ours.training_count == (690, 749, 812)
    assert ours.test_count == (5887, 6505, 6970)


def test_pixels_over_255_break_the_replay(pixels: author.Pixels, overfitting: Lists):
    found = run(Recipe(), images_of(pixels, levels=255), overfitting, CONTROL_EPOCHS)
    assert found.is_exact is False


def test_python_3s_shuffle_breaks_the_replay(
    pixels: author.Pixels, overfitting: Lists, monkeypatch: pytest.MonkeyPatch
):
    def shuffle(order: list[int], rng: random.Random) -> None:
        rng.shuffle(order)

    monkeypatch.setattr(training, "shuffle", shuffle)
    found = run(Recipe(), images_of(pixels), overfitting, CONTROL_EPOCHS)
    assert found.is_exact is False


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 12345679},
        {"initialisation": "default"},
        {"sgd": Sgd(CROSS_ENTROPY, eta=0.5, lmbda=0.1)},
        {"sgd": Sgd(CROSS_ENTROPY, eta=0.25)},
    ],
    ids=["another seed", "another start", "a penalty", "another rate"],
)
def test_another_recipe_breaks_the_replay(
    pixels: author.Pixels, overfitting: Lists, changes: dict[str, object]
):
    recipe = replace(Recipe(), **changes)
    assert not recipe.is_the_books
    assert run(recipe, images_of(pixels), overfitting, CONTROL_EPOCHS).is_exact is False


def test_the_second_draw_is_the_large_start():
    rng = np.random.RandomState(12345678)
    default, large = draw_default((784, 30, 10), rng), draw_large((784, 30, 10), rng)
    np.testing.assert_array_equal(start(Recipe()).weights[0], large.weights[0])
    found = start(Recipe(initialisation="default"))
    np.testing.assert_array_equal(found.weights[0], default.weights[0])


def test_the_recipe_of_the_book_is_known():
    assert Recipe().is_the_books


# Without MNIST


def small_images() -> Images:
    rng = np.random.RandomState(5)
    return Images(rng.rand(23, 6), rng.randint(0, 10, 23))


def epoch(number: int, cost: float = 1.0, count: int = 5) -> Epoch:
    return Epoch(number, Score(cost, count), Score(2 * cost, 2 * count))


def book(n_epochs: int) -> Curves:
    ones = (1.0,) * n_epochs
    return Curves(ones, (5,) * n_epochs, (2.0,) * n_epochs, (10,) * n_epochs)


def test_a_replay_counts_its_epochs_and_learns():
    recipe = Recipe(sizes=(6, 5, 10), n_images=20, sgd=Sgd(CROSS_ENTROPY, eta=0.5))
    epochs = list(islice(replay(recipe, small_images(), small_images()), 4))
    assert [one.number for one in epochs] == [1, 2, 3, 4]
    assert epochs[-1].training.cost < epochs[0].training.cost


def test_equal_curves_are_exact_and_may_be_shorter_than_the_books():
    found = beside_the_book([epoch(1), epoch(2)], book(3))
    assert found.is_exact
    assert found.book == book(2)


@pytest.mark.parametrize(
    ("wrong", "n_unequal", "gap"),
    [(epoch(2, count=6), 2, 0.0), (epoch(2, cost=1.0 + 1e-8), 0, 2e-8)],
    ids=["a count", "a cost"],
)
def test_one_wrong_number_is_not_exact(wrong: Epoch, n_unequal: int, gap: float):
    found = beside_the_book([epoch(1), wrong], book(2))
    assert found.is_exact is False
    assert found.n_unequal_counts == n_unequal
    assert found.largest_cost_gap == pytest.approx(gap, abs=1e-12)


def test_without_the_book_nothing_is_compared():
    found = beside_the_book([epoch(1)])
    assert found.ours.test_count == (10,)
    assert (found.is_exact, found.n_unequal_counts, found.largest_cost_gap) == (None, None, None)


def test_more_epochs_than_the_books_are_refused():
    with pytest.raises(SubjectError, match="2 epochs cannot stand beside the author's 1"):
        beside_the_book([epoch(1), epoch(2)], book(1))


def test_the_authors_lists_are_read_in_his_order():
    curves = read_overfitting([[0.1], [4.0], [0.3], [2.0]])
    assert curves == Curves((0.3,), (2,), (0.1,), (4,))


@pytest.mark.parametrize("lists", [[], [[1.0]] * 3, [[1.0], [1.0], [1.0], []]], ids=str)
def test_other_lists_are_refused(lists: Lists):
    with pytest.raises(SubjectError, match=r"expected the 4 of overfitting\.json"):
        read_overfitting(lists)


@pytest.mark.parametrize("sizes", [(784,), (784, 0, 10), (784, 30, 9)], ids=str)
def test_sizes_that_are_no_network_for_digits_are_refused(sizes: tuple[int, ...]):
    with pytest.raises(SubjectError, match="make no network for digits"):
        Recipe(sizes=sizes)


def test_another_initialisation_is_refused():
    with pytest.raises(SubjectError, match="no initialisation 'xavier'; expected 'large'"):
        Recipe(initialisation="xavier")
