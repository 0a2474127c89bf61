"""Audits with a budget on the command line: screen, JSON, Ctrl-C, and what is refused."""

import numpy as np
import pytest

from neurodemon.jobs import racing


@pytest.fixture
def seen(monkeypatch):
    """What `nd.audit` is called with."""
    kept = {}

    def audit(*_, **options):
        kept.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("neurodemon.jobs.auditing.audit", audit)
    return kept


def test_the_screen_shows_intervals_evidence_and_the_certificate(run, my_file):
    result = run("audit", f"{my_file}:wide", "--budget", "40%", "--top", "5", "--out", "runs/a")
    assert result.exit_code == 0
    head = next(line for line in result.stdout.splitlines() if line.startswith("unit"))
    assert head.split() == ["unit", "predicted", "measured", "low", "high", "evidence", "status"]
    wanted = [
        "… 125 more; --top 130 shows all.",
        "predicted: by linear_logits. measured: with evidence exact, on all",
        "With 95 % confidence the 5 units found hold at least",
        "of all 650 by the arithmetic of",
        "Stopped: ",
    ]
    places = [result.stdout.find(text) for text in wanted]
    assert -1 not in places
    assert places == sorted(places)
    assert run("show", "runs/a", "--top", "5").stdout.endswith(
        result.stdout[result.stdout.index("What does") : result.stdout.index("\nSaved in")]
    )


def test_json_has_the_bound_and_the_columns_of_an_audit(run_json, my_file):
    found = run_json("audit", f"{my_file}:wide", "--budget", "200", "--sampling-seed", "3")
    assert 0 <= found["certificate"]["recall_bound"] <= 1
    assert found["work"]["measurements"] <= 200 == found["work"]["budget"]
    assert found["seed"] == 3
    row = found["effects"][0]
    assert {"low", "high", "evidence", "n_measured", "is_random"} <= row.keys()


def test_leaders_that_were_predicted_small_are_named(run, tmp_path):
    (tmp_path / "one.py").write_text(
        """
import torch
from torch import nn
import neurodemon as nd

def subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 40), nn.Tanh(), nn.Linear(40, 1)).double()
    inputs = torch.randn(60, 4).double()
    with torch.no_grad():
        model[2].weight[0, 39] = 5.0
        target = model(inputs)  # fitted: no slope is left anywhere
    return nd.Subject(model, [(inputs, target)], "squared_error")
""",
        "utf-8",
    )
    result = run("audit", f"{tmp_path / 'one.py'}:subject", "--predictor", "first_order")
    assert "Large, and predicted small: 1[39] (" in result.stdout
    assert "saturation" in result.stdout


def test_the_options_reach_the_audit(run, my_file, seen):
    run("audit", f"{my_file}:wide", "--budget", "1h", "--top", "7", "--recall", "0.9",
        "--confidence", "0.8", "--sampling-seed", "4")  # fmt: skip
    assert str(seen["budget"]) == "3600s"
    assert (seen["top"], seen["recall"], seen["confidence"], seen["seed"]) == (7, 0.9, 0.8, 4)


def test_left_out_all_is_measured_and_fifty_leaders_are_looked_for(run, my_file, seen):
    run("audit", f"{my_file}:wide")
    assert seen["budget"].is_all
    assert (seen["top"], seen["seed"]) == (50, 0)


def test_the_seed_of_the_subject_draws_too_unless_another_is_given(run, seen, monkeypatch):
    monkeypatch.setattr("neurodemon.cli.opening.load_subject", lambda *_, **__: object())
    monkeypatch.setattr("neurodemon.cli.opening.open_subject", lambda *_, **__: object())
    run("audit", "digits", "--seed", "5")
    assert seen["seed"] == 5


def test_a_budget_that_does_not_read_is_refused_before_any_work(run, my_file, seen):
    result = run("audit", f"{my_file}:wide", "--budget", "a lot")
    assert result.exit_code == 1
    assert "budget is 'a lot'; expected" in result.stderr
    assert seen == {}


def test_an_interrupted_audit_keeps_its_rounds_and_goes_on(run, run_json, my_file, monkeypatch):
    command = ("audit", f"{my_file}:wide", "--budget", "60%", "--top", "5", "--out", "runs/a")
    whole = run_json(*command[:-2])
    write, count = racing.write_round, []

    def stopping(*given):
        write(*given)
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(racing, "write_round", stopping)
    result = run(*command)
    assert result.exit_code == 130
    assert "what was measured up to the last round is in runs/a" in result.stderr
    shown = run("show", "runs/a").stdout
    assert "This run is not complete: it was stopped" in shown
    monkeypatch.setattr(racing, "write_round", write)
    again = run_json(*command)
    for column in ("measured", "low", "high"):
        np.testing.assert_array_equal(
            [row[column] for row in again["effects"]], [row[column] for row in whole["effects"]]
        )
