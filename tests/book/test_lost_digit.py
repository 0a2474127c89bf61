"""The lost digit: first in headroom, last in influence, and training does not find it again."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from oracles import author

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


def small_outputs(recipe: Recipe) -> Iterator[Outputs]:
    rng = np.random.RandomState(5)
    images = Images(rng.rand(40, 6), np.arange(40) % 10)
    return follow_outputs(recipe, images, images)


def test_another_recipe_has_no_figures_and_loses_nothing():
    small = replace(RECIPE, sizes=(6, 5, 10), n_images=40)
    outputs = list(islice(small_outputs(small), 2))
    assert [one.epoch for one in outputs] == [1, 2]
    assert outputs[0].figures == ()
    assert outputs[0].headroom.shape == outputs[0].recall.shape == (10,)
