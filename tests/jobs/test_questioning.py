"""The question, from end to end on a small network: tables, answer, stages kept and gone on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.layers import unfounded
from oracles.small_training import LAST, clouds, trained
from safetensors.torch import save_file
from torch import nn

import neurodemon as nd
from neurodemon.errors import PerturbationError, SelectionError, StoreError
from neurodemon.jobs.exploring import find
from neurodemon.jobs.questioning import _require_lists, _settle_scopes, question
from neurodemon.jobs.selecting import settle_units
from neurodemon.judge.verdicts import VERDICTS, judge_demons
from neurodemon.terms.questions import Question
from neurodemon.terms.radii import Std


@pytest.fixture(scope="module")
def subject() -> nd.Subject:
    """Shared, as no test may change it: its capture is kept."""
    return trained()


@pytest.fixture(scope="module")
def asked(subject: nd.Subject) -> Question:
    return question(subject)


def test_every_number_of_the_answer_stands_in_a_table(asked: Question):
    assert len(asked.answer) == 6
    assert unfounded(asked) == set()


def test_there_is_a_layer_for_each_step_site_and_scope_at_the_weighted_inputs(asked: Question):
    assert asked.steps == (0, 1, LAST)
    assert [(row.step, row.site, row.scope) for row in asked.layers] == [
        (step, site, scope)
        for step in asked.steps
        for site in ("fc1", "fc2")
        for scope in ("shared", "each")
    ]
    assert asked.question == (
        "Is influence error, for clouds? (11 units at fc1, fc2; 12 examples; radius 4·std; steps "
        "0, 1, 5)"
    )


def test_numbers_are_finite_or_none_and_shares_add_up(asked: Question):
    json.dumps(asked.to_dict(), allow_nan=False)
    for row in asked.layers:
        assert sum(row.verdicts.values()) == pytest.approx(1.0)
        assert set(row.verdicts) <= set(VERDICTS)
        assert row.norm_of_mean <= row.mean_of_norms + 1e-12
        if row.split is not None:
            shares = row.split.influence + row.split.distance + row.split.shape
            assert shares == pytest.approx(1.0)


def test_effects_hold_one_row_for_each_step_unit_and_scope(asked: Question):
    assert asked.effects is not None
    rows = list(
        zip(*(asked.effects[name] for name in ("step", "scope", "site", "unit")), strict=True)
    )
    assert len(rows) == len(set(rows)) == 3 * 11 * 2
    last = [row for row in asked.layers if (row.step, row.site, row.scope) == (LAST, "fc2", "each")]
    gains = [
        gain
        for row, gain in zip(rows, asked.effects["headroom"], strict=True)
        if row[:3] == (LAST, "each", "fc2")
    ]
    assert np.mean(gains) == pytest.approx(last[0].headroom, rel=1e-9)


def test_the_last_stage_equals_the_demons_of_the_trained_network(asked: Question):
    subject = trained()
    subject.model.double()
    subject = nd.Subject(
        subject.model, [(x.double(), y) for x, y in subject.batches], "cross_entropy"
    )
    subject.refresh()
    found = find(subject, settle_units(subject, "fc1"), Std(4), ("each",))["each"][0]
    (row,) = [r for r in asked.layers if (r.step, r.site, r.scope) == (LAST, "fc1", "each")]
    assert row.headroom == pytest.approx(found.headroom.mean(), rel=1e-9)
    assert row.influence == pytest.approx(np.abs(found.delta).mean(), rel=1e-9)
    share = float((judge_demons(found) == "CURVED").mean())
    assert row.verdicts.get("CURVED", 0.0) == pytest.approx(share)


def test_norms_on_the_training_examples_are_those_of_autograd(asked: Question):
    subject = trained()
    model = subject.model.double()
    inputs, targets = clouds(0)
    z = model[0](inputs.double()).detach().requires_grad_()
    costs = nn.functional.cross_entropy(model[1:](z), targets, reduction="none")
    (delta,) = torch.autograd.grad(costs.sum(), z)
    row = next(r for r in asked.layers if (r.step, r.site) == (LAST, "fc1"))
    assert row.norm_of_mean_trained == pytest.approx(float(delta.mean(0).norm()), rel=1e-9)
    assert row.mean_of_norms_trained == pytest.approx(float(delta.norm(dim=1).mean()), rel=1e-9)


def test_chosen_units_steps_and_scope_are_looked_at_alone(subject: nd.Subject):
    found = question(subject, "relu1[0:3]", steps=[3, 0], scopes=("each",), radius=nd.Std(2))
    assert [(row.step, row.site, row.n_units) for row in found.layers] == [
        (0, "relu1", 3), (3, "relu1", 3),
    ]  # fmt: skip
    assert "radius 2·std" in found.question
    assert unfounded(found) == set()


def test_a_stopped_run_goes_on_to_the_same_numbers(
    tmp_path: Path, subject: nd.Subject, asked: Question
):
    class StopError(Exception):
        """Stand in for Ctrl-C."""

    def stop_at_third(what: str, done: int, _total: int) -> None:
        if (what, done) == ("stages", 2):
            raise StopError

    with pytest.raises(StopError):
        question(subject, out=tmp_path / "q", progress=stop_at_third)
    half = nd.load(tmp_path / "q")
    assert isinstance(half, nd.Effects)
    assert set(half["step"]) == {0, 1}
    assert "2 of 3 parts" in half.notes[-1]
    begun: list[tuple[str, int, int]] = []
    whole = question(subject, out=tmp_path / "q", progress=lambda *said: begun.append(said))
    assert not {what for what, *_ in begun} & {"step 0", "step 1"}
    assert (whole.layers, whole.partings, whole.answer) == (
        asked.layers, asked.partings, asked.answer,
    )  # fmt: skip
    assert whole.notes == asked.notes
    again = nd.load(tmp_path / "q")
    assert isinstance(again, Question)
    assert str(again) == str(whole)
    assert again.effects.table.equals(whole.effects.table)


def test_a_finished_run_is_only_read_again(tmp_path: Path, subject: nd.Subject):
    first = question(subject, "fc1[0:2]", steps=[3], out=tmp_path)
    begun: list[str] = []
    second = question(subject, "fc1[0:2]", steps=[3], out=tmp_path, progress=lambda what, *_: begun.append(what))  # fmt: skip
    assert set(begun) == {"stages"}
    assert second.to_dict() == first.to_dict()


def test_the_folder_of_another_question_is_refused(tmp_path: Path, subject: nd.Subject):
    given = {"units": "fc1[0]", "steps": [3], "out": tmp_path}
    question(subject, **given)
    for other in ({"steps": [0]}, {"scopes": ("each",)}, {"radius": nd.Std(2)}):
        with pytest.raises(StoreError, match="holds another run"):
            question(subject, **{**given, **other})


def test_a_question_is_saved_and_loaded(tmp_path: Path, asked: Question):
    nd.save(asked, tmp_path / "q")
    loaded = nd.load(tmp_path / "q")
    assert isinstance(loaded, Question)
    assert loaded.to_dict() == asked.to_dict()
    assert loaded.effects.table.equals(asked.effects.table)


def test_ones_own_checkpoints_are_the_stages(tmp_path: Path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    for step, size in ((10, 1.0), (9, 2.0)):
        state = {name: size * value for name, value in model.state_dict().items()}
        save_file(state, tmp_path / f"at-{step}.safetensors")
    batches = [(torch.randn(6, 3), torch.randn(6, 1))]
    found = question(nd.Subject(model, batches, "squared_error"), checkpoints=tmp_path)
    assert found.steps == (9, 10)
    assert found.layers[0].norm_of_mean_trained is None
    assert unfounded(found) == set()


def test_a_metric_that_should_grow_keeps_its_sign():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    batches = [(torch.randn(6, 3), torch.randn(6, 1))]
    higher = nd.Subject(model, batches, lambda out, _: 3 - out[:, 0] ** 2, better="higher")
    lower = nd.Subject(model, batches, lambda out, _: out[:, 0] ** 2 - 3)
    ours, theirs = question(higher), question(lower)
    for one, two in zip(ours.layers, theirs.layers, strict=True):
        assert one.cost == pytest.approx(-two.cost)
        assert one.headroom == pytest.approx(two.headroom)
        assert one.verdicts == two.verdicts
        assert one.flatness == pytest.approx(two.flatness)


def test_a_toy_without_hidden_units_can_be_asked():
    found = question(nd.Subject(nn.Linear(2, 1), [(torch.ones(3, 2), torch.zeros(3, 1))], "quadratic"))  # fmt: skip
    assert unfounded(found) == set()
    assert "One stage only" in found.notes[0]


def test_bad_scopes_are_refused_and_one_alone_may_be_named(subject: nd.Subject):
    with pytest.raises(PerturbationError, match="scope is 'all'"):
        question(subject, scopes=("all",))
    with pytest.raises(SelectionError, match=r"scopes is (\(\)|\[\]); expected"):
        question(subject, scopes=())
    assert question(subject, "fc1[0]", steps=[0], scopes="each").layers[0].scope == "each"


def test_a_cost_that_overflows_everywhere_is_told():
    inputs = torch.tensor([[1.0], [-1.0]]).double()
    model = nn.Linear(1, 1).double()
    nn.init.ones_(model.weight)
    nn.init.zeros_(model.bias)
    steep = nd.Subject(model, [(inputs, inputs)], lambda out, _: (145 * out[:, 0].abs()).exp())
    found = question(steep, radius=nd.Absolute(4))
    assert found.layers == ()
    assert "cannot be answered" in found.answer[0]
    assert ":out at step 0, each: no finite number, so left out." in " ".join(found.notes)


def test_the_subject_is_untouched():
    subject = trained()
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    threads = torch.get_num_threads()
    question(subject, "fc1[0:2]", steps=[0, LAST])
    assert all(torch.equal(before[n], value) for n, value in subject.model.state_dict().items())
    assert next(subject.model.parameters()).dtype == torch.float32
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("scopes", [None, 5, ()])
def test_scopes_that_are_none_are_refused(scopes):
    with pytest.raises(SelectionError, match="scopes is"):
        _settle_scopes(scopes)


def test_steps_and_checkpoints_are_lists_or_left_out():
    _require_lists(steps=None, checkpoints="folder")
    _require_lists(steps=[0], checkpoints=Path("folder"))
    with pytest.raises(SelectionError, match="steps is 5; expected a list, or None"):
        _require_lists(steps=5)
