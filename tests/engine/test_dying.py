"""What dies is not run, and what is left comes to the same.

Twin: the same measurement of all pairs of unit and example, dead ones included. A unit that is off
and stays off changes nothing: its effect is exactly 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engine.test_differences import ALL, subject_named
from oracles.models import seeded
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.engine import descent, pairs
from neurodemon.engine import measure as measuring
from neurodemon.engine.descent import Descent
from neurodemon.engine.differences import find_descent
from neurodemon.engine.measure import measure
from neurodemon.engine.trials import PassSize
from neurodemon.jobs.nudging import Nudges

ALL_RUN, NONE_SPARED = 0.0, 1.1  # shares of pairs, below which the living are run alone


@pytest.fixture
def alone_below(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the share of living pairs up to which they are run alone, in both ways of measuring."""

    def switch(share: float) -> None:
        monkeypatch.setattr(descent, "ALIVE", share)
        monkeypatch.setattr(measuring, "ALIVE", share)

    monkeypatch.setattr(descent, "NARROW", 0)  # small models, too
    return switch


@pytest.fixture
def picked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the pairs that are run by themselves, pass by pass."""
    counts: list[int] = []
    pick, of_pairs = descent._picked, pairs.Pass.of_pairs

    def counted(window: Any, changes: Any, own: Any) -> Any:
        counts.append(len(own[0]))
        return pick(window, changes, own)

    def passed(examples: Any, group: int | None = None) -> Any:
        found = of_pairs(examples, group)
        counts.append(found.rows)
        return found

    monkeypatch.setattr(descent, "_picked", counted)
    monkeypatch.setattr(pairs.Pass, "of_pairs", passed)
    return counts


def some_dead(subject: nd.Subject, site: str) -> tuple[Any, Tensor]:
    """Units, and Δz that is 0 for two thirds of all pairs, and at some positions of others."""
    block = nd.units(subject, site).blocks[0]
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    chance = torch.Generator().manual_seed(1)
    dead = torch.rand(len(dz), 1, dz.shape[2], generator=chance) < 0.67
    some = torch.rand(dz.shape, generator=chance) < 0.3
    return block, dz.masked_fill(dead | some, 0)


def effects_of(subject: nd.Subject, site: str = "first") -> np.ndarray:
    block, dz = some_dead(subject, site)
    return measure(subject.recording(0), block, dz, PassSize(3, 2)).numpy()


@pytest.mark.parametrize("name", ALL)
def test_the_living_come_to_the_same_alone(
    name: str, alone_below: Callable[[float], None], picked: list[int]
) -> None:
    subject = subject_named(name)
    alone_below(ALL_RUN)
    effects_of(subject)  # finds the way, which takes passes of its own
    picked.clear()
    together = effects_of(subject)
    assert not picked
    alone_below(NONE_SPARED)
    alone = effects_of(subject)
    way = find_descent(subject.recording(0), nd.units(subject, "first").blocks[0])
    assert way is not None
    # the bases of planes would be gathered for each pair: many times what they spare
    assert bool(picked) == all(form.kind != "plane" for form in way.forms.values())
    np.testing.assert_allclose(alone, together, atol=1e-13)
    assert bool((alone == 0).any())
    assert bool((alone != 0).any())


def rectified(bias: float) -> nn.Module:
    """A network most of whose units are off."""
    model = nn.Sequential(
        nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)
    )  # fmt: skip
    nn.init.constant_(model[0].bias, bias)
    return model


class Reader(nn.Module):
    """Attention over tokens behind rectified neurons, which has no rule."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.up, self.down, self.mix = nn.Linear(4, 6), nn.Linear(6, 4), nn.Linear(4, 12)
        self.out = nn.Linear(4, 3)
        nn.init.constant_(self.up.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.down(torch.relu(self.up(x)))
        query, key, value = self.mix(x).chunk(3, -1)
        return self.out(functional.scaled_dot_product_attention(query, key, value)[:, -1])


def of_model(make: Callable[[], nn.Module], *shape: int) -> nd.Subject:
    inputs = torch.randn(9, *shape, 4, generator=torch.Generator().manual_seed(2))
    batch = (inputs.double(), torch.arange(9) % 3)
    return nd.Subject(seeded(make).double(), [batch], "cross_entropy")


MOSTLY = {"changes": -0.5, "whole states": -1.0}  # biases, so that most units are off
SUBJECTS: dict[str, tuple[Callable[[float], nd.Subject], str]] = {
    "changes": (lambda bias: of_model(lambda: rectified(bias)), "0"),
    "whole states": (lambda bias: of_model(lambda: Reader(bias), 5), "up"),
}


@pytest.fixture(params=SUBJECTS)
def mostly_off(request: pytest.FixtureRequest) -> tuple[nd.Subject, str]:
    """A model of each way of measuring, with units that are mostly off."""
    make, site = SUBJECTS[request.param]
    subject = make(MOSTLY[request.param])
    block = nd.units(subject, site).blocks[0]
    way = find_descent(subject.recording(0), block)
    assert (way is not None) == (request.param == "changes")
    return subject, site


def living(subject: nd.Subject, site: str) -> np.ndarray:
    """Which pairs are on at any position, by a hook: (example, unit)."""
    seen: list[Tensor] = []
    inputs, _ = subject.batches[0]
    with torch.no_grad(), subject.model.get_submodule(site).register_forward_hook(
        lambda *args: seen.append(args[2])
    ):  # fmt: skip
        subject.model(inputs)
    return (seen[0].reshape(9, -1, 6) > 0).any(1).numpy()


def test_only_what_is_on_is_run_and_only_that_has_an_effect(
    mostly_off: tuple[nd.Subject, str], alone_below: Callable[[float], None], picked: list[int]
) -> None:
    subject, site = mostly_off
    alone_below(0.65)
    block = nd.units(subject, site).blocks[0]
    dz = Nudges(subject, nd.Zero())(block, 0)
    effects = measure(subject.recording(0), block, dz, PassSize(9, 6)).numpy()
    alive = living(subject, site)
    assert 0 < alive.sum() < 0.65 * alive.size
    assert picked
    np.testing.assert_array_equal(effects != 0, alive)
    if find_descent(subject.recording(0), block) is not None:
        assert sum(picked) == 2 * alive.sum()  # before the wide steps, and after them


def test_units_that_are_off_everywhere_cost_nothing(
    alone_below: Callable[[float], None], picked: list[int]
) -> None:
    alone_below(ALL_RUN)
    for make, site in SUBJECTS.values():
        subject = make(-100.0)
        assert not nd.measure(subject, site, nd.Zero()).array("measured").any()
        assert not picked


@pytest.mark.parametrize("whose", SUBJECTS)
def test_a_pair_taken_for_dead_is_seen_by_the_twin(
    whose: str, alone_below: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, site = SUBJECTS[whose]
    subject = make(-1.2)
    alone_below(ALL_RUN)
    together = effects_of(subject, site)
    alone_below(NONE_SPARED)
    np.testing.assert_allclose(effects_of(subject, site), together, atol=1e-13)
    find = Descent._alive

    def one_less(*args: Any) -> Any:
        alive = find(*args)
        return None if alive is None else (alive[0][1:], alive[1][1:])

    monkeypatch.setattr(Descent, "_alive", one_less)
    take = measuring.measure_pairs

    def one_zero(*args: Any, **others: Any) -> Tensor:
        return take(*args, **others) * (torch.arange(len(args[2])) > 0)

    monkeypatch.setattr(measuring, "measure_pairs", one_zero)
    assert int((np.abs(effects_of(subject, site) - together) > 1e-13).sum()) == 1


def test_positions_of_units_that_are_off_are_not_run(
    alone_below: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = of_model(lambda: Reader(-1.0), 5)
    units = nd.units(subject, [f"up@{place}" for place in range(5)])
    alone_below(ALL_RUN)
    together = nd.measure(subject, units, nd.Zero()).array("measured")
    alone_below(0.65)
    rows: list[int] = []
    run = measuring._run_states

    def counted(recording: Any, block: Any, *rest: Any) -> Any:
        rows.append(len(block))
        return run(recording, block, *rest)

    monkeypatch.setattr(measuring, "_run_states", counted)
    alone = nd.measure(subject, units, nd.Zero()).array("measured")
    np.testing.assert_allclose(alone, together, atol=1e-13)
    assert 0 < sum(rows) < len(units)
