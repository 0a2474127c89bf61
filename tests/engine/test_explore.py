"""Demons on curves written by hand, each unit its own: what is found equals a dense scan.

The model hands each neuron's z to a function of its own and adds them up, so that a neuron's
effect is f(z + Δz) − f(z), known in NumPy. Oracle: 200,001 Δz of it. In float64.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine import explore as explore_module
from neurodemon.engine.bench import Bench, Benches
from neurodemon.engine.explore import Reach, explore
from neurodemon.engine.trials import PassSize
from neurodemon.jobs.benching import make_benches
from neurodemon.subjects.subject import Subject
from neurodemon.terms.findings import NEAR, SCOPES, WAY, Findings

INPUTS = (-1.1, -0.2, 0.35, 0.9, 1.7)
RADIUS, STD = 3.0, 0.8
FUNCTIONS = (
    ("square", lambda z, _: 0.5 * (z - 0.4) ** 2),
    ("wobble", lambda z, m: z + 0.3 * (1 - m.cos(3 * z))),  # leaves the band and comes back
    ("corner", lambda z, m: m.abs(z - 0.61)),
    ("bent", lambda z, m: m.tanh(2 * z) - 0.2 * z),
    ("half a parabola", lambda z, m: m.where(z > 0, z**2, 0 * z)),
    ("straight", lambda z, _: 0.7 * z),
    ("constant", lambda z, _: 0 * z),
    ("waves", lambda z, m: m.sin(5 * z) + 0.1 * z),
)
NAMES = [name for name, _ in FUNCTIONS]


class Hand(nn.Module):
    """Adds up f(z) of each neuron, and a constant cost of 5."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, len(FUNCTIONS))
        with torch.no_grad():
            self.fc.weight.fill_(1)
            self.fc.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        z = self.fc(x)
        return 5 + sum(f(z[:, unit], torch) for unit, (_, f) in enumerate(FUNCTIONS))


def hand(*, batches: int = 2, sign: int = 1) -> Subject:
    inputs = torch.tensor(INPUTS, dtype=torch.float64)[:, None]
    parts = [(part, torch.zeros(len(part)).double()) for part in inputs.chunk(batches)]
    better = "lower" if sign > 0 else "higher"
    return Subject(Hand().double(), parts, lambda out, _: sign * out, better=better)


def benches_of(subject: Subject, pattern: str = "fc") -> Benches:
    subject.refresh()
    return make_benches(subject, nd.units(subject, pattern).blocks[0])


def explored(subject: Subject, sign: float = 1.0) -> dict[str, Findings]:
    n_units = len(FUNCTIONS)
    reach = Reach(np.full(n_units, RADIUS), np.full(n_units, STD))
    return explore(benches_of(subject), reach, SCOPES, sign=sign)


