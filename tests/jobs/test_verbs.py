"""The verbs on one small subject: what they return, keep, and go on with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurodemon.errors import StoreError
from neurodemon.jobs import measuring
from neurodemon.jobs.auditing import audit
from neurodemon.jobs.keeping import load, save
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.predicting import delta, predict
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import DISTANCES, kink, saturated
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Add, Mean, Noise, Patch, Resample, Zero
from neurodemon.terms.radii import Std


def data(seed: int = 0, count: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 5, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, 3, (count,), generator=generator)


def subject_of(**options: object) -> Subject:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Linear(5, 70), nn.ReLU(), nn.Linear(70, 6), nn.Tanh(), nn.Linear(6, 3)
        ).double()
    inputs, target = data()
    halves = [(inputs[:8], target[:8]), (inputs[8:], target[8:])]
    return Subject(model, halves, "cross_entropy", name="small", seed=3, **options)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subject_of()


def test_measure_gives_a_row_per_unit_with_all_columns(subject: Subject) -> None:
    effects = measure(subject)
    assert len(effects) == 76
    assert effects.per_example is not None
    assert effects.per_example.shape == (12, 76)
    np.testing.assert_allclose(effects.array("measured"), effects.per_example.mean(0))
    se = effects.per_example.std(0, ddof=1) / np.sqrt(12)
    np.testing.assert_allclose(effects.array("se"), se, atol=1e-15)
    assert effects["predicted"] == [None] * 76
    assert effects.manifest is not None
    assert effects.manifest.seed == 3
    assert effects.manifest.dtype == "float64"


def test_several_batches_equal_one_batch(subject: Subject) -> None:
    inputs, target = data()
    one = Subject(subject.model, [(inputs, target)], "cross_entropy")
    for perturbation in (Zero(), Mean(), Add(Std(1)), Resample(1)):
        np.testing.assert_allclose(
            measure(subject, "3", perturbation).per_example,
            measure(one, "3", perturbation).per_example,
            atol=1e-13,
        )


def test_predict_fills_in_predictions_alone(subject: Subject) -> None:
    effects = predict(subject, "3")
    assert effects["predictor"] == ["linear_logits"] * 6
    assert effects["measured"] == [None] * 6
    truth = measure(subject, "3").array("measured")
    np.testing.assert_allclose(effects.array("predicted"), truth, atol=1e-14)


def test_delta_is_the_gradient_of_the_cost(subject: Subject) -> None:
    inputs, target = data()
    hidden = subject.model[1](subject.model[0](inputs)).detach().requires_grad_()
    cost = nn.functional.cross_entropy(subject.model[2:](hidden), target, reduction="sum")
    (expected,) = torch.autograd.grad(cost, hidden)
    torch.testing.assert_close(delta(subject, "1"), expected)


def test_audit_compares_all_predictors_with_all_measurements(subject: Subject) -> None:
    found = audit(subject)
    names = ("tangent", "first_order", "link", "linear_logits")
    assert {row.predictor for row in found.agreement} == set(names)
    assert {row.site for row in found.agreement} == {"1", "3", None}
    for name in names:
        np.testing.assert_allclose(
            found.effects.array(name), predict(subject, predictor=name).array("predicted")
        )
    gap = found.effects.array("measured") - found.effects.array("predicted")
    np.testing.assert_allclose(found.effects.array("gap"), gap)
    assert found.certificate.kind == "exact"
    assert found.work.measurements == 76 * 12
    assert set(found.verdicts) == {"1", "3"}


def test_the_answers_hold_the_numbers_of_the_toys(subject: Subject) -> None:
    text = " ".join(audit(subject, "3").answers)
    assert "promised -0.0173, really -0.0285" in text
    assert "5.15 times as much" in text
    assert "8 times the error" in text


def test_answers_of_a_metric_name_the_unit_whose_loss_lowers_it(subject: Subject) -> None:
    metric = Subject(
        subject.model, [data()], lambda o, t: o.gather(1, t[:, None])[:, 0], better="higher"
    )
    found = audit(metric, "3")
    lowest = int(np.argmin(found.effects.array("measured")))
    assert f"makes the metric worst at 3[{lowest}]" in found.answers[-1]


@pytest.mark.parametrize(
    ("start", "at_one", "at_four"), [((0.6, 0.9), 1.152, 0.679), ((2.0, 2.0), 1.642, 5.148)]
)
def test_the_saturated_neuron_is_the_book_s(
    start: tuple[float, float], at_one: float, at_four: float
) -> None:
    neuron = saturated(*start)
    for step, ratio in ((-1.0, at_one), (-4.0, at_four)):
        done = measure(neuron, "fc", Add(step)).array("measured")[0]
        promised = predict(neuron, "fc", Add(step), predictor="tangent").array("predicted")[0]
        assert done / promised == pytest.approx(ratio, abs=6e-4)


def test_the_kink_has_slope_one_at_any_distance() -> None:
    assert delta(kink(*DISTANCES), "fc").flatten().tolist() == [1.0] * 4


def test_a_run_that_is_interrupted_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "units_for", lambda _, **__: 16)
    whole = audit(subject_of(), out=tmp_path / "whole")

    def stop(what: str, done: int, _total: int) -> None:
        if what == "measure" and done >= 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(subject_of(), out=tmp_path / "run", progress=stop)
    partly = load(tmp_path / "run")
    assert isinstance(partly, Effects)
    assert len(partly) == 32
    again: list[int] = []
    resumed = audit(
        subject_of(), out=tmp_path / "run", progress=lambda _, done, __: again.append(done)
    )
    assert resumed.effects.table.equals(whole.effects.table)
    assert isinstance(load(tmp_path / "run"), Audit)


def test_another_plan_in_the_same_folder_is_refused(tmp_path: Path, subject: Subject) -> None:
    measure(subject, "3", out=tmp_path / "run")
    with pytest.raises(StoreError, match="plan"):
        measure(subject, "3", Add(1), out=tmp_path / "run")
    with pytest.raises(StoreError, match="plan"):
        measure(subject, "3", Add(1 + 1e-9), out=tmp_path / "run")


def test_other_weights_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    subject = subject_of()
    measure(subject, "3", out=tmp_path / "run")
    with torch.no_grad():
        subject.model[4].bias += 1
    with pytest.raises(StoreError, match="weights"):
        measure(subject, "3", out=tmp_path / "run")


def test_results_are_saved_and_loaded(tmp_path: Path, subject: Subject) -> None:
    found = audit(subject, "3")
    save(found, tmp_path / "audit")
    back = load(tmp_path / "audit")
    assert isinstance(back, Audit)
    assert back.answers == found.answers
    assert back.effects.table.equals(found.effects.table)


def test_changed_weights_are_noticed_however_they_change() -> None:
    own = subject_of()
    before = measure(own, "3").array("measured")
    own.model[4].weight.data.mul_(2)  # leaves no trace in the version counter
    assert not np.allclose(measure(own, "3").array("measured"), before)


def test_changed_batches_are_noticed() -> None:
    inputs, target = data()
    own = Subject(subject_of().model, [(inputs, target)], "cross_entropy")
    before = measure(own, "3").array("measured")
    inputs.mul_(2)
    assert not np.allclose(measure(own, "3").array("measured"), before)


def test_nothing_is_captured_twice_while_nothing_changes(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(subject, "3")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("captured again")

    monkeypatch.setattr("neurodemon.subjects.subject.capture", refuse)
    predict(subject, "1")
    measure(subject, "1[3]")


def test_noise_depends_on_its_seed_alone(subject: Subject) -> None:
    first = measure(subject, "3", Noise(0.1, seed=1)).per_example
    np.testing.assert_array_equal(first, measure(subject, "3", Noise(0.1, seed=1)).per_example)
    assert not np.array_equal(first, measure(subject, "3", Noise(0.1, seed=2)).per_example)


def test_resampling_never_gives_an_example_its_own_value() -> None:
    inputs = torch.arange(7.0)[:, None]
    own = Subject(nn.Identity(), [(inputs[:3], None), (inputs[3:], None)], lambda o, _: o.sum(1))
    for seed in range(5):
        changes = measure(own, ":in", Resample(seed)).per_example
        assert changes is not None
        assert (changes != 0).all()
        assert sorted((inputs[:, 0].double().numpy() + changes[:, 0]).tolist()) == list(range(7))


def test_patching_with_the_same_inputs_changes_nothing(subject: Subject) -> None:
    same = Patch([(batch[0].clone(), None) for batch in subject.batches])
    assert set(measure(subject, "3", same)["status"]) == {"no_change"}


def test_constant_units_take_the_site_s_std_and_it_is_said() -> None:
    inputs = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    own = Subject(nn.Identity(), [(inputs, None)], lambda o, _: o.sum(1))
    found = measure(own, ":in", Add(Std(1)))
    assert found.array("measured") == pytest.approx([0.75**0.5, 1.0])
    assert "1 unit of ':in' without spread" in found.notes[0]
