"""Audits with a budget: intervals for all, a bound on what was missed, kept and gone on with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.errors import BudgetError, StoreError
from neurodemon.jobs import racing
from neurodemon.jobs.reporting import report
from neurodemon.planner.sampling import PairRunner, Pairs
from neurodemon.store.reader import read_run
from neurodemon.terms.audits import AUDIT_COLUMNS
from neurodemon.terms.statuses import NOT_MEASURED

N_EXAMPLES = 120


def subject_of(model: nn.Module, cost: object = "cross_entropy", n_inputs: int = 6) -> nd.Subject:
    chance = torch.Generator().manual_seed(1)
    inputs = torch.randn(N_EXAMPLES, n_inputs, generator=chance, dtype=torch.float64)
    target = torch.randint(0, 4, (N_EXAMPLES,), generator=chance)
    halves = [(inputs[:70], target[:70]), (inputs[70:], target[70:])]
    return nd.Subject(model, halves, cost, name="small")


def deep(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(6, 60), nn.ReLU(), nn.Linear(60, 60), nn.ReLU(), nn.Linear(60, 4)
    ).double()


@pytest.fixture(scope="module")
def subject() -> nd.Subject:
    return subject_of(deep())


@pytest.fixture(scope="module")
def truth(subject: nd.Subject) -> nd.Audit:
    return nd.audit(subject)


@pytest.fixture(scope="module")
def found(subject: nd.Subject) -> nd.Audit:
    return nd.audit(subject, budget="40%", top=10, predictor="first_order")


def leaders(effects: nd.Effects, top: int) -> set[str]:
    return set(effects.top(top).spelled)


def test_the_top_is_that_of_the_whole_measurement(found: nd.Audit, truth: nd.Audit) -> None:
    assert leaders(found.effects, 10) == leaders(truth.effects, 10)
    assert found.certificate.kind == "clt"
    assert 0.8 <= found.certificate.recall_bound <= 1
    assert found.certificate.top == 10
    assert "assumes" in found.certificate.statement


def test_every_unit_has_an_interval_and_nearly_all_hold(found: nd.Audit, truth: nd.Audit) -> None:
    low, high = found.effects.array("low"), found.effects.array("high")
    assert np.isfinite(low).all()
    assert (low <= high).all()
    true = truth.effects.array("measured")
    assert np.mean((low - 1e-12 <= true) & (true <= high + 1e-12)) >= 0.9


def test_what_is_measured_whole_has_its_true_effect_and_no_width(
    found: nd.Audit, truth: nd.Audit
) -> None:
    exact = np.array(found.effects["evidence"]) == "exact"
    assert 10 <= exact.sum() < 120
    for column in ("measured", "low", "high"):
        np.testing.assert_allclose(
            found.effects.array(column)[exact], truth.effects.array("measured")[exact], atol=1e-13
        )
    assert set(found.effects.array("n_measured")[exact]) == {N_EXAMPLES}
    np.testing.assert_allclose(
        found.effects.array("se")[exact], truth.effects.array("se")[exact], atol=1e-13
    )


def test_what_is_sampled_was_measured_where_it_says(found: nd.Audit, truth: nd.Audit) -> None:
    measured, whole = found.effects.per_example, truth.effects.per_example
    has = np.isfinite(measured)
    np.testing.assert_allclose(measured[has], whole[has], atol=1e-13)
    assert has.sum(0).tolist() == found.effects["n_measured"]
    assert has.sum() == found.work.measurements <= found.work.budget == int(0.4 * 120 * 120)


def test_predictors_are_judged_on_the_random_units_alone(found: nd.Audit, truth: nd.Audit) -> None:
    chosen = np.array(found.effects["is_random"])
    pooled = next(row for row in found.agreement if row.site is None)
    assert pooled.n_units == chosen.sum() >= 19
    row = next(row for row in found.agreement if row.site is None and row.predictor == "link")
    link, true = (truth.effects.array(name)[chosen] for name in ("link", "measured"))
    assert row.pearson == pytest.approx(np.corrcoef(link, true)[0, 1])
    assert row.spearman_low <= row.spearman <= row.spearman_high


def test_the_same_seed_gives_the_same_audit_and_another_another(
    subject: nd.Subject, found: nd.Audit
) -> None:
    again = nd.audit(subject, budget="40%", top=10, predictor="first_order")
    other = nd.audit(subject, budget="40%", top=10, predictor="first_order", seed=1)
    assert again.effects.table.equals(found.effects.table)
    assert replace(again, effects=found.effects, work=found.work) == found
    assert not other.effects.table.equals(found.effects.table)


def test_budgets_of_a_share_and_of_as_many_pairs_are_the_same(subject: nd.Subject) -> None:
    share = nd.audit(subject, budget="25%", top=5)
    pairs = nd.audit(subject, budget=int(0.25 * 120 * 120), top=5)
    assert share.effects.table.equals(pairs.effects.table)


def test_a_budget_of_all_is_exact_whichever_way_it_is_said(
    subject: nd.Subject, truth: nd.Audit
) -> None:
    every = nd.audit(subject, budget=120 * 120)
    assert truth.certificate.kind == every.certificate.kind == "exact"
    assert every.certificate.recall_bound == 1
    assert every.work.stopped == "all measured"
    np.testing.assert_allclose(
        every.effects.array("measured"), truth.effects.array("measured"), atol=1e-13
    )
    assert set(AUDIT_COLUMNS) <= set(truth.effects.table.column_names)
    assert truth.effects["low"] == truth.effects["high"] == truth.effects["measured"]


def test_a_budget_far_too_small_proves_nothing_and_says_so(subject: nd.Subject) -> None:
    found = nd.audit(subject, budget=130, top=10)
    assert found.certificate.recall_bound == 0
    assert "Too few units" in found.certificate.assumes
    assert None in found.effects["low"]
    assert NOT_MEASURED in found.effects["status"]
    assert all("too few" in sentence for sentence in found.verdicts.values())


def test_ranks_of_too_few_random_units_are_no_answer(subject: nd.Subject) -> None:
    few = nd.audit(subject, budget=130, top=10)
    assert max(row.n_units for row in few.agreement if row.site is not None) < 8
    assert "too few units drawn at random" in few.answers[0]
    assert "Spearman" not in few.answers[0]


def test_a_top_of_all_units_is_told_to_say_nothing(subject: nd.Subject) -> None:
    found = nd.audit(subject, budget="40%", top=1000)
    assert "top is 1000 and there are 120 units" in found.effects.notes[-1]
    assert not any("top is" in note for note in nd.audit(subject, top=1000).effects.notes)


def test_a_budget_that_measures_nothing_is_refused(subject: nd.Subject) -> None:
    with pytest.raises(BudgetError, match=r"10 measurements .* finish no unit"):
        nd.audit(subject, budget=10, top=5)


def test_time_that_predicting_took_is_told(
    subject: nd.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurodemon.jobs.sampling.probe", lambda *_: 1)
    found = nd.audit(subject, budget="0.001s", top=5)
    assert found.work.measurements == 0
    assert "over before anything was measured" in found.effects.notes[-1]


def test_a_budget_of_time_ends_in_time(subject: nd.Subject) -> None:
    found = nd.audit(subject, budget="1s", top=5)
    assert found.work.seconds < 10  # with what a loaded machine adds
    assert found.work.stopped in {"bound met", "budget spent", "time spent", "all measured"}


def test_time_that_is_over_stops_between_two_rounds(
    subject: nd.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(racing, "probe", lambda *_: 10_000)
    monkeypatch.setattr("neurodemon.jobs.sampling.probe", lambda *_: 10_000)
    found = nd.audit(subject, budget="0.001s", top=5)
    assert found.work.stopped == "time spent"
    assert 0 < found.work.measurements < 10_000


def test_below_the_last_hidden_layer_the_certificate_needs_no_assumption() -> None:
    subject = subject_of(deep())
    found = nd.audit(subject, "3", budget="40%", top=5)  # linear_logits is the truth there
    assert found.certificate.kind == "eb"
    assert found.certificate.recall_bound == 1
    assert "range" in found.certificate.statement
    assert leaders(found.effects, 5) == leaders(nd.audit(subject, "3").effects, 5)


def test_a_weak_rigorous_bound_is_told_beside_the_other() -> None:
    found = nd.audit(subject_of(deep()), "3", budget="60%", top=5, predictor="first_order")
    assert found.certificate.kind == "clt"
    assert "What holds without any assumption is less" in found.certificate.statement


def test_other_costs_and_layers_have_no_rigorous_bound(subject: nd.Subject) -> None:
    found = nd.audit(subject, "1", budget="40%", top=5)
    assert found.certificate.kind == "clt"
    assert "without any assumption" not in found.certificate.statement


class Branching(nn.Module):
    """A model that torch cannot export: it branches on its numbers, example by example."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 30).double(), nn.Linear(30, 4).double()

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.fc1(x))
        if float(x.sum()) > 1e9:
            hidden = 2 * hidden
        return self.fc2(hidden)


