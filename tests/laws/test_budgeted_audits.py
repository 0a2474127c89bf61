"""Acceptance A13 of theory.md on one small trained network; in tests/long on four."""

import numpy as np
import pytest
from oracles import top_ten

NET = ("relu", 0, 5)


@pytest.fixture(scope="module")
def runs() -> list[top_ten.Run]:
    """Two audits that differ in what is drawn at random."""
    return [top_ten.run(NET, seed) for seed in range(2)]


def test_a13_a_fifth_of_the_measurements_finds_the_exact_top_ten(runs: list[top_ten.Run]) -> None:
    assert [run.missed for run in runs] == [0, 0]
    assert max(run.cost for run in runs) <= top_ten.MOST


def test_certificates_hold(runs: list[top_ten.Run]) -> None:
    assert all(run.missed <= run.allowed for run in runs)


def test_certificates_say_so(runs: list[top_ten.Run]) -> None:
    assert max(run.allowed for run in runs) <= 1


def test_intervals_hold_as_often_as_they_say(runs: list[top_ten.Run]) -> None:
    assert np.mean([run.covered for run in runs]) >= 0.93


def test_a13_first_order_alone_does_not_find_the_top_ten() -> None:
    """Negative control: what is measured decides."""
    predicted = top_ten.first_order(NET)
    assert top_ten.leaders(predicted) != top_ten.leaders(top_ten.exact(*NET))
