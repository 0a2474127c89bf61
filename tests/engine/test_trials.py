"""Trials: passes that hold each example once, and rows that give the clean cost or raise."""

from dataclasses import replace

import pytest
import torch
from oracles.models import cross_entropy, seeded
from torch import nn

import neurodemon as nd
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, take_units
from neurodemon.engine.recording import Recording
from neurodemon.engine.trials import PassSize, Trials, cut_passes
from neurodemon.errors import ReplayMismatchError
from neurodemon.subjects.subject import Subject


@pytest.fixture(scope="module")
def subject() -> Subject:
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))).double()
    inputs = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).double()
    found = Subject(model, [(inputs, torch.arange(7) % 3)], cross_entropy)
    found.refresh()
    return found


def cut(recording: Recording, size: PassSize, most_rows: int) -> list[Pass]:
    site = recording.graph.site_by_name["1"]
    return list(cut_passes(recording, size, most_rows, site, site.node))


@pytest.mark.parametrize("examples", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_passes_hold_each_example_once_and_no_more_rows_than_there_are(subject, examples, rows):
    passes = cut(subject.recording(0), PassSize(examples, rows), 10)
    held = [place for one in passes for place in range(one.start, one.stop)]
    assert held == list(range(7))
    assert {one.rows for one in passes} == {min(rows, 10)}
    assert all(one.n_examples <= examples for one in passes)


def test_a_graph_of_a_fixed_batch_size_goes_through_whole_and_one_by_one(subject):
    fixed = replace(subject.recording(0), can_fold=False)
    assert cut(fixed, PassSize(2, 9), 9) == [Pass(0, 7, 1)]


def trials_of(subject: Subject, recording: Recording, shape: Pass) -> Trials:
    block = nd.units(subject, "1").blocks[0]
    site = recording.graph.site_by_name["1"]
    clean = take_units(canonical(recording.values[site.node], site), block)
    return Trials(recording, site.node, shape, block, clean[:, shape.start : shape.stop])


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8])
def test_rows_beyond_a_pass_are_cut_and_a_pass_too_large_is_filled_up(subject, rows):
    """Oracle: the layers behind, run by hand. Tolerance: 1e-14 on costs of about 1."""
    recording = subject.recording(0)
    trials = trials_of(subject, recording, Pass(2, 6, rows))
    inputs, target = subject.batches[0]
    hidden = subject.model[:2](inputs)[2:6].detach()
    moved = torch.cat([trials.clean + 0.5, trials.clean * 2])
    block = type(trials.block)(
        trials.block.site,
        "neuron",
        list_twice(trials.block.indices),
        list_twice(trials.block.positions),
    )
    found = trials.effects(moved, block)
    base = cross_entropy(subject.model[2](hidden), target[2:6])
    for row in range(10):
        changed = hidden.clone()
        unit = row % 5
        changed[:, unit] = changed[:, unit] + 0.5 if row < 5 else changed[:, unit] * 2
        expected = cross_entropy(subject.model[2](changed), target[2:6]) - base
        torch.testing.assert_close(found[row], expected.detach(), atol=1e-14, rtol=1e-12)


def list_twice(values):
    """The units of a block, twice in a row."""
    return torch.from_numpy(values).repeat(2).numpy()


def test_rows_without_a_change_that_cost_otherwise_are_refused(subject):
    """Negative control: the recorded cost of one example is falsified."""
    recording = subject.recording(0)
    wrong = recording.cost.clone()
    wrong[3] += 1e-6
    broken = replace(recording, cost=wrong)
    with pytest.raises(ReplayMismatchError, match=r"3 of 12 costs differ .* up to 1e-06"):
        _ = trials_of(subject, broken, Pass(2, 6, 3)).clean_cost
    assert trials_of(subject, broken, Pass(4, 7, 3)).clean_cost.shape == (3, 3)
