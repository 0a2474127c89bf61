"""Scales: every number finds its place, and the marks do not touch."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from neurodemon.report.figures.scales import (
    is_crowd,
    point_area,
    positive,
    set_decades,
    set_log_height,
    set_steps,
    set_symmetric_log_height,
)


@pytest.fixture
def axes():
    return Figure().add_subplot()


def marks_of(axis):
    """Take the places of an axis and what is written there."""
    places = axis.get_major_locator()()
    return dict(zip(places, axis.get_major_formatter().format_ticks(places), strict=True))


def test_zero_and_two_decades_on_each_side_are_marked(axes):
    set_decades(axes.xaxis, 1e-4, 1.6)
    assert marks_of(axes.xaxis) == {
        0.0: "0", 1.0: "$1$", 1e-2: "$10^{-2}$", -1.0: "$-1$", -1e-2: "$-10^{-2}$",
    }  # fmt: skip


def test_marks_that_would_touch_are_left_out(axes):
    set_decades(axes.xaxis, 1e-3, 0.5)
    assert list(marks_of(axes.xaxis)) == [0.0, 0.1, -0.1]


def test_a_range_within_one_decade_has_one_mark_a_side(axes):
    set_decades(axes.xaxis, 0.1, 0.5)
    assert list(marks_of(axes.xaxis)) == [0.0, 0.1, -0.1]


@pytest.mark.parametrize(("values", "low", "high"), [([1.0], -0.5, 1.6), ([-1.0], -1.6, 0.5)])
def test_a_side_without_numbers_is_left_out(axes, values, low, high):
    set_symmetric_log_height(axes, np.array(values))
    assert axes.get_ylim() == pytest.approx((low, high))


def test_a_logarithm_shows_what_is_above_zero():
    seen = positive(np.array([1.0, 0.0, -1.0, np.inf, np.nan, 1e-200, 1e200]))
    np.testing.assert_array_equal(seen, [1, *[np.nan] * 6])


@pytest.mark.parametrize("values", [[0.1] * 3, [1e-9, 5.0], [0.0, np.nan]])
def test_a_logarithmic_height_takes_equal_and_missing_numbers(axes, values):
    set_log_height(axes, np.array(values))
    low, high = axes.get_ylim()
    assert all(low < value < high for value in values if value > 0)


@pytest.mark.parametrize(
    ("steps", "scale"), [([0, 1, 2], "linear"), ([0, 1, 100], "symlog"), ([5, 10, 900], "symlog")]
)
def test_steps_with_gaps_of_all_sizes_lie_on_a_logarithm(axes, steps, scale):
    set_steps(axes, steps)
    assert axes.get_xscale() == scale
    low, high = axes.get_xlim()
    assert low <= steps[0] <= steps[-1] <= high


def test_of_many_steps_some_are_marked(axes):
    set_steps(axes, list(range(100)))
    assert len(axes.get_xticks()) <= 9


def test_more_points_are_smaller_and_a_crowd_from_2001_on():
    assert point_area(10) > point_area(500) > point_area(10_000) > 0
    assert not is_crowd(2000)
    assert is_crowd(2001)
