"""Law: single (unit, example) pairs, in any order, have the effects of the whole sweep.

Oracle: `engine.measure` over all units and examples, itself held against plain hooks. The pairs
are drawn at random with repeats, over all sites and batches. Tolerance: 1e-11 of the largest
effect in float64.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracles.comparing import studied_sites
from oracles.models import ZOO

import neurodemon as nd
from neurodemon.engine.differences import find_descent
from neurodemon.engine.pairs import Prepared, can_pair, cut, measure_pairs, pairs_per_pass
from neurodemon.errors import CaptureError
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.racing import WholeRunner, has_pairs, make_runner
from neurodemon.planner.sampling import PairRunner, Pairs, cut_pairs
from neurodemon.terms.units import UnitSet

LIMIT = 1e-11
HOOKED = ("relu mlp", "encoder, batch first, dict")
# the whole zoo: tests/long/laws/test_pairs_equal_sweep_whole.py
NAMES = (
    "relu mlp", "residual cnn", "lstm", "experts", "encoder, time first, tuple", "position major",
    "two inputs", "opaque cost", "batch of one",
)  # fmt: skip


def drawn(units: UnitSet, subject: nd.Subject, count: int = 60) -> Pairs:
    chance = np.random.default_rng(0)
    return Pairs(
        chance.integers(0, len(units), count), chance.integers(0, subject.n_examples, count)
    )


def effects_of(runner: PairRunner | WholeRunner, pairs: Pairs) -> NDArray[np.float64]:
    found = np.full(len(pairs), np.nan)
    for places, effects in runner.run(pairs):
        assert np.isnan(found[places]).all()
        found[places] = effects
    return found


def subject_of(name: str, **options: str) -> nd.Subject:
    case = ZOO[name]().to(torch.float64)
    return nd.Subject(case.model, case.batches, case.cost, **options)


def gap(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """The largest difference, relative to the largest effect; inf where only one is a number."""
    if not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return np.inf
    return float(np.nanmax(np.abs(found - wanted)) / max(np.nanmax(np.abs(wanted)), 1e-300))


@pytest.mark.parametrize("name", NAMES)
def test_pairs_have_the_effects_of_the_sweep(name: str) -> None:
    hold_pairs_against_sweep(name)


def hold_pairs_against_sweep(name: str) -> None:
    subject = subject_of(name)
    sites = studied_sites(name, ZOO[name]().to(torch.float64), subject)
    units = nd.units(subject, ", ".join(site.name for site in sites))
    pairs = drawn(units, subject)
    truth = nd.measure(subject, units, nd.Zero()).per_example
    found = effects_of(make_runner(subject, units, Nudges(subject, nd.Zero())), pairs)
    assert gap(found, truth[pairs.examples, pairs.units]) <= LIMIT


@pytest.mark.parametrize("name", HOOKED)
def test_pairs_of_a_hooked_model_have_the_effects_of_the_sweep(name: str) -> None:
    subject = subject_of(name, capture="hooked")
    units = nd.units(subject)
    pairs = drawn(units, subject, 20)
    truth = nd.measure(subject, units, nd.Zero()).per_example
    found = effects_of(make_runner(subject, units, Nudges(subject, nd.Zero())), pairs)
    assert gap(found, truth[pairs.examples, pairs.units]) <= LIMIT


def test_another_example_has_another_effect() -> None:  # the negative control
    subject = subject_of("relu mlp")
    units = nd.units(subject)
    pairs = drawn(units, subject)
    truth = nd.measure(subject, units, nd.Zero()).per_example
    shifted = Pairs(pairs.units, (pairs.examples + 1) % subject.n_examples)
    found = effects_of(make_runner(subject, units, Nudges(subject, nd.Zero())), shifted)
    assert gap(found, truth[pairs.examples, pairs.units]) > 1e-3


def test_heads_positions_and_directions_are_run_by_pairs_too() -> None:
    subject = subject_of("encoder, batch first, dict")
    site, heads = "encoder.layers.0.linear1", "encoder.layers.0.self_attn.out_proj:in/head"
    units = nd.units(subject, f"{site}/position[0:2], {site}@1, {heads}") + nd.units(
        subject, [nd.Direction(site, [[1.0, 2.0, 3.0, 4.0, 5.0]]), nd.Group(site, "two", (0, 2))]
    )
    pairs = drawn(units, subject, 40)
    truth = nd.measure(subject, units, nd.Zero()).per_example
    found = effects_of(make_runner(subject, units, Nudges(subject, nd.Zero())), pairs)
    assert gap(found, truth[pairs.examples, pairs.units]) <= LIMIT


def test_pieces_hold_each_pair_once_and_one_block_and_batch_each() -> None:
    subject = subject_of("relu mlp")
    units = nd.units(subject)
    pairs = drawn(units, subject, 3000)
    pieces = list(cut_pairs(units, pairs, [subject.n_examples - 2, 2]))
    places = np.sort(np.concatenate([piece.places for piece in pieces]))
    assert places.tolist() == list(range(3000))
    assert all(piece.rows.max() < len(units.blocks[piece.block]) for piece in pieces)
    assert {piece.batch for piece in pieces} == {0, 1}


@pytest.mark.parametrize("count", [0, 1, 5, 12, 16, 31, 47, 100])
def test_what_whole_passes_leave_is_run_in_parts_of_them(count: int) -> None:
    passes = list(cut(torch.arange(count), (16, 8, 4)))
    assert [place for _, places in passes for place in places.tolist()] == list(range(count))
    assert all(len(places) == size for size, places in passes[:-1])
    assert sum(size for size, _ in passes) - count < 4
    assert sum(size for size, _ in cut(torch.arange(17), (16,))) == 32  # the control: no parts


def test_costs_of_a_part_are_held_against_clean_ones_of_its_own_size() -> None:
    subject = subject_of("lstm")  # one of its sites is run on whole states
    units = nd.units(subject)
    number = next(
        number
        for number, block in enumerate(units.blocks)
        if find_descent(subject.recording(0), block) is None
    )
    block, recording = units.blocks[number], subject.recording(0)
    dz, n = Nudges(subject, nd.Zero())(block, 0), recording.n_examples
    rows, examples = (
        torch.arange(len(block)).repeat_interleave(n),
        torch.arange(n).repeat(len(block)),
    )
    prepared = Prepared(4 * n, is_carried=False)
    found = measure_pairs(recording, block, rows[:-1], examples[:-1], dz=dz, prepared=prepared)
    truth = nd.measure(subject, nd.UnitSet((block,)), nd.Zero()).per_example[:n]
    assert len({size for _, size in prepared.clean}) > 1
    np.testing.assert_allclose(found, truth.T.reshape(-1)[:-1], atol=LIMIT * np.abs(truth).max())


def test_what_is_run_beside_the_pairs_is_counted_once() -> None:
    subject = subject_of("lstm")  # one of its sites is run on whole states
    units = nd.units(subject)
    runner = make_runner(subject, units, Nudges(subject, nd.Zero()))
    assert isinstance(runner, PairRunner)
    assert runner.clean_runs == {}
    effects_of(runner, drawn(units, subject))
    first = runner.clean_runs
    effects_of(runner, drawn(units, subject))
    assert runner.clean_runs == first
    on_states = {
        number
        for number, block in enumerate(units.blocks)
        if find_descent(subject.recording(0), block) is None
    }
    assert set(first) == on_states
    assert on_states


class FixedBatch(torch.nn.Module):
    """A model that torch can export for one batch size only."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(3, 4).double(), torch.nn.Linear(4, 1).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.fc1(x)).reshape(6, 2, 2).flatten(1)
        return self.fc2(hidden)


def fixed() -> nd.Subject:
    torch.manual_seed(0)
    batch = (torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 1, dtype=torch.float64))
    return nd.Subject(FixedBatch(), [batch], "squared_error")


def test_a_graph_of_one_batch_size_is_measured_unit_by_unit() -> None:
    subject = fixed()
    if has_pairs(subject):  # torch grew able to fold it
        pytest.fail("choose another model of one batch size")
    units = nd.units(subject, "fc1")
    runner = make_runner(subject, units, Nudges(subject, nd.Zero()))
    pairs = drawn(units, subject, 15)
    truth = nd.measure(subject, units, nd.Zero()).per_example
    np.testing.assert_array_equal(effects_of(runner, pairs), truth[pairs.examples, pairs.units])
    assert runner.clean_runs == {}
    recording = subject.recording(0)
    assert not can_pair(recording)
    assert pairs_per_pass(recording, 8, 8) == 1
    with pytest.raises(CaptureError, match="Measure whole units"):
        measure_pairs(
            recording,
            units.blocks[0],
            torch.tensor([0]),
            torch.tensor([0]),
            dz=torch.zeros(6, 1, 4, dtype=torch.float64),
            prepared=Prepared(1, is_carried=False),
        )
