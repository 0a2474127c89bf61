"""Memory: passes keep within what may be taken, and are halved where it runs out."""

import functools
import gc
import re
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles.memory import Watch
from oracles.models import Case, classes, seeded
from torch import Tensor, nn
from torch.nn import functional
from zoo.hugging_face import bert

import neurodemon as nd
from neurodemon.engine import descent, pairs
from neurodemon.engine import room as room_module
from neurodemon.engine.descent import Descent
from neurodemon.engine.differences import find_descent
from neurodemon.engine.room import Room, row_bytes
from neurodemon.engine.trials import PassSize
from neurodemon.errors import BudgetError, DeviceMemoryError
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import predict_all
from neurodemon.planner import run as running
from neurodemon.planner import sampling
from neurodemon.terms.perturbations import Perturbation


class Sorted(nn.Module):
    """Wide, and with a sort, so that whole states are run."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 40), nn.Linear(40, 3000)
        self.head = nn.Linear(3000, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.second(self.first(x).sort(1).values)))


def ordered() -> Case:
    return classes(seeded(Sorted), (200,), (4,))


def plain() -> Case:
    """All of it has rules: changes are carried down."""
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 40), nn.Tanh(), nn.Linear(40, 3)))
    return classes(model, (200,), (4,))


CASES: dict[str, tuple[Callable[[], Case], str]] = {
    "whole states": (ordered, "first[0:8]"),
    "changes": (plain, "0"),
    "tokens": (bert, "**.intermediate.dense"),
}


@functools.cache
def subject_named(name: str) -> nd.Subject:
    case = CASES[name][0]().to(torch.float64)
    return nd.Subject(case.model, case.batches, case.cost)


def least_of(subject: nd.Subject, site: str) -> int:
    """The memory that the error asks for."""
    with pytest.raises(DeviceMemoryError, match=r"expected at least [\d,]+") as caught:
        nd.measure(subject, site, memory=1)
    found = re.search(r"expected at least ([\d,]+)", str(caught.value))
    assert found is not None
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("name", CASES)
def test_any_memory_gives_the_same(name: str) -> None:
    subject, site = subject_named(name), CASES[name][1]
    expected = nd.measure(subject, site).per_example
    assert expected is not None
    least = least_of(subject, site)
    for memory in (least, least + 500_000, "2GB"):
        found = nd.measure(subject, site, memory=memory)
        assert np.abs(found.per_example - expected).max() < 1e-12
        assert found.notes == ()
    assert subject.room.most_bytes is None


def test_a_site_for_which_there_is_too_little_is_told_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    subject, steps = subject_named("whole states"), []
    nd.check(subject)  # or it would be refused there
    enough = least_of(subject, "head")
    assert enough < least_of(subject, "first")
    with pytest.raises(DeviceMemoryError, match="smallest pass at 'first'"):
        nd.measure(
            subject,
            ["head", "first"],
            memory=enough,
            out=tmp_path / "run",
            progress=lambda done, _all: steps.append(done),
        )
    assert steps == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["whole states", "tokens"])
def test_passes_hold_no_more_than_they_may(name: str) -> None:
    subject = subject_named(name)
    site = nd.units(subject, CASES[name][1]).blocks[0].site
    recording = subject.recording(0)
    own = recording.graph.site_by_name[site.name]
    each = row_bytes(recording, own)
    whole = Room().pass_size(recording, own, 1 << 20)
    few = Room(recording.n_bytes + 70_000_000 + 20 * each).pass_size(recording, own, 1 << 20)
    assert few.examples * few.rows < whole.examples * whole.rows


def test_what_is_counted_is_what_is_taken() -> None:
    """Bytes of a pass by our count against those that torch makes."""
    subject = subject_named("whole states")
    recording = subject.recording(0)
    site = recording.graph.site_by_name["first"]
    block = nd.units(subject, "first").blocks[0][:20]
    z = recording.values[site.node]
    running.measure(recording, block, torch.ones_like(z)[:, None], PassSize(10, 1))
    each = row_bytes(recording, site)
    for size in (PassSize(50, 4), PassSize(200, 20)):
        watch = Watch()
        with watch:
            running.measure(recording, block, torch.ones_like(z)[:, None], size)
        counted = each * size.examples * size.rows + 4 * z.nbytes
        assert counted / 2 < watch.most < counted


@pytest.mark.parametrize("is_cut", [True, False])
@pytest.mark.parametrize("perturbation", [nd.Zero(), nd.Noise(nd.Std(0.5), seed=3)])
def test_an_audit_predicts_so_many_examples_at_once_as_fit(
    perturbation: Perturbation, *, is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = seeded(lambda: nn.Sequential(nn.Linear(4, 300), nn.Tanh(), nn.Linear(300, 3)))
    case = classes(wide, (2000,), (4,))
    subject = nd.Subject(case.model, case.batches, case.cost)
    if not is_cut:  # the control
        monkeypatch.setattr(
            Room, "examples_predicted", lambda _self, recording, _sites: recording.n_examples
        )
    units, names = nd.units(subject, "0"), ("first_order", "linear_logits")
    nudges = Nudges(subject, perturbation)
    expected = predict_all(subject, units, nudges, names)
    results = sum(own.nbytes for own in expected.values())
    subject.room = Room(subject.recording(0).n_bytes + 8_000_000)
    with Watch() as watch:
        found = predict_all(subject, units, nudges, names)
    subject.room = Room()
    assert (watch.most - 2 * results < 8_000_000) == is_cut
    for name in names:
        assert np.abs(found[name] - expected[name]).max() < 1e-6
        assert np.abs(expected[name]).max() > 1e-4


class Words(nn.Module):
    """A last block whose logits are wide: a norm behind a residual, and a cost of each token."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(4, 64), nn.LayerNorm(8)
        self.second, self.head = nn.Linear(64, 8), nn.Linear(8, 500)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.second(torch.tanh(self.first(x)))))


