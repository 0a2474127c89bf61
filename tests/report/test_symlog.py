"""The symmetric-log axis: every number has its place, as matplotlib would put it."""

import numpy as np
import pytest
from matplotlib.scale import SymmetricalLogTransform

from neurodemon.report.symlog import (
    STRAIGHT_LENGTH,
    is_drawable,
    marked_powers,
    place,
    symmetric_log_range,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (1.0, 1.6)),
        ([0.0, 0.0], (1.0, 1.6)),
        ([0.5], (0.1, 0.8)),
        ([-1e-9] * 9 + [1.0], (1e-4, 1.6)),
    ],
)
def test_the_straight_part_is_small_but_not_endlessly(values, expected):
    straight, end = symmetric_log_range(np.array(values))
    assert straight == pytest.approx(expected[0], rel=1e-12)
    assert end == pytest.approx(expected[1], rel=1e-12)


def test_absurd_sizes_are_not_drawn():
    seen = is_drawable(np.array([0.0, -1e100, 1e200, -np.inf, np.nan]))
    assert seen.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(("straight", "end"), [(1e-4, 1.6), (0.1, 0.16), (1.0, 1.6)])
def test_numbers_lie_where_matplotlib_puts_them(straight, end):
    values = np.array([-1.0, -1e-3, 0, 1e-5, 0.05, 1.0]) * end
    # matplotlib stretches what it is told by 1 / (1 - 1/10)
    oracle = SymmetricalLogTransform(10, straight, STRAIGHT_LENGTH * 0.9).transform_non_affine
    expected = oracle(values) / oracle(np.array([end]))
    np.testing.assert_allclose(place(values, straight, end), expected, rtol=1e-12)


def test_what_lies_beyond_the_end_stays_at_it():
    assert place(np.array([-9.0, 9.0]), 0.1, 1.0).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("straight", "end", "powers"),
    [(1e-4, 1.6, [0, -2]), (1e-3, 0.5, [-1]), (0.1, 0.5, [-1])],
)
def test_marks_stand_clear_of_zero_and_of_one_another(straight, end, powers):
    assert marked_powers(straight, end) == powers
