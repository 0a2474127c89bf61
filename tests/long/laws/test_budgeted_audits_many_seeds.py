"""Acceptance A13 of theory.md: four small trained networks, twelve audits of each."""

import numpy as np
import pytest
from oracles import top_ten

NETS = [("relu", 0, 5), ("relu", 1, 5), ("relu", 0, 40), ("tanh", 0, 40)]
SEEDS = range(12)


@pytest.fixture(scope="module")
def runs() -> list[top_ten.Run]:
    return [top_ten.run(net, seed) for net in NETS for seed in SEEDS]


def test_a13_the_exact_top_ten_in_95_percent_of_runs(runs):
    assert np.mean([run.is_right for run in runs]) >= top_ten.LEAST_RIGHT


def test_a13_at_a_fifth_of_the_cost(runs):
    assert max(run.cost for run in runs) <= top_ten.MOST


def test_certificates_hold_in_95_percent_of_runs(runs):
    assert np.mean([run.missed <= run.allowed for run in runs]) >= 0.95


def test_certificates_are_worth_something(runs):
    assert np.mean([run.allowed for run in runs]) <= 1


def test_intervals_hold_as_often_as_they_say(runs):
    assert np.mean([run.covered for run in runs]) >= 0.94
