"""Formulas of changes: what a change comes to behind an operation, at changes of any size.

Oracle: the same in mpmath with 60 digits.
"""

from collections.abc import Callable

import mpmath
import pytest
import torch
from torch import Tensor

from neurodemon.engine.formulas import (
    change_of,
    entropy_change,
    rectified_change,
    sigmoid_change,
    square_change,
    tanh_change,
)

STATES = [-30.0, -9.0, -3.0, -1.0, -1e-3, 0.0, 1e-6, 0.5, 2.0, 8.0, 25.0]
CHANGES = [-40.0, -16.0, -2.0, -0.3, -1e-4, -1e-9, 1e-12, 1e-7, 1e-3, 0.7, 5.0, 33.0]
RELATIVE = {torch.float32: 4e-6, torch.float64: 1e-14}  # a few roundoffs of |z| itself


def exact(operation: Callable[[mpmath.mpf], mpmath.mpf], z: float, d: float) -> float:
    with mpmath.workdps(60):
        return float(operation(mpmath.mpf(z) + mpmath.mpf(d)) - operation(mpmath.mpf(z)))


def grid(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    states, changes = torch.tensor(STATES, dtype=dtype), torch.tensor(CHANGES, dtype=dtype)
    return states[:, None].expand(-1, len(changes)), changes.expand(len(states), -1)


def relu_change(clean: Tensor, change: Tensor) -> Tensor:
    return rectified_change(clean.clamp(max=0), -clean.clamp(min=0), change.clone())


FORMULAS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable]] = {
    "tanh": (tanh_change, mpmath.tanh),
    "sigmoid": (sigmoid_change, lambda x: 1 / (1 + mpmath.exp(-x))),
    "square": (square_change, lambda x: x * x),
    "relu": (relu_change, lambda x: max(x, mpmath.mpf(0))),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_change_keeps_its_digits_however_small(name: str, dtype: torch.dtype) -> None:
    formula, operation = FORMULAS[name]
    states, changes = grid(dtype)
    found = formula(states, changes).flatten().tolist()
    for z, d, ours in zip(
        states.flatten().tolist(), changes.flatten().tolist(), found, strict=True
    ):
        truth = exact(operation, z, d)
        tiny = torch.finfo(dtype).tiny * 1e3  # below it there are no digits to keep
        assert ours == pytest.approx(truth, rel=RELATIVE[dtype], abs=tiny), (z, d)


def test_a_difference_of_states_would_lose_them() -> None:
    z, d = torch.tensor(2.0), torch.tensor(1e-7)
    naive = float(torch.tanh(z + d) - torch.tanh(z))
    assert abs(naive / exact(mpmath.tanh, 2.0, float(d)) - 1) > 0.1


def test_any_function_goes_by_way_of_double() -> None:
    z, d = torch.tensor([1.5, -0.2]), torch.tensor([1e-7, -1e-8])
    found = change_of(torch.nn.functional.silu, z, d)
    assert found.dtype == torch.float32
    for ours, state, change in zip(found.tolist(), z.tolist(), d.tolist(), strict=True):
        truth = exact(lambda x: x / (1 + mpmath.exp(-x)), state, change)
        assert ours == pytest.approx(truth, rel=1e-6)


def entropy_exactly(logits: list[float], target: int, changes: list[float]) -> float:
    with mpmath.workdps(60):
        before = [mpmath.mpf(logit) for logit in logits]
        after = [mpmath.mpf(z) + mpmath.mpf(d) for z, d in zip(logits, changes, strict=True)]
        costs = [
            mpmath.log(sum(mpmath.exp(value) for value in state)) - state[target]
            for state in (after, before)
        ]
        return float(costs[0] - costs[1])


LOGITS = {
    "flat": [0.1, -0.2, 0.3],
    "sure": [30.0, 0.0, 1.0],
    "sure and wrong": [0.0, 40.0, 1.0],
    "very sure": [300.0, 0.0, -5.0],
}
SHIFTS = {
    "tiny": [1e-9, -2e-9, 3e-9],
    "small": [1e-3, 2e-3, -1e-3],
    "large": [-35.0, 5.0, 2.0],
    "the other way": [60.0, -3.0, 1.0],
    "beyond exp": [-200.0, 700.0, 0.0],
    "none": [0.0, 0.0, 0.0],
    "all alike": [1.5, 1.5, 1.5],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("logits", LOGITS)
def test_the_change_of_cross_entropy_at_any_confidence(
    logits: str, shift: str, dtype: torch.dtype
) -> None:
    z, d = torch.tensor(LOGITS[logits], dtype=dtype), torch.tensor(SHIFTS[shift], dtype=dtype)
    double, own = z.double()[:, None, None], torch.tensor([[0]])
    p = double.softmax(0).to(dtype)
    found = entropy_change(p, own, d[:, None, None], lambda: double)
    assert found.dtype == torch.float64
    truth = entropy_exactly(z.tolist(), 0, d.tolist())
    roundoff = torch.finfo(dtype).eps * max(
        1.0, *(abs(one) / 8 for one in [*z.tolist(), *d.tolist()])
    )
    weight = float((torch.softmax(z.double(), 0)[1:] * (d[1:] - d[0]).double().abs()).sum())
    assert float(found) == pytest.approx(truth, rel=8 * roundoff, abs=8 * roundoff * weight + 1e-60)


def test_an_example_that_is_not_counted_has_no_change() -> None:
    logits, change = torch.randn(3, 1, 2, dtype=torch.float64), torch.randn(3, 4, 2)
    own = torch.tensor([[0, -1]])
    found = entropy_change(logits.softmax(0).float(), own, change, lambda: logits)
    assert bool((found[:, 1] == 0).all())
    assert bool((found[:, 0] != 0).all())