@pytest.fixture(scope="module", autouse=True)
def _coarse_grid() -> Iterator[None]:
    """Take the coarsest grid, for speed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore_module, "MOST_EVEN", explore_module.EVEN)
        yield


@pytest.fixture(scope="module")
def found() -> dict[str, Findings]:
    return explored(hand())


def effects(unit: int, dz: np.ndarray, scope: str) -> np.ndarray:
    """f(z + Δz) − f(z): (point, row); dz is one for all, or (point, example)."""
    function, z = FUNCTIONS[unit][1], np.array(INPUTS)
    dz = dz[:, None] if dz.ndim == 1 else dz
    all_of_them = function(z + dz, np) - function(z, np)
    return all_of_them.mean(1, keepdims=True) if scope == "shared" else all_of_them


def slope(unit: int, scope: str) -> np.ndarray:
    """f′(z), by a central difference: right to 1e-9."""
    step = np.array([-1e-5, 1e-5])
    return np.diff(effects(unit, step, scope), axis=0)[0] / 2e-5


SCAN = np.linspace(-RADIUS, RADIUS, 200_001)
PAIRS = [(unit, scope) for unit in range(len(FUNCTIONS)) for scope in SCOPES]
each_unit = pytest.mark.parametrize(
    ("unit", "scope"), PAIRS, ids=[f"{NAMES[unit]} {scope}" for unit, scope in PAIRS]
)


@each_unit
def test_the_best_dz_is_the_dense_scans(found, unit, scope):
    costs = effects(unit, SCAN, scope)
    least = costs.min(0)
    won = found[scope].headroom[:, unit] - np.maximum(0, -least)
    assert (won > -1e-8).all()
    assert (won < 8e-5).all()  # between two points of the scan: 1.5e-5 at a slope of 5
    for row, best in enumerate(found[scope].best_dz[:, unit]):
        as_good = SCAN[costs[:, row] <= least[row] + 1e-15]
        nearest = as_good[np.abs(as_good).argmin()]
        assert best == pytest.approx(nearest, abs=4e-5)  # the scan's own step is 3e-5
        assert found[scope].is_censored[row, unit] == (abs(nearest) == RADIUS)


def scanned_trust(unit: int, scope: str) -> np.ndarray:
    """How far first order holds both ways, at every smaller Δz as well."""
    measured, promised = effects(unit, SCAN, scope), SCAN[:, None] * slope(unit, scope)
    is_kept = np.abs(measured - promised) <= 0.1 * np.abs(measured) + 1e-9
    middle = len(SCAN) // 2
    both = is_kept[middle + 1 :] & is_kept[:middle][::-1]
    first = np.where(both.all(0), len(both) - 1, both.argmin(0))
    return SCAN[middle + 1 :][first]


@each_unit
def test_the_trust_radius_is_the_dense_scans(found, unit, scope):
    expected = scanned_trust(unit, scope)
    # tolerance: bisected to 1 %, and the scan cannot see below 1e-4
    np.testing.assert_allclose(found[scope].trust_radius[:, unit], expected, rtol=0.012, atol=2e-4)


def test_a_promise_kept_again_further_away_is_not_trusted_there(found):
    """The wobble comes back into the band: only the first way out counts."""
    unit = NAMES.index("wobble")
    measured, promised = effects(unit, SCAN, "each"), SCAN[:, None] * slope(unit, "each")
    is_kept = np.abs(measured - promised) <= 0.1 * np.abs(measured)
    last = np.abs(np.where(is_kept, SCAN[:, None], 0)).max(0)
    assert (last > 3 * found["each"].trust_radius[:, unit]).all()


def test_trust_is_bound_by_the_worse_of_both_directions(found):
    """Half a parabola, at z = 0.35: to the right off by 10 % at 0.078, to the left at 0.064."""
    unit, row = NAMES.index("half a parabola"), INPUTS.index(0.35)
    expected = 0.1 * 2 * 0.35 / 1.1  # |Δz²| = 0.1·|2zΔz + Δz²| on the left
    assert found["each"].trust_radius[row, unit] == pytest.approx(expected, rel=0.012)


@each_unit
def test_slopes_curvature_and_what_lies_near_are_the_functions_own(found, unit, scope):
    one = found[scope]
    np.testing.assert_allclose(one.delta[:, unit], slope(unit, scope), atol=1e-8)
    np.testing.assert_allclose(one.deltas[:, unit], slope(unit, "each"), atol=1e-8)
    near = effects(unit, np.array([-NEAR * STD, NEAR * STD]), scope)
    np.testing.assert_allclose(one.near[:, :, unit], near, atol=1e-12)
    step = 1e-3 * STD
    bent = effects(unit, np.array([-step, step]), scope).sum(0) / step**2
    np.testing.assert_allclose(one.curvature[:, unit], bent, atol=1e-7)


@each_unit
def test_the_way_leads_to_the_best_dz_and_a_little_further(found, unit, scope):
    one = found[scope]
    best = np.broadcast_to(one.best_dz[:, unit], len(INPUTS))
    own = effects(unit, np.array(WAY)[:, None] * best, scope)
    np.testing.assert_allclose(one.way[:, :, unit], own, atol=1e-12)
    alone = effects(unit, best[None], "each")[0]
    np.testing.assert_allclose(one.effects[:, unit], alone, atol=1e-12)


def test_the_cost_is_the_clean_one_of_each_row(found):
    z = np.array(INPUTS)
    cost = 5 + sum(function(z, np) for _, function in FUNCTIONS)
    np.testing.assert_allclose(found["each"].cost, cost, atol=1e-12)
    np.testing.assert_allclose(found["shared"].cost, [cost.mean()], atol=1e-12)


def test_only_a_neuron_that_is_not_heard_moves_nothing(found):
    is_constant = [name == "constant" for name in NAMES]
    for one in found.values():
        assert (one.moves.any(0) != is_constant).all()
        assert one.is_finite.all()
        assert (one.best_dz[:, is_constant] == 0).all()


def test_several_batches_equal_one(found):
    for scope, one in explored(hand(batches=1)).items():
        for name in ("best_dz", "headroom", "trust_radius", "delta", "near", "way", "effects"):
            np.testing.assert_allclose(
                getattr(one, name), getattr(found[scope], name), atol=1e-9, err_msg=name
            )


def test_of_a_metric_that_should_grow_the_negative_is_lowered(found):
    for scope, one in explored(hand(sign=-1), sign=-1.0).items():
        for name in ("cost", "best_dz", "headroom", "trust_radius", "delta", "near", "effects"):
            np.testing.assert_allclose(
                getattr(one, name), getattr(found[scope], name), atol=1e-12, err_msg=name
            )


def test_one_scope_alone_finds_what_both_do(found):
    reach = Reach(np.full(len(FUNCTIONS), RADIUS), np.full(len(FUNCTIONS), STD))
    alone = explore(benches_of(hand()), reach, ("each", "each"))
    assert list(alone) == ["each"]
    np.testing.assert_array_equal(alone["each"].best_dz, found["each"].best_dz)


@pytest.mark.parametrize("size", [PassSize(2, 20), PassSize(5, 1000)], ids=str)
def test_how_passes_are_cut_does_not_count(monkeypatch, size):
    for name in ("EVEN", "MOST_EVEN"):
        monkeypatch.setattr(explore_module, name, 8)  # a coarse grid, for speed
    whole = benches_of(hand())
    cut = Benches([Bench(one.recording, one.block, size) for one in whole.benches])
    reach = Reach(np.full(len(FUNCTIONS), RADIUS), np.full(len(FUNCTIONS), STD))
    one, other = (explore(benches, reach, ("each",))["each"] for benches in (cut, whole))
    for name in ("best_dz", "headroom", "trust_radius", "way"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), atol=1e-9, err_msg=name
        )


def test_the_number_of_tries_is_counted_right(monkeypatch):
    tried: list[int] = []
    run = Benches.try_out

    def counting(self: Benches, dz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tried.append(len(dz))
        return run(self, dz)

    monkeypatch.setattr(Benches, "try_out", counting)
    reach = Reach(np.full(len(FUNCTIONS), RADIUS), np.full(len(FUNCTIONS), STD))
    one = explore(benches_of(hand()), reach, ("each",))["each"]
    assert one.n_tried == sum(tried)


class Explosive(nn.Module):
    """e^(e^z): finite up to 6.5, and then not."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = Hand().fc

    def forward(self, x: Tensor) -> Tensor:
        z = self.fc(x)[:, 0]
        return torch.exp(torch.exp(z)) * 1e-6 - z


@pytest.fixture
def explosive() -> Findings:
    one = torch.zeros(1, 1, dtype=torch.float64)
    subject = Subject(Explosive().double(), [(one, one[:, 0])], lambda out, _: out)
    reach = Reach(np.array([50.0]), np.ones(1))
    return explore(benches_of(subject, "fc[0]"), reach, ("each",))["each"]


def test_a_cost_that_overflows_is_no_place_to_go_and_is_told(explosive):
    z = np.linspace(0, 5, 1_000_001)
    cost = 1e-6 * np.exp(np.exp(z)) - z
    assert not explosive.is_finite.item()
    assert explosive.best_dz.item() == pytest.approx(z[cost.argmin()], abs=1e-4)
    assert explosive.headroom.item() == pytest.approx(np.e * 1e-6 - cost.min(), abs=1e-8)
