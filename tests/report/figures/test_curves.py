"""Curves: what is drawn are the curve's own numbers, and nothing squashes them."""

import numpy as np
import pytest
from oracles.drawables import caption_of, make_curve

from neurodemon.errors import PlotError
from neurodemon.report.figures.curves import draw_curve
from neurodemon.report.figures.palette import GREY


def lines_of(drawing):
    """Take the lines of the only panel by their label's first word."""
    (axes,) = drawing.axes
    return {line.get_label().split()[0]: line for line in axes.get_lines()}


def words_of(drawing):
    """Take the legend's words."""
    (legend,) = drawing.legends
    return [text.get_text() for text in legend.get_texts()]


def test_the_measured_line_has_the_curve_s_numbers():
    curve = make_curve()
    line = lines_of(draw_curve(curve))["measured"]
    np.testing.assert_array_equal(line.get_xdata(), curve.dz)
    np.testing.assert_array_equal(line.get_ydata(), curve.measured)


@pytest.mark.parametrize("predictor", ["tangent:", "link"])
def test_each_predictor_is_drawn_with_its_numbers(predictor):
    curve = make_curve()
    said = curve.tangent if predictor == "tangent:" else curve.predicted["link"]
    np.testing.assert_array_equal(lines_of(draw_curve(curve))[predictor].get_ydata(), said)


def test_the_tangent_is_drawn_even_if_no_predictor_says_it():
    drawing = draw_curve(make_curve(predicted={}))
    np.testing.assert_array_equal(lines_of(drawing)["tangent:"].get_ydata(), make_curve().tangent)


def test_zero_the_best_point_and_the_radius_are_marked():
    drawing = draw_curve(make_curve())
    lines = lines_of(drawing)
    assert lines["Δz"].get_xydata().tolist() == [[0, 1]]
    assert lines["best:"].get_xydata().tolist() == [[1, 0]]
    grey = [line for line in drawing.axes[0].get_lines() if line.get_color() == GREY]
    assert [line.get_xdata()[0] for line in grey] == [-2, 2]


def test_the_legend_says_what_there_is_to_win_and_how_far_one_may_go():
    words = words_of(draw_curve(make_curve()))
    assert "Δz = 0: C = 1" in words
    assert "best: Δz = 1, wins 1" in words
    assert "radius 4·std = 2" in words
    assert len(words) == 6  # measured, link, tangent and these three


def test_a_radius_that_was_asked_for_as_a_number_is_said_once():
    words = words_of(draw_curve(make_curve(radius_text="2", radius_from="absolute")))
    assert "radius 2" in words


@pytest.mark.parametrize(
    ("scope", "title", "label"),
    [
        ("shared", "one Δz for all examples", "Δz, in the units of z"),
        ("each", "its own way down", "Δz along each example's own way down, in the units of z"),
    ],
)
def test_unit_scope_and_units_of_measure_are_said(scope, title, label):
    drawing = draw_curve(make_curve(scope=scope))
    assert "fc1[3]" in drawing.get_suptitle()
    assert title in drawing.get_suptitle()
    assert drawing.axes[0].get_xlabel() == label
    assert "cost" in drawing.axes[0].get_ylabel()


@pytest.mark.parametrize(("slope", "leaves"), [(-2.0, True), (-1000.0, True), (-0.1, False)])
def test_a_tangent_that_shoots_off_does_not_squash_the_curve(slope, leaves):
    curve = make_curve()
    tangent = 1 + slope * curve.dz
    drawing = draw_curve(make_curve(tangent=tangent, predicted={}))
    low, high = drawing.axes[0].get_ylim()
    assert np.ptp(curve.measured) / (high - low) > 0.6
    assert ("Beyond the picture's edge in part: tangent." in caption_of(drawing)) is leaves


def test_points_that_are_not_finite_are_gaps_and_counted():
    measured = make_curve().measured.copy()
    measured[[0, 1]] = np.inf, np.nan
    drawing = draw_curve(make_curve(measured=measured))
    assert np.isnan(lines_of(drawing)["measured"].get_ydata()).sum() == 2
    assert "Not drawn: 2 of 9 points" in caption_of(drawing)


def test_nothing_is_said_to_be_missing_where_nothing_is():
    assert "Not drawn" not in caption_of(draw_curve(make_curve()))


def test_a_curve_that_is_finite_nowhere_is_refused():
    with pytest.raises(PlotError, match=r"'fc1\[3\]' has no finite cost among its 9 points"):
        draw_curve(make_curve(measured=np.full(9, np.nan)))


def test_of_equal_minima_the_one_nearest_to_zero_is_best():
    measured = np.array([0, 1, 0, 1, 1, 0, 1, 0, 0.0])
    assert make_curve(measured=measured).best == 5


@pytest.mark.parametrize("cost", [0.0, 0.7])
def test_a_dead_unit_s_flat_curve_still_has_a_height(cost):
    flat = np.full(9, cost)
    drawing = draw_curve(make_curve(measured=flat, tangent=flat, predicted={}, cost=cost))
    low, high = drawing.axes[0].get_ylim()
    assert low < cost < high


def test_notes_stand_under_the_figure():
    assert (
        "7 units are constant."
        in draw_curve(make_curve(notes=("7 units are constant.",))).get_supxlabel()
    )


def test_the_figure_says_in_words_what_is_on_it():
    assert "best, 0, at 1; the slope at 0 is -2." in draw_curve(make_curve()).alt