def each_token(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output.mT, target, reduction="none").mean(1)


@pytest.mark.parametrize("is_counted", [True, False])
def test_what_a_way_of_changes_keeps_is_counted(
    *, is_counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "CARRIED_BYTES", 1_200_000)
    monkeypatch.setattr(descent, "WIDE_NUMBERS", 1 << 14)
    if not is_counted:  # the control: as if nothing were kept
        monkeypatch.setattr(room_module, "find_descent", lambda *_: None)
    inputs, target = torch.randn(20, 10, 4), torch.randint(500, (20, 10))
    subject = nd.Subject(seeded(Words), [(inputs, target)], each_token)
    recording, block = subject.recording(0), nd.units(subject, "first").blocks[0]
    before, site = recording.n_bytes, recording.graph.site_by_name["first"]
    watch = Watch()
    with watch:
        with pytest.raises(DeviceMemoryError, match=r"expected at least [\d,]+") as caught:
            Room(1).pass_size(recording, site, 1 << 20)
        least = int(
            re.findall(r"expected at least ([\d,]+)", str(caught.value))[0].replace(",", "")
        )
        size = Room(least).pass_size(recording, site, 1 << 20)
        running.measure(recording, block, torch.ones(20, 10, 64), size)
    assert find_descent(recording, block) is not None
    assert (before + watch.most <= least) == is_counted


class Refusing:
    """An allocator that has no room for passes of more than so many examples × rows."""

    def __init__(self, work: Callable[..., Any], most: int) -> None:
        self.work, self.most, self.sizes = work, most, list[PassSize]()

    def __call__(self, recording: Any, block: Any, dz: Any, size: PassSize) -> Any:
        self.sizes.append(size)
        if size.examples * size.rows > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")
        return self.work(recording, block, dz, size)