def test_a_hooked_model_is_audited_within_its_budget() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(1, 6, dtype=torch.float64)
    batches = [
        (inputs + shift, torch.tensor([place % 4])) for place, shift in enumerate(range(-4, 4))
    ]
    subject = nd.Subject(Branching(), batches, "cross_entropy")
    found = nd.audit(subject, "fc1", budget="85%", top=3)
    assert set(found.effects["engine"]) == {"hooked"}
    assert found.work.measurements <= 0.85 * 30 * 8
    truth = nd.audit(subject, "fc1").effects.per_example
    has = np.isfinite(found.effects.per_example)
    np.testing.assert_allclose(found.effects.per_example[has], truth[has], atol=1e-13)


def test_an_example_that_is_padding_for_a_unit_is_neither_drawn_nor_counted() -> None:
    torch.manual_seed(0)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.fc = nn.Embedding(9, 12).double(), nn.Linear(12, 12).double()
            self.head = nn.Linear(12, 3).double()

        def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
            hidden = torch.relu(self.fc(self.embed(ids))) * attention_mask.unsqueeze(-1)
            return self.head(hidden.sum(1))

    ids = torch.randint(0, 9, (60, 3))
    mask = torch.ones(60, 3, dtype=torch.int64)
    mask[20:, 2] = 0
    batch = ({"ids": ids, "attention_mask": mask}, torch.randint(0, 3, (60,)))
    subject = nd.Subject(Reader(), [batch], "cross_entropy")
    found = nd.audit(subject, "fc[0:12]@2, fc[0:12]@0", budget="90%", top=4)
    at_last = np.array(found.effects["position"]) == 2
    assert set(found.effects.array("n_examples")[at_last]) == {20}
    assert set(found.effects.array("n_examples")[~at_last]) == {60}
    assert np.isnan(found.effects.per_example[20:, at_last]).all()
    truth = nd.audit(subject, "fc[0:12]@2, fc[0:12]@0")
    exact = np.array(found.effects["evidence"]) == "exact"
    np.testing.assert_allclose(
        found.effects.array("measured")[exact], truth.effects.array("measured")[exact], atol=1e-13
    )


