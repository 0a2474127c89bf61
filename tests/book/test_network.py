"""The network: its sums by hand, its draws in the author's order, what it refuses."""

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.network import (
    Network,
    draw_default,
    draw_large,
    feed_on,
    feedforward,
    sigmoid,
    sigmoid_slope,
)
from neurodemon.errors import SubjectError, UnitIndexError

ROUNDING = 1e-15


def test_a_layer_is_the_sigmoid_of_its_weighted_inputs():
    network = Network((np.array([[1.0, -2.0], [0.5, 0.0]]),), (np.array([0.25, -1.0]),))
    forward = feedforward(network, np.array([[3.0, 1.0]]))
    np.testing.assert_array_equal(forward.z[0], [[1.25, 0.5]])
    np.testing.assert_allclose(
        forward.output, [[1 / (1 + np.exp(-1.25)), 1 / (1 + np.exp(-0.5))]], rtol=ROUNDING
    )


def test_a_batch_is_what_its_examples_are_one_at_a_time():
    problem = draw_problem((3, 4, 4, 2))
    whole = problem.forward()
    for place, row in enumerate(problem.inputs):
        alone = feedforward(problem.network, row[None])
        np.testing.assert_allclose(whole.output[place], alone.output[0], rtol=1e-14)


def test_the_sigmoid_saturates_without_a_warning():
    assert sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    assert sigmoid_slope(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.25, 0.0]


@pytest.mark.parametrize("layer", [2, 3, 4])
def test_feeding_on_from_any_layer_ends_where_the_whole_pass_ends(layer: int):
    problem = draw_problem((3, 4, 5, 2))
    forward = problem.forward()
    output = feed_on(problem.network, layer, forward.z[layer - 2])
    np.testing.assert_array_equal(output, forward.output)


@pytest.mark.parametrize("layer", [1, 4])
def test_a_layer_without_neurons_is_refused(layer: int):
    problem = draw_problem((3, 4, 2))
    with pytest.raises(UnitIndexError, match=rf"Layer {layer} has no neurons; expected 2 to 3"):
        feed_on(problem.network, layer, problem.inputs)


def test_the_default_start_draws_biases_first_and_scales_by_the_inputs():
    network = draw_default((9, 4, 2), np.random.RandomState(7))
    rng = np.random.RandomState(7)
    biases = [rng.randn(4, 1), rng.randn(2, 1)]
    weights = [rng.randn(4, 9) / np.sqrt(9), rng.randn(2, 4) / np.sqrt(4)]
    for ours, theirs in zip(network.biases, biases, strict=True):
        np.testing.assert_array_equal(ours, theirs[:, 0])
    for ours, theirs in zip(network.weights, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_large_start_is_not_scaled():
    default = draw_default((9, 4, 2), np.random.RandomState(7))
    large = draw_large((9, 4, 2), np.random.RandomState(7))
    np.testing.assert_allclose(large.weights[0], 3 * default.weights[0], rtol=ROUNDING)
    np.testing.assert_array_equal(large.biases[1], default.biases[1])


def test_sizes_and_depth_count_the_inputs_as_layer_1():
    network = draw_default((9, 4, 2), np.random.RandomState(0))
    assert network.sizes == (9, 4, 2)
    assert network.depth == 3


@pytest.mark.parametrize(
    ("weights", "biases"),
    [
        ((), ()),
        ((np.ones((2, 3)),), (np.ones(3),)),
        ((np.ones((2, 3)), np.ones((1, 3))), (np.ones(2), np.ones(1))),
        ((np.ones((2, 3)),), (np.ones(2), np.ones(1))),
    ],
    ids=["no layer", "other bias", "layers that do not meet", "bias without weights"],
)
def test_layers_that_do_not_fit_are_refused(weights: tuple, biases: tuple):
    with pytest.raises(SubjectError, match="make no network: expected weights"):
        Network(weights, biases)