@pytest.mark.parametrize("name", ["whole states", "tokens"])
def test_where_memory_runs_out_passes_are_halved(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, site = subject_named(name), CASES[name][1]
    expected = nd.measure(subject, site)
    refusing = Refusing(running.measure, 9)
    monkeypatch.setattr(running, "measure", refusing)
    found = nd.measure(subject, site)
    assert np.abs(found.per_example - expected.per_example).max() < 1e-12
    (note,) = found.notes
    assert note.startswith("Memory ran out while measuring")
    assert "passes were halved" in note
    worked = [size.examples * size.rows <= 9 for size in refusing.sizes]
    first = worked.index(True)
    assert all(worked[first:])  # once is enough for all that follows
    assert nd.measure(subject, site).notes == found.notes  # and each verb begins anew


def test_audits_tell_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_named("whole states")
    monkeypatch.setattr(running, "measure", Refusing(running.measure, 9))
    found = nd.audit(subject, "first")
    assert any("passes were halved" in note for note in found.effects.notes)


def test_pairs_are_halved_too(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_named("whole states")
    expected = nd.audit(subject, "first", budget="20%", top=3)
    work = sampling.prepare_pairs

    def refuse(recording: Any, block: Any, n_rows: int) -> Any:
        if n_rows > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return work(recording, block, n_rows)

    monkeypatch.setattr(sampling, "prepare_pairs", refuse)
    found = nd.audit(subject, "first", budget="20%", top=3)
    assert any("passes were halved" in note for note in found.effects.notes)
    np.testing.assert_allclose(found.effects["measured"], expected.effects["measured"], atol=1e-12)


def test_where_there_is_no_room_at_all_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_named("whole states")
    monkeypatch.setattr(running, "measure", Refusing(running.measure, 0))
    with pytest.raises(DeviceMemoryError, match=r"while measuring .* on 1 examples"):
        nd.measure(subject, "first")


@pytest.mark.parametrize("verb", [nd.measure, nd.audit])
def test_what_is_no_size_is_refused_before_any_work(verb: Callable[..., Any]) -> None:
    with pytest.raises(BudgetError, match="expected a size such as"):
        verb(subject_named("changes"), "0", memory="a lot")


@pytest.fixture
def without_garbage_collection() -> Iterator[None]:
    """Let only what nothing refers to go."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_garbage_collection")
@pytest.mark.parametrize("holders", [(), ("itself",)])  # the negative control: it keeps itself
@pytest.mark.parametrize("name", CASES)
def test_what_is_let_go_is_free_at_once(name: str, holders: tuple[str, ...]) -> None:
    case, site = CASES[name][0]().to(torch.float64), CASES[name][1].partition("[")[0]
    subject = nd.Subject(case.model, case.batches, case.cost)
    nd.audit(subject, site, budget="50%", top=2)
    nd.headroom(subject, f"{site}[0:2]")
    if name == "tokens":
        nd.measure(subject, f"{site}/position[0:2]")
    recording = subject.recording(0)
    assert recording.kept
    for holder in holders:
        recording.kept[holder] = recording
    there = weakref.ref(recording)
    del recording
    subject.forget_recordings()
    assert (there() is not None) == bool(holders)


@pytest.mark.parametrize("is_cut", [True, False])
def test_pairs_gather_no_more_bases_than_fit(
    *, is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent, "WIDE_NUMBERS", 1 << 14)
    if not is_cut:  # the control: as many as there are
        monkeypatch.setattr(Descent, "pairs_at_once", lambda _, n_pairs: n_pairs)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 64), nn.LayerNorm(64), Averaged()
    )
    batch = (torch.randn(20, 50, 4), torch.randint(64, (20,)))
    subject = nd.Subject(seeded(lambda: model), [batch], "cross_entropy")
    recording, block = subject.recording(0), nd.units(subject, "1").blocks[0]
    way = find_descent(recording, block)
    assert way is not None
    assert way.gathered == 50 * 64
    prepared = pairs.prepare_pairs(recording, block, 160)
    rows, examples = torch.arange(160) % 8, torch.arange(160) // 8
    dz = torch.ones(20, 50, 8)
    watch = Watch()
    with watch:
        found = pairs.measure_pairs(recording, block, rows, examples, dz=dz, prepared=prepared)
    expected = running.measure(recording, block, dz, PassSize(20, 8))
    torch.testing.assert_close(found, expected[examples, rows], atol=1e-6, rtol=1e-5)
    assert (watch.most < 4 * 4 * (1 << 14) + dz.nbytes) == is_cut


class Averaged(nn.Module):
    """A mean over positions."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)
