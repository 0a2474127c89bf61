"""The exploding chain and eq. 123's bound."""

import numpy as np
import pytest

from neurodemon.book.backprop import backpropagate
from neurodemon.book.chain import follow_chain, make_chain, width_bound
from neurodemon.book.network import sigmoid_slope
from neurodemon.errors import SubjectError


def test_all_figures_are_the_books():
    figures = follow_chain().figures
    assert len(figures) == 7
    assert [figure for figure in figures if not figure.agrees] == []


def test_each_step_back_multiplies_delta_by_the_weight_and_the_slope():
    delta = [layer[0, 0] for layer in backpropagate(make_chain(8.0, 6)).delta]
    np.testing.assert_allclose(np.array(delta[:-1]) / delta[1:], 8.0 * 0.25, rtol=1e-14)


def test_with_a_weight_of_1_delta_vanishes_instead():
    delta = [layer[0, 0] for layer in backpropagate(make_chain(1.0)).delta]
    assert delta == pytest.approx([0.125 / 64, 0.125 / 16, 0.125 / 4, 0.125], rel=1e-14)


@pytest.mark.parametrize("weight", [4.5, 6.894, 30.0])
def test_the_bound_is_the_width_where_the_product_is_one_or_above(weight: float):
    z = np.linspace(-10, 10, 2_000_001)
    is_above = weight * sigmoid_slope(z) >= 1
    width = (z[is_above].max() - z[is_above].min()) / weight
    assert width_bound(np.array([weight]))[0] == pytest.approx(width, abs=1e-5)


def test_a_chain_without_a_neuron_is_refused():
    with pytest.raises(SubjectError, match="A chain of 0 neurons was asked for"):
        make_chain(100.0, 0)
