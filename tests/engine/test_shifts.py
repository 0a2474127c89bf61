"""Softmax cross-entropy of shifted outputs, one output after the other.

Oracles: the same in fifty digits (mpmath), and the cost itself, run on all outputs shifted.
"""

import mpmath
import numpy as np
import pytest
import torch
from oracles.models import mlp

import neurodemon as nd
from neurodemon.engine import predict
from neurodemon.engine.shifts import EntropyOfShifts


def told(logits: torch.Tensor, target: torch.Tensor, shifts: torch.Tensor) -> np.ndarray:
    """What comes out once all shifts, (example, unit, output), are told."""
    room = EntropyOfShifts(logits, target, shifts.shape[1])
    for place in range(shifts.shape[2]):
        room.add(place, shifts[..., place])
    return room.change().numpy()


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 30.0, 2_000.0])
@pytest.mark.parametrize("common", [0.0, 50.0])
def test_equals_fifty_digits(size: float, common: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 5, generator=generator, dtype=torch.float64) * 3
    shifts = torch.randn(4, 3, 5, generator=generator, dtype=torch.float64) * size + common
    target = torch.tensor([0, 4, 2, 2])
    found = told(logits, target, shifts)
    mpmath.mp.dps = 50
    for example, unit in np.ndindex(4, 3):
        clean = [mpmath.mpf(float(z)) for z in logits[example]]
        moved = [
            z + mpmath.mpf(float(d)) for z, d in zip(clean, shifts[example, unit], strict=True)
        ]
        y = int(target[example])
        costs = [mpmath.log(sum(map(mpmath.exp, z))) - z[y] for z in (clean, moved)]
        expected = float(costs[1] - costs[0])
        room = 1e-15 * max(common, size, abs(expected)) * 20
        assert found[example, unit] == pytest.approx(expected, rel=1e-6, abs=room)


def logits_predicted(subject: nd.Subject) -> np.ndarray:
    effects = nd.predict(subject, "1, 3", nd.Zero(), predictor="linear_logits")
    return np.asarray(effects.per_example)


def test_equals_the_cost_run_on_shifted_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    case = mlp().to(torch.float64)
    asked = []
    held = predict._cost_of_shifts  # the slow twin
    monkeypatch.setattr(predict, "_cost_of_shifts", lambda *own: asked.append(1) or held(*own))
    closed = logits_predicted(nd.Subject(case.model, case.batches, "cross_entropy"))
    assert not asked
    monkeypatch.setattr("neurodemon.engine.predict.recognise", lambda *_: None)
    slow = logits_predicted(nd.Subject(case.model, case.batches, "cross_entropy"))
    assert asked
    assert np.abs(slow).max() > 0.1
    np.testing.assert_allclose(closed, slow, atol=1e-13)


def test_another_class_is_another_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: told of other classes, the closed form must be off."""
    case = mlp().to(torch.float64)
    right = logits_predicted(nd.Subject(case.model, case.batches, "cross_entropy"))
    add = EntropyOfShifts.add

    def mistake(own: EntropyOfShifts, place: int, shift: torch.Tensor) -> None:
        add(own, {0: 1, 1: 0}.get(place, place), shift)

    monkeypatch.setattr(EntropyOfShifts, "add", mistake)
    wrong = logits_predicted(nd.Subject(case.model, case.batches, "cross_entropy"))
    assert np.abs(right - wrong).max() > 1e-3
