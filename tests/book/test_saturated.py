"""The saturated neuron: each of the book's figures, and the worse one has the smaller "error"."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from neurodemon.book.backprop import backpropagate
from neurodemon.book.saturated import BOOK, STARTS, learn, make_neuron, rank_correlation


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_all_figures_are_the_books(start: tuple[float, float]):
    figures = learn(start).figures
    assert len(figures) == len(BOOK[start])
    assert [figure for figure in figures if not figure.agrees] == []


def test_another_start_does_not_have_the_books_figures(monkeypatch: pytest.MonkeyPatch):
    other = (2.0, 2.001)
    monkeypatch.setitem(BOOK, other, BOOK[2.0, 2.0])
    wrong = [figure.name for figure in learn(other).figures if not figure.agrees]
    assert "δ at step 0" in wrong
    assert "a at step 300" in wrong


def test_a_start_that_the_book_has_not_comes_without_figures():
    found = learn((0.0, 0.0))
    assert found.figures == ()
    assert found.a[0] == 0.5


def test_the_worse_neuron_has_the_smaller_delta():
    better, worse = (learn(start) for start in STARTS)
    assert worse.cost[0] > better.cost[0]
    assert worse.delta[0] < better.delta[0] / 7


def test_delta_is_largest_where_a_is_two_thirds():
    a = np.array([0.66, 2 / 3, 0.67])
    z = np.log(a / (1 - a))
    delta = [backpropagate(make_neuron(float(one), 0.0)).delta[0][0, 0] for one in z]
    assert delta[1] == pytest.approx(4 / 27, rel=1e-14)
    assert delta[1] > max(delta[0], delta[2])


def test_the_rank_correlation_is_scipys_with_ties():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200)).round(1)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
