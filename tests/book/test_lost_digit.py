"""The lost digit: first in headroom, last in influence, and training does not find it again."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from oracles import author

from neurodemon.book import lost_digit
from neurodemon.book.images import Images, from_pixels
from neurodemon.book.lost_digit import LOST, RECIPE, Outputs, follow_outputs
from neurodemon.book.replay import Recipe


@pytest.fixture(scope="module")
def epochs(pixels: author.Pixels) -> list[Outputs]:
    training = from_pixels(pixels.training[:50_000], pixels.training_digits[:50_000])
    test = from_pixels(pixels.test, pixels.test_digits)
    return list(islice(follow_outputs(RECIPE, training, test), 3))


def test_all_figures_are_the_books(epochs: list[Outputs]):
    assert [len(outputs.figures) for outputs in epochs] == [6, 3, 3]
    for outputs in epochs:
        assert [figure for figure in outputs.figures if not figure.agrees] == []


def test_the_digit_is_lost_and_stays_lost(epochs: list[Outputs]):
    assert [outputs.recall[LOST] for outputs in epochs] == [0.0, 0.0, 0.0]
    assert epochs[-1].recall[1:].min() > 0.8


def test_its_output_is_first_in_headroom_and_last_in_influence(epochs: list[Outputs]):
    for outputs in epochs:
        assert outputs.headroom.argmax() == LOST
        assert outputs.influence.argmin() == LOST


# Without MNIST


LIKE_THE_BOOKS = np.array([0.049] + [0.009] * 9), np.array([1.9e-6] + [1.2e-3] * 9)


def small_outputs(recipe: Recipe, n_digits: int = 10) -> Iterator[Outputs]:
    rng = np.random.RandomState(5)
    images = Images(rng.rand(40, 6), np.arange(40) % n_digits)
    return follow_outputs(recipe, images, images)


def test_another_recipe_has_no_figures_and_loses_nothing():
    small = replace(RECIPE, sizes=(6, 5, 10), n_images=40)
    outputs = list(islice(small_outputs(small), 2))
    assert [one.epoch for one in outputs] == [1, 2]
    assert outputs[0].figures == ()
    assert outputs[0].headroom.shape == outputs[0].recall.shape == (10,)


def test_a_digit_that_no_image_shows_has_no_recall():
    small = replace(RECIPE, sizes=(6, 5, 10), n_images=40)
    recall = next(small_outputs(small, n_digits=9)).recall
    assert np.isnan(recall).tolist() == [False] * 9 + [True]


@pytest.mark.parametrize(("epoch", "n_figures"), [(1, 6), (2, 3)])
def test_the_sizes_of_the_first_epoch_are_compared_then_the_order_alone(epoch: int, n_figures: int):
    figures = lost_digit._compare(epoch, np.zeros(10), *LIKE_THE_BOOKS)
    assert len(figures) == n_figures
    assert all(figure.agrees for figure in figures)


def test_a_digit_that_is_not_lost_agrees_with_nothing():
    headroom, influence = LIKE_THE_BOOKS
    figures = lost_digit._compare(1, np.full(10, 0.9), headroom[::-1], influence[::-1])
    assert [figure.name for figure in figures if figure.agrees] == []
