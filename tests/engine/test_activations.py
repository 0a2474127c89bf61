"""Activations: what a change comes to behind one, at changes of any size.

Oracle: the same in mpmath with 60 digits.
"""

from collections.abc import Callable

import mpmath
import pytest
import torch
from torch import Tensor

from neurodemon.engine import activations
from neurodemon.engine.activations import Activation, activation_of

STATES = [-30.0, -9.0, -3.0, -1.0, -1e-3, 0.0, 1e-6, 0.5, 2.0, 6.5, 25.0]
CHANGES = [
    -40.0,
    -16.0,
    -2.0,
    -0.3,
    -0.06,
    -1e-4,
    -1e-9,
    1e-12,
    1e-7,
    1e-3,
    0.05,
    0.7,
    5.0,
    33.0,
    95.0,
]
NEAR = dict(activations.NEAR)
RELATIVE = {torch.float32: 4e-6, torch.float64: 1e-13}


def _exact_gelu(x: mpmath.mpf) -> mpmath.mpf:
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def _exact_gelu_tanh(x: mpmath.mpf) -> mpmath.mpf:
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(activations.CUBIC) * x**3)
    return x / (1 + mpmath.exp(-2 * inner))


Exact = Callable[[mpmath.mpf], mpmath.mpf]
CASES: dict[str, tuple[tuple[str, tuple, dict], Exact]] = {
    "tanh": (("tanh", (), {}), mpmath.tanh),
    "sigmoid": (("sigmoid", (), {}), lambda x: 1 / (1 + mpmath.exp(-x))),
    "silu": (("silu", (), {}), lambda x: x / (1 + mpmath.exp(-x))),
    "gelu": (("gelu", (), {}), _exact_gelu),
    "gelu by name": (("gelu", (), {"approximate": "none"}), _exact_gelu),
    "gelu tanh": (("gelu", (), {"approximate": "tanh"}), _exact_gelu_tanh),
    "square": (("pow", (2,), {}), lambda x: x * x),
    "cube": (("pow", (3,), {}), lambda x: x**3),
    "leaky": (("leaky_relu", (0.2,), {}), lambda x: x if x > 0 else mpmath.mpf(0.2) * x),
    "leaky, as it is": (("leaky_relu", (), {}), lambda x: x if x > 0 else mpmath.mpf(0.01) * x),
    "hardtanh": (("hardtanh", (-1.0, 2.0), {}), lambda x: min(max(x, -1), mpmath.mpf(2))),
    "relu6": (("relu6", (), {}), lambda x: min(max(x, 0), mpmath.mpf(6))),
}


def made(name: str) -> Activation:
    found = activation_of(*CASES[name][0])
    assert found is not None
    return found


def change_by(activation: Activation, z: Tensor, d: Tensor) -> Tensor:
    parts = [part.to(d.dtype) for part in activation.parts(z.double())]
    return activation.change(parts, d)


def errors(name: str, dtype: torch.dtype) -> list[float]:
    """How far changes are off, of what they may be."""
    activation, exact = made(name), CASES[name][1]
    states, changes = torch.tensor(STATES, dtype=dtype), torch.tensor(CHANGES, dtype=dtype)
    states, changes = states[:, None].expand(-1, len(changes)), changes.expand(len(states), -1)
    kept = changes.clone()
    found = change_by(activation, states, changes)
    assert torch.equal(changes, kept)  # it may be read again
    ratios = []
    for z, d, ours in zip(
        states.flatten().tolist(), changes.flatten().tolist(), found.flatten().tolist(), strict=True
    ):
        with mpmath.workdps(60):
            before, step = mpmath.mpf(z), mpmath.mpf(d)
            truth = float(exact(before + step) - exact(before))
            # small changes keep their digits; of large ones those of the numbers themselves
            eps, scale = torch.finfo(dtype).eps, abs(z) + abs(d)
            floor = 4 * eps * scale if abs(d) > NEAR[dtype] else 0.0
            if name == "cube":
                floor *= scale**2
        # far out, where f is flat, a thousandth of what d comes to elsewhere
        allowed = RELATIVE[dtype] * (abs(truth) + 1e-3 * abs(d)) + floor
        ratios.append(abs(ours - truth) / allowed)
    return ratios


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_a_change_keeps_its_digits_however_small(name: str, dtype: torch.dtype) -> None:
    assert max(errors(name, dtype)) <= 1


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu", "gelu tanh"])
def test_opposite_and_huge_steps_want_a_way_of_their_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(activations, "POLE", -1.0)  # as if opposite ones were like all others
        assert not all(one <= 1 for one in errors(name, torch.float32))
    monkeypatch.setattr(activations, "sigmoid_change", lambda z, d: torch.full_like(z + d, 9.0))
    assert not all(one <= 1 for one in errors(name, torch.float32))


def test_differences_alone_lose_small_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "NEAR", {torch.float32: 0.0})
    assert max(errors("gelu", torch.float32)) > 1


def test_the_series_alone_is_wrong_for_large_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "NEAR", {torch.float32: 100.0})
    assert max(errors("gelu", torch.float32)) > 1


@pytest.mark.parametrize("name", CASES)
def test_numbers_that_are_not_finite_stay_so(name: str) -> None:
    z, d = torch.tensor([0.5, -2.0]), torch.full((2,), float("nan"))
    assert bool(change_by(made(name), z, d).isnan().all())


@pytest.mark.parametrize(
    ("name", "settings", "keywords"),
    [("pow", (2.5,), {}), ("softplus", (1.0, 20.0), {}), ("tanh", (1,), {}), ("mish", (), {})],
)
def test_others_have_none(name: str, settings: tuple, keywords: dict) -> None:
    assert activation_of(name, settings, keywords) is None
