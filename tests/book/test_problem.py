"""A problem: its cost is one number per example, and its parts fit."""

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.problem import Problem
from neurodemon.errors import SubjectError


def test_the_cost_is_one_number_for_each_example():
    problem = draw_problem(n=6)
    by_hand = problem.cost.per_output(problem.forward().output, problem.target).sum(axis=1)
    np.testing.assert_array_equal(problem.costs(), by_hand)
    assert problem.costs().shape == (6,)


@pytest.mark.parametrize(
    ("inputs", "target"), [((5, 4), (5, 2)), ((5, 3), (5, 1)), ((5, 3), (4, 2))]
)
def test_examples_that_do_not_fit_are_refused(inputs: tuple[int, int], target: tuple[int, int]):
    problem = draw_problem()
    with pytest.raises(SubjectError, match=r"do not fit the network \[3, 4, 2\]: expected"):
        Problem(problem.network, np.ones(inputs), np.ones(target), problem.cost)