def test_infinite_effects_are_as_the_whole_measurement_says() -> None:
    def cliff(output: Tensor, target: Tensor) -> Tensor:
        losses = nn.functional.cross_entropy(output, target, reduction="none")
        return torch.where(losses > 4.0, torch.inf, losses)

    subject = subject_of(deep(), cliff)
    found = nd.audit(subject, "1", nd.Add(60.0), budget="99%", top=3)
    truth = nd.measure(subject, "1", nd.Add(60.0))
    exact = np.array(found.effects["evidence"]) == "exact"
    infinite = np.isinf(truth.array("measured"))
    assert infinite.any()
    np.testing.assert_allclose(
        found.effects.array("measured")[exact], truth.array("measured")[exact], atol=1e-13
    )
    assert np.isinf(found.effects.array("measured")[infinite]).all()
    assert {found.effects["status"][place] for place in np.flatnonzero(infinite)} == {"non_finite"}
    assert set(found.effects.array("n_measured")[exact]) == {N_EXAMPLES}


def test_a_cost_that_only_looks_like_cross_entropy_gives_no_rigorous_bound() -> None:
    def alike(output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output, target, reduction="none")

    assert nd.audit(subject_of(deep(), alike), "3", budget="40%", top=5).certificate.kind == "clt"


def test_an_effect_that_is_no_number_is_told_and_leads_nothing() -> None:
    model = deep()
    subject = subject_of(model)
    found = nd.audit(subject, "1", nd.Set(1e308), budget="60%", top=5)
    assert "non_finite" in found.effects["status"]
    assert found.certificate.recall_bound >= 0


# Kept, interrupted, gone on with


def test_some_examples_without_a_change_do_not_say_that_a_unit_changes_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 60), nn.ReLU(), nn.Linear(60, 3)).double()
    with torch.no_grad():
        model[0].bias -= 1.5  # alive on few examples
    inputs = torch.randn(200, 6, dtype=torch.float64)
    dying = nd.Subject(model, [(inputs, inputs[:, :3].argmax(1))], "cross_entropy")
    found = nd.audit(dying, budget="30%", top=5, predictor="first_order").effects
    truth = nd.measure(dying)
    partial = (np.array(found["evidence"]) == "sampled") & (found.array("measured") != 0)
    assert partial.any()
    status = np.array(found["status"])
    assert set(status[np.array(found["evidence"]) == "sampled"]) == {"ok"}
    whole = np.array(found["evidence"]) == "exact"
    assert status[whole].tolist() == np.array(truth["status"])[whole].tolist()


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the user press Ctrl-C in a round."""
    rounds = 0
    run = PairRunner.run

    def interrupted(self: PairRunner, pairs: Pairs) -> object:
        nonlocal rounds
        rounds += 1
        if rounds > count:
            raise KeyboardInterrupt
        return run(self, pairs)

    monkeypatch.setattr(PairRunner, "run", interrupted)


def count_pairs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the pairs that are really run."""
    counted = [0]
    run = PairRunner.run

    def counting(self: PairRunner, pairs: Pairs) -> object:
        counted[0] += len(pairs)
        return run(self, pairs)

    monkeypatch.setattr(PairRunner, "run", counting)
    return lambda: counted[0]


