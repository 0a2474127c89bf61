"""The steps: all there, in order, and each one true of the numbers beside it."""

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import COSTS, QUADRATIC, Cost
from neurodemon.book.network import sigmoid
from neurodemon.book.steps import Step, spell_out
from neurodemon.errors import SubjectError

ROUNDING = 1e-12

# from the numbers on the right to the number on the left
RIGHT_SIDES = {
    "BP1": lambda slope, squash: slope * squash,
    "BP2": lambda weight, delta, squash: (weight.T @ delta) * squash,
    "BP3": lambda delta: delta,
    "BP4": lambda a, delta: np.outer(delta, a),
    "z": lambda weight, a, bias: weight @ a + bias,
    "a": sigmoid,
}


@pytest.fixture(params=COSTS, ids=lambda cost: cost.name)
def steps(request: pytest.FixtureRequest) -> tuple[Step, ...]:
    return spell_out(draw_problem((3, 4, 5, 2), request.param, n=1))


def test_the_steps_come_in_the_order_of_the_algorithm(steps: tuple[Step, ...]):
    assert [(step.equation, step.layer) for step in steps] == [
        *[("feedforward", layer) for layer in (2, 2, 3, 3, 4, 4)],
        ("cost", 4),
        ("BP1", 4),
        ("BP2", 3),
        ("BP2", 2),
        *[(equation, layer) for layer in (2, 3, 4) for equation in ("BP3", "BP4")],
    ]


def test_each_step_follows_from_the_numbers_given_to_it(steps: tuple[Step, ...]):
    for step in steps:
        if step.equation == "cost":
            continue
        key = step.symbol[0] if step.equation == "feedforward" else step.equation
        result = RIGHT_SIDES[key](*[numbers for _, numbers in step.given])
        np.testing.assert_allclose(step.result, result, rtol=ROUNDING, err_msg=step.formula)


def test_what_is_given_was_found_before(steps: tuple[Step, ...]):
    known: dict[str, np.ndarray] = {}
    for step in steps:
        for symbol, numbers in step.given:
            if symbol in known:
                np.testing.assert_array_equal(numbers, known[symbol])
        known[step.symbol] = step.result
    assert len(known) == len(steps)


def test_each_formula_names_its_left_side_and_all_that_is_given(steps: tuple[Step, ...]):
    for step in steps:
        left, right = step.formula.split(" = ")
        assert left.startswith(step.symbol)
        assert all(symbol in right for symbol, _ in step.given), step.formula


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_the_steps_end_where_backpropagation_ends(cost: Cost):
    problem = draw_problem((3, 4, 2), cost, n=1)
    found = backpropagate(problem)
    by_symbol = {step.symbol: step.result for step in spell_out(problem)}
    assert by_symbol["C"] == problem.costs()[0]
    np.testing.assert_array_equal(by_symbol["δ^2"], found.delta[0][0])
    np.testing.assert_array_equal(by_symbol["∂C/∂w^3"], found.weight_gradients()[1])
    np.testing.assert_array_equal(by_symbol["∂C/∂b^2"], found.bias_gradients()[0])


@pytest.mark.parametrize("n", [0, 2])
def test_steps_are_for_one_example(n: int):
    with pytest.raises(SubjectError, match=f"{n} examples were given; steps are written for"):
        spell_out(draw_problem(cost=QUADRATIC, n=n))
