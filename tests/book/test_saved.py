"""The book's JSON format: there and back bit for bit, and what is refused."""

import json

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.costs import COSTS, Cost
from neurodemon.book.saved import read_saved, write_saved
from neurodemon.errors import SubjectError

# as `save` of network2.py writes it
BOOKS = (
    '{"biases": [[[0.5], [-1.0]], [[2.0]]], "cost": "CrossEntropyCost", "sizes": [3, 2, 1], '
    '"weights": [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.25, -0.25]]]}'
)


def changed(**parts: object) -> str:
    return json.dumps({**json.loads(BOOKS), **parts})


def test_a_network_of_the_book_is_read():
    network, cost = read_saved(BOOKS)
    assert network.sizes == (3, 2, 1)
    assert network.weights[0].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert [bias.tolist() for bias in network.biases] == [[0.5, -1.0], [2.0]]
    assert cost.name == "cross_entropy"


def test_what_is_written_equals_what_the_book_writes():
    assert json.loads(write_saved(*read_saved(BOOKS))) == json.loads(BOOKS)


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_a_network_comes_back_bit_for_bit(cost: Cost):
    network = draw_problem((7, 5, 5, 2)).network
    again, its_cost = read_saved(write_saved(network, cost))
    assert its_cost is cost
    for ours, theirs in zip(
        network.weights + network.biases, again.weights + again.biases, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "text that is not JSON"),
        ("[1, 2]", "found list"),
        ('{"sizes": [1]}', r"found \['sizes'\]"),
        (changed(weights=3), "no list of numbers"),
        (changed(weights=[[[1.0], [2.0, 3.0]]]), "no list of numbers"),
        (changed(biases=[["high"], [1.0]]), "no list of numbers"),
        (changed(sizes=[None]), "no list of numbers"),
        (changed(sizes=[float("inf"), 2, 1]), "no list of numbers"),
        (changed(weights=[[[10**400]]]), "no list of numbers"),
        (changed(weights=[[1.0], [2.0]]), r"weights with \[1\] axes"),
        (changed(weights=[]), r"weights with \[\] axes"),
        (changed(sizes=[3, 2, 2]), r"sizes \[3, 2, 2\] beside layers \[3, 2, 1\]"),
        (changed(biases=[[[0.5], [float("nan")]], [[2.0]]]), "a number that is not finite"),
        (changed(biases=[[[0.5]], [[2.0]]]), "make no network"),
        (changed(cost="HingeCost"), "no cost 'HingeCost'"),
    ],
)
def test_what_is_no_network_is_refused_with_what_was_found(text: str, found: str):
    with pytest.raises(SubjectError, match=found):
        read_saved(text)