def test_interrupted_before_the_first_round_nothing_is_kept(
    subject: nd.Subject, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(0, patch)
        with pytest.raises(KeyboardInterrupt):
            nd.audit(subject, budget="40%", out=tmp_path / "run")
    with pytest.raises(StoreError, match="No part of the run"):
        nd.load(tmp_path / "run")


@pytest.mark.parametrize("rounds", [1, 3])
def test_interrupted_and_gone_on_with_is_as_undisturbed(
    rounds: int, subject: nd.Subject, found: nd.Audit, tmp_path: Path
) -> None:
    options = {"budget": "40%", "top": 10, "predictor": "first_order", "out": tmp_path / "run"}
    with pytest.MonkeyPatch.context() as patch:
        stop_after(rounds, patch)
        with pytest.raises(KeyboardInterrupt):
            nd.audit(subject, **options)
    kept = nd.load(tmp_path / "run")
    assert isinstance(kept, nd.Effects)
    n_measured = np.array(kept["n_measured"]).sum()
    assert n_measured > 0
    assert f"stopped after {n_measured:,} measurements" in kept.notes[-1]
    assert kept.manifest is not None
    assert kept.manifest.allowed is not None
    assert kept.manifest.allowed["budget"] == "40%"
    page = report(tmp_path / "run").path.read_text("utf-8")
    assert "--budget=40%" in page
    assert "--sampling-seed=0" in page
    with pytest.MonkeyPatch.context() as patch:
        ran = count_pairs(patch)
        again = nd.audit(subject, **options)
        assert ran() == found.work.measurements - n_measured
    assert again.effects.table.equals(found.effects.table)
    np.testing.assert_array_equal(again.effects.per_example, found.effects.per_example)
    loaded = nd.load(tmp_path / "run")
    assert isinstance(loaded, nd.Audit)
    assert loaded.effects.table.equals(found.effects.table)
    assert loaded.certificate == found.certificate
    assert read_run(tmp_path / "run").is_complete


def test_a_damaged_round_is_measured_again(
    subject: nd.Subject, found: nd.Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"budget": "40%", "top": 10, "predictor": "first_order", "out": tmp_path / "run"}
    nd.audit(subject, **options)
    (tmp_path / "run" / "rounds" / "round-00001.parquet").write_bytes(b"damaged")
    ran = count_pairs(monkeypatch)
    assert nd.audit(subject, **options).effects.table.equals(found.effects.table)
    assert 0 < ran() < found.work.measurements


def test_another_budget_in_the_same_folder_is_refused(subject: nd.Subject, tmp_path: Path) -> None:
    nd.audit(subject, budget=200, out=tmp_path / "run")
    with pytest.raises(StoreError, match=r"another run: .*\(budget is '200', now it is '300'\)"):
        nd.audit(subject, budget=300, out=tmp_path / "run")


def test_progress_is_told_up_to_the_budget(subject: nd.Subject) -> None:
    told: list[tuple[str, int, int]] = []
    nd.audit(subject, budget=2000, top=5, progress=lambda *step: told.append(step))
    measured = [step for step in told if step[0] == "measure"]
    assert measured[0] == ("measure", 0, 2000)
    assert measured[-1] == ("measure", 2000, 2000)
    assert [done for _, done, _ in measured] == sorted(done for _, done, _ in measured)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": "ten"}, "budget is 'ten'; expected"),
        ({"budget": "0%"}, "budget is '0%'"),
        ({"budget": -3}, "budget is -3"),
        ({"budget": "0.1"}, "A share ends in %"),
        ({"budget": "10%", "top": 0}, "top is 0; expected a whole number"),
        ({"budget": "10%", "recall": 1.5}, "recall is 1.5; expected a share"),
        ({"budget": "10%", "confidence": 1.0}, "confidence is 1"),
        ({"budget": "10%", "seed": -1}, "seed is -1"),
    ],
)
def test_what_an_audit_cannot_reach_is_refused(
    options: dict[str, object], message: str, subject: nd.Subject
) -> None:
    with pytest.raises(BudgetError, match=message):
        nd.audit(subject, **options)


def test_the_metric_is_called_one_where_more_is_better() -> None:
    made = subject_of(deep())
    metric = nd.Subject(made.model, made.batches, "cross_entropy", better="higher")
    assert "to the metric of" in nd.audit(metric, "3").question
