"""Replay, recording, layout and measure: the parts that the laws do not name."""

import dataclasses

import numpy as np
import pytest
import torch
from oracles.models import ZOO, Case
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, over_units, put_units, restore, take_units
from neurodemon.engine.measure import measure
from neurodemon.engine.recording import Recording, record
from neurodemon.engine.replay import Replay
from neurodemon.engine.trials import PassSize
from neurodemon.errors import ReplayMismatchError
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node, Ref
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock


@pytest.fixture(scope="module")
def subject() -> nd.Subject:
    """A residual CNN."""
    case = ZOO["residual cnn"]().to(torch.float64)
    return nd.Subject(case.model, case.batches, case.cost)


@pytest.fixture
def states_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are not carried down by themselves: what is tested here is what runs otherwise."""
    for room in ("measure", "pairs"):
        monkeypatch.setattr(f"neurodemon.engine.{room}.find_descent", lambda *_: None)


SITE = Site("s", "module", "s", ("position", "example", "unit", "position"), (2, 0, 3, 4))


def test_the_canonical_layout_is_example_position_unit_and_back() -> None:
    value = torch.arange(2 * 5 * 3 * 4).reshape(2, 5, 3, 4).float()
    flat = canonical(value, SITE)
    assert flat.shape == (5, 8, 3)
    assert float(flat[4, 1 * 4 + 2, 1]) == float(value[1, 4, 1, 2])
    assert torch.equal(restore(flat, SITE, tuple(value.shape)), value)


def test_a_site_without_units_or_positions_has_one_of_each() -> None:
    site = Site("s", "module", "s", ("example",), (0,))
    value = torch.arange(5.0)
    assert canonical(value, site).shape == (5, 1, 1)
    assert torch.equal(restore(canonical(value, site), site, (5,)), value)


def test_restore_takes_another_number_of_examples() -> None:
    assert restore(torch.zeros(15, 8, 3), SITE, (2, 5, 3, 4)).shape == (2, 15, 3, 4)


@pytest.mark.parametrize(
    ("kind", "indices", "positions", "expected"),
    [
        ("neuron", [1], [-1], [[1 + 4, 1 + 4]]),
        ("position", [-1], [1], [[3 + 4 + 5, 3 + 4 + 5]]),
        ("cell", [2], [0], [[2, 2]]),
    ],
)
def test_contributions_are_added_up_over_each_units_own(
    kind: str, indices: list[int], positions: list[int], expected: list
) -> None:
    contributions = torch.arange(6.0).reshape(1, 2, 3).expand(2, 2, 3)
    site = Site("s", "module", "s", ("example", "position", "unit"), (0, 2, 3))
    block = UnitBlock(site, kind, np.array(indices), np.array(positions))
    assert over_units(contributions, block).T.tolist() == expected


def test_each_row_has_its_own_unit_moved_and_all_else_clean() -> None:
    site = Site("s", "module", "s", ("example", "position", "unit"), (0, 2, 3))
    block = UnitBlock(site, "neuron", np.array([2, 0]), np.array([-1, -1]))
    rows = torch.zeros(2, 4, 2, 3)
    put_units(rows, take_units(torch.ones(4, 2, 3), block), block)
    assert rows[0].sum((0, 1)).tolist() == [0, 0, 8]
    assert rows[1].sum((0, 1)).tolist() == [8, 0, 0]


@pytest.mark.parametrize(
    ("kind", "indices", "positions"),
    [("neuron", [2, 0], [-1, -1]), ("position", [-1, -1], [1, 0]), ("cell", [2, 1], [0, 1])],
)
def test_what_is_taken_of_a_unit_is_what_is_put_there(
    kind: str, indices: list[int], positions: list[int]
) -> None:
    site = Site("s", "module", "s", ("example", "position", "unit"), (0, 2, 3))
    block = UnitBlock(site, kind, np.array(indices), np.array(positions))
    value = torch.arange(24.0).reshape(4, 2, 3)
    rows = torch.full((2, 4, 2, 3), -1.0)
    put_units(rows, take_units(value, block), block)
    for row, unit in zip(rows, block, strict=True):
        is_own = torch.zeros(2, 3, dtype=torch.bool)
        is_own[slice(None) if unit.position is None else unit.position, unit.index or 0] = True
        if unit.kind == "position":
            is_own[unit.position] = True
        assert torch.equal(row[:, is_own], value[:, is_own])
        assert bool((row[:, ~is_own] == -1).all())


def test_rows_are_folded_row_by_row(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    (name,) = [site.node for site in recording.graph.sites if site.name == "fc:in"]
    value = recording.values[name]
    folded = recording.fold([name], Pass(1, 3, 2))[name]
    assert torch.equal(folded, torch.cat([value[1:3], value[1:3]]))


def test_the_recording_itself_is_given_for_one_row_of_all_examples(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    node = recording.graph.site_by_name["conv1"].node
    assert recording.fold([node], Pass(0, 4, 1))[node] is recording.values[node]


def test_only_the_cone_is_computed(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    replay = Replay(recording, recording.graph.site_by_name["bn2"].node, Pass(0, 4, 1))
    names = {node.operation_name for node in replay.cone}
    assert "conv2d" not in names
    z = recording.values[replay.source]
    assert torch.equal(replay.cost_of(z)[0], recording.cost)


def test_measuring_does_not_change_the_recording(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    before = {n: v.clone() for n, v in recording.values.items() if isinstance(v, Tensor)}
    nd.measure(subject, "**", nd.Add(1.0))
    after = subject.recording(0)
    assert after is recording
    assert all(torch.equal(after.values[name], value) for name, value in before.items())


@pytest.mark.usefixtures("states_only")
def test_a_clean_row_that_differs_from_the_recording_is_refused(subject: nd.Subject) -> None:
    recording = subject.recording(0)
    wrong = dataclasses.replace(recording, cost=recording.cost + 1e-6)
    block = nd.units(subject, "relu").blocks[0]
    dz = torch.ones(4, 36, 4, dtype=torch.float64)
    measure(recording, block, dz, PassSize(4, 2))
    with pytest.raises(ReplayMismatchError, match="without any change, 8 of 8 costs differ"):
        measure(wrong, block, dz, PassSize(4, 2))


@pytest.mark.usefixtures("states_only")
@pytest.mark.parametrize("shape", [PassSize(4, 3), PassSize(2, 1), PassSize(1, 4)])
def test_the_clean_reference_is_of_the_same_pass_shape(
    subject: nd.Subject, shape: PassSize, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[Pass] = []
    original = Replay.cost_of_columns

    def watch(self: Replay, *arguments: object) -> Tensor:
        shapes.append(self.shape)
        return original(self, *arguments)

    monkeypatch.setattr(Replay, "cost_of_columns", watch)
    block = nd.units(subject, "relu").blocks[0]  # 4 units
    measure(subject.recording(0), block, torch.ones(4, 36, 4).double(), shape)
    slices = -(-4 // shape.examples)
    passes = -(-4 // shape.rows)
    assert len(shapes) == slices * (1 + passes)  # one clean pass per slice, not one per pass
    assert {(one.n_examples, one.rows) for one in shapes} == {(shape.examples, shape.rows)}


def test_a_graph_of_one_batch_size_is_measured_row_by_row() -> None:
    case: Case = ZOO["counting"]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    recording = subject.recording(0)
    assert not recording.can_fold
    block = nd.units(subject, "head:in").blocks[0]
    dz = torch.ones(4, 1, 6, dtype=torch.float64)
    one = measure(recording, block, dz, PassSize(1, 64))
    assert torch.equal(one, measure(recording, block, dz, PassSize(4, 1)))


def small_recording(scale: float, dtype: torch.dtype) -> Recording:
    """Input x, output scale·x, cost its sum."""
    graph = Graph(
        (
            Node("x", None, example_axis=0, folding="tile"),
            Node("out", torch.mul, (Ref("x"), scale), example_axis=0, folding="tile"),
            Node("cost", torch.sum, (Ref("out"), 1), example_axis=0, folding="tile"),
        ),
        ("x",), {}, {}, ("out",), "cost",
    )  # fmt: skip
    return record(graph, {"x": torch.ones(2, 3, dtype=dtype)})


def test_the_noise_floor_grows_with_the_numbers_the_cost_is_made_of() -> None:
    unit = 4 * 2.0**-24
    assert small_recording(0.1, torch.float32).noise_floor.tolist() == pytest.approx([unit] * 2)
    assert small_recording(100, torch.float32).noise_floor.tolist() == pytest.approx(
        [300 * unit] * 2
    )
    assert float(small_recording(1.0, torch.float64).noise_floor[0]) == pytest.approx(
        4 * 3 * 2.0**-53
    )


def test_a_recording_counts_shared_memory_once() -> None:
    base = torch.zeros(10, dtype=torch.float64)
    recording = small_recording(1.0, torch.float64)
    shared = dataclasses.replace(recording, values={"a": base, "b": base[:5], "c": 3})
    assert shared.n_bytes == 80


def test_operations_replay_the_gradient_of_batch_norm() -> None:
    """The captured operation of BatchNorm in evaluation mode must have a derivative."""
    case = ZOO["residual cnn"]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert bool(nd.delta(subject, "bn1").any())
    assert isinstance(case.model.bn1, nn.BatchNorm2d)
