"""The loop over chunks: the same numbers however the work is cut, resumed or ordered."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.models import ZOO, Case

import neurodemon as nd
from neurodemon.engine import room
from neurodemon.engine.differences import find_descent
from neurodemon.engine.room import LARGER_ROW, Room
from neurodemon.engine.trials import CLEAN
from neurodemon.jobs import measuring
from neurodemon.jobs.measuring import numbers_per_unit, plan_work
from neurodemon.jobs.nudging import Nudges
from neurodemon.planner import plan as plan_module
from neurodemon.planner.plan import Plan, make_plan, units_for
from neurodemon.planner.run import run


@pytest.fixture(scope="module")
def case() -> Case:
    """Two batches of different sizes, in float64."""
    return ZOO["residual cnn"]().to(torch.float64)


@pytest.fixture(scope="module")
def subject(case: Case) -> nd.Subject:
    """The subject of it."""
    return nd.Subject(case.model, case.batches, case.cost)


def effects(subject: nd.Subject, plan: Plan, done: tuple[int, ...] = ()) -> dict[int, np.ndarray]:
    """The effects of each chunk."""
    return dict(run(plan, subject.recordings(), Nudges(subject, nd.Zero()), done=done))


def test_each_chunk_gives_all_examples_of_all_batches(subject: nd.Subject) -> None:
    plan = make_plan(nd.units(subject, "conv1"), "zero", units_per_chunk=3)
    assert {number: part.shape for number, part in effects(subject, plan).items()} == {
        0: (7, 3),
        1: (7, 1),
    }


@pytest.mark.parametrize("numbers_per_pass", [1, 200, 1 << 20])
@pytest.mark.parametrize("units_per_chunk", [1, 3, 64])
def test_otherwise_chunked_gives_the_same(
    subject: nd.Subject, units_per_chunk: int, numbers_per_pass: int
) -> None:
    units = nd.units(subject, "conv1, relu, fc:in[0:7]")
    whole = nd.measure(subject, units).per_example
    plan = make_plan(units, "zero", units_per_chunk=units_per_chunk)
    parts = effects(subject, replace(plan, numbers_per_pass=numbers_per_pass))
    found = np.concatenate([parts[number] for number in sorted(parts)], axis=1)
    assert whole is not None
    assert np.abs(found - whole).max() < 1e-12


def test_done_chunks_are_left_out_and_the_others_are_bit_identical(subject: nd.Subject) -> None:
    plan = make_plan(nd.units(subject, "conv1"), "zero", units_per_chunk=1)
    whole, rest = effects(subject, plan), effects(subject, plan, done=(0, 2))
    assert sorted(rest) == [1, 3]
    assert all((rest[number] == whole[number]).all() for number in rest)


def test_clean_costs_are_run_once_for_all_chunks() -> None:
    case = ZOO["lstm"]().to(torch.float64)  # one of its sites is run on whole states
    subject = nd.Subject(case.model, case.batches, case.cost)
    recordings = subject.recordings()
    block = next(
        block for block in nd.units(subject).blocks if not find_descent(recordings[0], block)
    )
    plan = make_plan(nd.UnitSet((block,)), "zero", units_per_chunk=2)
    assert len(plan.chunks) > 1
    whole = effects(subject, plan)
    kept = recordings[0].kept[CLEAN]
    for key in kept:
        kept[key] = kept[key] + 1.0  # the control: these are what is subtracted
    again = effects(subject, plan)
    n = recordings[0].n_examples
    np.testing.assert_allclose(again[1][:n], whole[1][:n] - 1.0)
    np.testing.assert_array_equal(again[1][n:], whole[1][n:])


def test_dearer_units_are_measured_in_smaller_chunks(
    subject: nd.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = nd.units(subject, "conv1, fc:in[0:7]")
    first, last = (numbers_per_unit(subject, block) for block in units.blocks)
    assert first > 2 * last
    monkeypatch.setattr(plan_module, "NUMBERS_PER_CHUNK", int(2 * last))
    sizes = [units_for(numbers, fewest=1) for numbers in (first, last)]
    assert sizes == [1, 2]
    monkeypatch.setattr(measuring, "FEWEST_UNITS", 1)
    plan = plan_work(subject, units, "zero")
    assert [last - first for site, first, last in plan.spelled if site == "conv1"] == [1] * 4
    assert [last - first for site, first, last in plan.spelled if site == "fc:in"] == [2, 2, 2, 1]
    monkeypatch.setattr(room, "BYTES_KEPT", 1)  # batches are recorded anew for each chunk
    plan = plan_work(subject, units, "zero")
    assert [last - first for site, first, last in plan.spelled if site == "conv1"] == [4]


def test_a_pass_holds_at_least_one_example_and_one_row(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    site = recording.graph.site_by_name["conv1"]
    size = Room().pass_size(recording, site, 1)
    assert (size.examples, size.rows) == (1, 1)


def test_a_pass_takes_all_examples_before_more_rows(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    site = recording.graph.site_by_name["conv1"]
    width = 4 * 6 * 6  # conv2's output per example, the widest below
    size = Room().pass_size(recording, site, width * 3 // LARGER_ROW)
    assert (size.examples, size.rows) == (3, 1)
    size = Room().pass_size(recording, site, width * 4 * 5)
    assert (size.examples, size.rows) == (4, 5)
