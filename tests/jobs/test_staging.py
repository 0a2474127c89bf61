"""Stages: copies in float64 where the model runs in it, the user's own model untouched."""

import copy
from pathlib import Path

import pytest
import torch
from oracles.small_training import LAST, trained
from safetensors.torch import save_file
from torch import Tensor, nn

from neurodemon.errors import SubjectError
from neurodemon.jobs.staging import precise, stage, to_precision_of
from neurodemon.subjects.subject import Subject


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def mine(model: nn.Module) -> Subject:
    return Subject(model, [(torch.ones(4, 3), torch.zeros(4, 2))], "squared_error", better="lower")


def test_a_built_in_subject_has_its_training_as_stages():
    subject, notes = trained(), []
    staging = stage(subject, None, None, note=notes.append)
    assert staging.steps == (0, 1, LAST)
    costs = {}
    for step, one in staging.subjects(staging.steps, quiet):
        costs[step] = float(torch.cat([record.cost for record in one.recordings()]).mean())
        assert one.batches[0][0].dtype == torch.float64
        assert (one.name, one.seed) == (subject.name, subject.seed)
    assert costs[0] > costs[LAST]
    assert notes == ["Computed in float64, on copies of the model (float32)."] * 3


def test_the_last_stage_has_the_subjects_own_costs():
    subject = trained()
    staging = stage(subject, [LAST], None, note=lambda _: None)
    ((_, last),) = staging.subjects((LAST,), quiet)
    ours, theirs = (torch.cat([r.cost for r in one.recordings()]) for one in (last, subject))
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-5, atol=1e-6)  # float32's rounding


def test_weights_that_were_changed_since_are_told():
    subject, notes = trained(), []
    with torch.no_grad():
        subject.model[0].bias += 1.0
    staging = stage(subject, None, None, note=notes.append)
    list(staging.subjects(staging.steps, quiet))
    assert "clouds's weights were changed since its training" in notes[-2]
    untouched, notes = trained(), []
    staging = stage(untouched, None, None, note=notes.append)
    list(staging.subjects(staging.steps, quiet))
    assert not any("changed" in text for text in notes)


def test_nothing_is_trained_where_no_step_is_left():
    staging = stage(trained(), None, None, note=lambda _: None)
    assert list(staging.subjects((), quiet)) == []


def test_a_subject_without_a_training_has_one_stage_which_is_told():
    notes: list[str] = []
    staging = stage(mine(nn.Linear(3, 2)), None, None, note=notes.append)
    assert staging.steps == (0,)
    assert "One stage only" in notes[0]
    with pytest.raises(SubjectError, match="how this subject was trained is not known"):
        stage(mine(nn.Linear(3, 2)), [0, 5], None, note=notes.append)


def test_checkpoints_come_before_the_training_of_a_built_in_subject(tmp_path: Path):
    subject = trained()
    save_file(subject.model.state_dict(), tmp_path / "step-7.safetensors")
    staging = stage(subject, None, tmp_path, note=lambda _: None)
    assert staging.steps == (7,)


def test_the_users_model_and_batches_stay_as_they_are():
    subject = trained()
    before = copy.deepcopy(subject.model.state_dict())
    staging = stage(subject, None, None, note=lambda _: None)
    list(staging.subjects(staging.steps, quiet))
    assert all(torch.equal(before[n], value) for n, value in subject.model.state_dict().items())
    assert subject.batches[0][0].dtype == torch.float32
    assert all(weight.grad is None for weight in subject.model.parameters())


class Single(nn.Module):
    """Computes in float32, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x.float(), self.fc.weight.float(), self.fc.bias.float())

    @staticmethod
    def cost(output: Tensor, _target: Tensor) -> Tensor:
        return output.square().sum(1)


class Strict(Single):
    """Cannot run in float64 at all."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.float())


@pytest.mark.parametrize("model", [Single(), Strict()])
def test_a_model_that_does_not_run_in_float64_keeps_its_own_dtype(model: nn.Module):
    notes: list[str] = []
    subject = Subject(model, [(torch.ones(4, 3), torch.zeros(4, 2))], Single.cost)
    made = precise(subject, copy.deepcopy(model), notes.append)
    assert made.batches[0][0].dtype == torch.float32
    assert "Computed in float32, as the model does not run in float64 here" in notes[0]


def test_a_model_in_float64_needs_no_note():
    notes: list[str] = []
    model = nn.Linear(3, 2).double()
    subject = Subject(
        model, [(torch.ones(4, 3).double(), torch.zeros(4, 2).double())], "squared_error"
    )
    assert precise(subject, model, notes.append).model is model
    assert notes == []


def test_further_batches_are_brought_to_the_precision_of_the_stage():
    subject = trained()
    inputs, target = to_precision_of(subject, (torch.ones(2, 4), torch.zeros(2).long()))
    assert (inputs.dtype, target.dtype) == (torch.float32, torch.int64)
    double = precise(subject, subject.model, lambda _: None)
    inputs, target = to_precision_of(double, (torch.ones(2, 4), torch.zeros(2).long()))
    assert (inputs.dtype, target.dtype) == (torch.float64, torch.int64)


class Uncopyable(nn.Linear):
    """Holds a tensor that autograd made, which cannot be copied."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.made = self.weight * 2


def test_a_model_that_cannot_be_copied_is_read_as_it_is():
    model = Uncopyable()
    staging = stage(mine(model), None, None, note=lambda _: None)
    ((step, one),) = staging.subjects((0,), quiet)
    assert step == 0
    assert one.model is model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_dtype_that_was_asked_for_is_that_of_all_stages(dtype: torch.dtype):
    subject, notes = trained().in_dtype(dtype), []
    staging = stage(subject, None, None, note=notes.append)
    for _, one in staging.subjects(staging.steps, quiet):
        assert one.recording(0).cost.dtype == dtype
    told = str(dtype).removeprefix("torch.")
    assert notes == [f"Computed in {told}, as asked."] * 3  # the weights count as unchanged
