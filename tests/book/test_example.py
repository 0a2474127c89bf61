"""A small example: drawn from its seed alone, or given."""

import numpy as np
import pytest

from neurodemon.book.costs import QUADRATIC
from neurodemon.book.example import SIZES, draw_network, give_example
from neurodemon.errors import SubjectError


def rng() -> np.random.RandomState:
    return np.random.RandomState(7)


def test_one_seed_draws_one_network_and_one_example():
    stream, again = rng(), rng()
    one, other = (
        give_example(draw_network(SIZES, each), QUADRATIC, each) for each in (stream, again)
    )
    np.testing.assert_array_equal(one.network.weights[0], other.network.weights[0])
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert one.network.sizes == (2, 3, 1)
    assert ((one.inputs >= 0) & (one.inputs < 1)).all()
    assert set(one.target.flatten()) <= {0.0, 1.0}


def test_what_is_given_leaves_the_rest_as_it_was_drawn():
    drawn, given = rng(), rng()
    network = draw_network(SIZES, drawn)
    draw_network(SIZES, given)
    theirs = give_example(network, QUADRATIC, given, x=(0.5, 1.0))
    assert theirs.inputs.tolist() == [[0.5, 1.0]]
    assert theirs.target.tolist() == give_example(network, QUADRATIC, drawn).target.tolist()


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0, 1), (-1, 2)], ids=str)
def test_sizes_that_are_no_network_are_refused(sizes: tuple[int, ...]):
    with pytest.raises(SubjectError, match="make no network; expected the number of inputs"):
        draw_network(sizes, rng())


def test_more_weights_than_anyone_reads_are_refused():
    with pytest.raises(SubjectError, match="have 2,000,000 weights; expected 1,000,000 at most"):
        draw_network((1000, 2000), rng())


@pytest.mark.parametrize("given", [{"x": (1.0,)}, {"y": (1.0, 0.0)}], ids=str)
def test_an_example_that_does_not_fit_is_refused(given: dict[str, tuple[float, ...]]):
    with pytest.raises(SubjectError, match=r"do not fit the network \[2, 3, 1\]"):
        give_example(draw_network(SIZES, rng()), QUADRATIC, rng(), **given)
