"""Axes of a picture: numbers lie between its edges, marks only where there are numbers."""

import numpy as np
import pytest
from oracles.reports import read_fragment, text_of

from neurodemon.report.html.axes import (
    BOTTOM,
    EDGE,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    across,
    frame,
    picture,
    symmetric_log_scale,
    upward,
)


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [([1.0, -1.0], -1.0, 1.0), ([1.0, 0.0], -EDGE, 1.0), ([-1.0], -1.0, EDGE), ([], -EDGE, EDGE)],
)
def test_a_side_without_numbers_is_cut_off(values, first, last):
    scale = symmetric_log_scale(np.array(values))
    assert (scale.first, scale.last) == (first, last)


def test_places_lie_within_the_margins():
    scale = symmetric_log_scale(np.array([-1.0, 1.0]))
    ends = scale.share(np.array([-9.0, 9.0]))
    assert across(ends).tolist() == [LEFT, WIDTH - RIGHT]
    assert upward(ends).tolist() == [HEIGHT - BOTTOM, TOP]


def test_only_marks_with_numbers_are_shown():
    scale = symmetric_log_scale(np.array([1.0, 0.001]))
    assert [text for _, text in scale.marks()][:2] == ["0", "1"]
    assert all(value >= 0 for value, _ in scale.marks())


def test_a_frame_names_its_axes_and_has_a_diagonal_where_both_are_numbers():
    scale = symmetric_log_scale(np.array([1.0, -1.0]))
    pair = read_fragment(frame("said", "so", scale, scale))
    alone = read_fragment(frame("units", "so", scale, None))
    assert {"said", "so"} <= set(pair.itertext())
    assert [node.get("class") for node in pair.iter("path")].count("equal") == 1
    assert "equal" not in [node.get("class") for node in alone.iter("path")]
    (x1, y1), (x2, y2) = ((LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, TOP))
    (diagonal,) = [node for node in pair.iter("path") if node.get("class") == "equal"]
    assert diagonal.get("d") == f"M{float(x1)} {float(y1)}L{float(x2)} {float(y2)}"


def test_a_picture_has_a_name_and_a_description():
    made = read_fragment(picture(3, "Effects <fc1>", "A point for each.", []))
    svg = made.find("svg")
    named = {node.get("id"): text_of(node) for node in svg}
    assert svg.get("role") == "img"
    assert named[svg.get("aria-labelledby")] == "Effects <fc1>"
    assert named[svg.get("aria-describedby")] == "A point for each."
