"""Figures: ours agrees where it rounds to the book's, or lies in the range."""

import pytest

from neurodemon.book.figures import Figure, as_printed, at_least


@pytest.mark.parametrize(
    ("ours", "agrees"), [(0.1234, True), (0.1235, True), (0.12351, False), (0.12249, False)]
)
def test_ours_agrees_if_it_rounds_to_what_is_printed(ours: float, *, agrees: bool):
    assert as_printed("a", ours, 0.123, decimals=3).agrees is agrees


@pytest.mark.parametrize(("ours", "agrees"), [(1.9, False), (2.0, True), (1e9, True)])
def test_a_bound_from_below_has_no_top(ours: float, *, agrees: bool):
    figure = at_least("a", ours, 2.0)
    assert figure.agrees is agrees
    assert figure.book is None


@pytest.mark.parametrize(("ours", "agrees"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False)])
def test_a_range_has_two_ends(ours: float, *, agrees: bool):
    assert Figure("a", ours, None, 1.0, 2.0).agrees is agrees


def test_what_is_not_a_number_agrees_with_nothing():
    assert not at_least("a", float("nan"), 0.0).agrees
