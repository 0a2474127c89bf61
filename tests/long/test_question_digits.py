"""The whole question of digits: its numbers lie where theory.md has them, in under 3 minutes."""

import json
import os
import subprocess
import sys
import time

import pytest
from oracles.layers import unfounded

from neurodemon.terms.questions import Question

LIMIT_SECONDS = 180  # on two cores, training included


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The command as users run it: how long it took, and what it found."""
    folder = tmp_path_factory.mktemp("digits")
    begun = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "neurodemon", "question", "digits", "--json"],
        env={**os.environ, "NEURODEMON_CACHE": str(folder)},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return time.perf_counter() - begun, json.loads(result.stdout)


@pytest.fixture(scope="module")
def asked(run) -> Question:
    fields = ("question", "answer", "layers", "partings", "steps", "notes")
    return Question.from_dict({name: run[1][name] for name in fields})


def at_end(asked: Question, scope: str):
    return [row for row in asked.layers if (row.step, row.scope) == (1260, scope)]


def test_it_takes_less_than_three_minutes(run):
    assert run[0] < LIMIT_SECONDS


def test_every_number_of_the_answer_stands_in_a_table(asked):
    assert unfounded(asked) == set()


def test_influence_ranks_the_gain_and_not_the_distance(asked):
    for row in at_end(asked, "each"):
        assert 0.7 < row.rank_gain < 0.95  # theory.md §0.4: .53–.81 on training images
        assert row.rank_distance < 0.65
        assert row.rank_gain_within < row.rank_gain


def test_the_law_forecasts_what_is_measured(asked):
    for row in at_end(asked, "each"):  # theory.md §1.6 and A8: within .12
        assert row.law.gain == pytest.approx(row.law.gain_measured, abs=0.12)
        assert row.law.distance == pytest.approx(row.law.distance_measured, abs=0.12)


def test_flat_near_the_optimum_is_a_local_truth(asked):
    for row in at_end(asked, "shared"):  # A11: > .95 and < .5
        assert row.flatness["0.25"] > 0.9
        assert row.flatness["4"] < 0.5


def test_training_silences_the_mean_on_its_own_examples(asked):
    for row in at_end(asked, "each"):
        assert row.norm_of_mean_trained < 0.05 * row.mean_of_norms_trained
        assert row.norm_of_mean > 0.05 * row.mean_of_norms  # not on others


def test_dead_units_are_the_false_negatives(asked):
    for row in at_end(asked, "each"):  # theory.md E1: .10–.41 of the top 5 %, on training images
        assert 0.01 < row.false_negatives < 0.41
    causes = [one.cause for one in asked.partings if one.step == 1260]
    assert causes.count("dead here") > len(causes) / 2


def test_the_output_keeps_its_units_and_the_cost_lets_go(asked):
    for before in asked.layers[:4]:
        (after,) = [row for row in at_end(asked, before.scope) if row.site == before.site]
        assert after.unit_slope > before.unit_slope
        assert after.output_slope < 0.1 * before.output_slope
