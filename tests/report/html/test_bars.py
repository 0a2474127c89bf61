"""Bars: as long as their number, from 0, and never outside their picture."""

import math

import numpy as np
import pytest
from oracles.reports import read_fragment

from neurodemon.report.html.bars import HEIGHT, WIDTH, Rule, rule_of, share_bar, signed_bar


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], Rule(0.0, 1.0)),
        ([0.0, math.nan], Rule(0.0, 1.0)),
        ([0.5], Rule(0.0, 0.5)),
        ([-2.0, 1.0, math.inf], Rule(-2.0, 1.0)),
    ],
)
def test_zero_lies_within_and_what_is_not_finite_is_passed_over(values, expected):
    assert rule_of(np.array(values)) == expected


@pytest.mark.parametrize(
    ("value", "class_", "start", "length"),
    [(0.5, "up", WIDTH / 2, WIDTH / 4), (-1.0, "down", 0, WIDTH / 2)],
)
def test_a_bar_goes_from_zero_to_its_number(value, class_, start, length):
    bar = read_fragment(signed_bar(value, math.nan, math.nan, Rule(-1.0, 1.0))).find(".//rect")
    assert bar.get("class") == class_
    assert float(bar.get("x")) == start
    assert float(bar.get("width")) == length


def test_without_a_number_there_is_no_bar_and_without_ends_no_interval():
    made = read_fragment(signed_bar(math.nan, math.nan, 1.0, Rule(-1.0, 1.0)))
    assert made.find(".//rect") is None
    assert [path.get("class") for path in made.iter("path")] == ["zero"]


def test_an_interval_without_end_stays_in_the_picture():
    made = read_fragment(signed_bar(0.0, -math.inf, 0.5, Rule(-1.0, 1.0)))
    (whisker,) = [path for path in made.iter("path") if path.get("class") == "whisker"]
    middle = HEIGHT // 2
    assert whisker.get("d") == f"M0.0 {middle - 3}v6M0.0 {middle}H90.0M90.0 {middle - 3}v6"


def test_a_share_has_a_mark_where_it_should_be():
    made = read_fragment(share_bar(0.5, 0.9))
    assert float(made.find(".//rect").get("width")) == WIDTH / 2
    assert made.find(".//path").get("d") == f"M{0.9 * WIDTH} 0V{HEIGHT}"


def test_bars_are_hidden_from_readers_of_text():
    assert read_fragment(share_bar(0.5, 0.9)).find("svg").get("aria-hidden") == "true"
