"""Points: one for each unit, a crowd thinned out, intervals where the truth is not known."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.reports import read_fragment, text_of

from neurodemon.report.html.points import (
    ALWAYS,
    MOST_PICTURES,
    MOST_POINTS,
    Labels,
    Points,
    draw_sites,
)

LABELS = Labels("predicted by link", "measured effect", {"fc1": "Spearman 0.9"})


def make(n_units=3, n_sites=1, **changed):
    """Make points of ever smaller effects."""
    up = np.linspace(1, 0.1, n_units * n_sites)
    rows = range(n_units * n_sites)
    points = Points(
        site=[f"fc{row // n_units + 1}" for row in rows],
        name=[f"unit {row}" for row in rows],
        along=0.5 * up,
        up=up,
        low=up - 0.05,
        high=up + 0.05,
        evidence=["exact"] * len(up),
    )
    return replace(points, **changed)


def draw(points):
    made, said = draw_sites(points, LABELS)
    return read_fragment(made), said


def test_each_unit_is_a_point_that_says_its_numbers():
    made, said = draw(make())
    circles = list(made.iter("circle"))
    assert text_of(circles[0]) == "unit 0: predicted +0.500, effect +1.000"
    assert len(circles) == 3
    assert said == []


def test_without_a_prediction_units_lie_side_by_side():
    made, _ = draw(make(along=None))
    assert text_of(next(made.iter("circle"))) == "unit 0: effect +1.000"
    places = [float(one.get("cx")) for one in made.iter("circle")]
    assert places == sorted(places)


def test_evidence_has_its_own_marks_and_only_estimates_an_interval():
    made, _ = draw(make(evidence=["exact", "sampled", "predicted"]))
    classes = [one.get("class") for one in made.iter("circle")]
    assert classes == ["exact", "sampled"]
    marks = [one.get("class") for one in made.iter("path")]
    assert marks.count("predicted") == 1
    (whiskers,) = [one.get("d") for one in made.iter("path") if one.get("class") == "whisker"]
    assert whiskers.count("M") == 2


def test_an_interval_without_an_end_is_not_drawn():
    made, _ = draw(make(n_units=1, evidence=["sampled"], low=np.array([np.nan])))
    assert "whisker" not in [one.get("class") for one in made.iter("path")]


def test_a_second_prediction_is_drawn_where_it_is_a_number():
    made, _ = draw(make(beside=np.array([0.1, np.nan, 0.3])))
    (squares,) = [one.get("d") for one in made.iter("path") if one.get("class") == "beside"]
    assert squares.count("M") == 2


def test_units_without_finite_numbers_are_counted():
    made, said = draw(make(up=np.array([1.0, np.nan, np.inf])))
    assert len(list(made.iter("circle"))) == 1
    assert said == ["Not drawn: 2 units without finite numbers."]


def test_of_a_crowd_the_largest_are_drawn_and_the_rest_alike_each_time():
    points = make(n_units=MOST_POINTS + 500)
    made, said = draw(points)
    names = [text_of(one).partition(":")[0] for one in made.iter("circle")]
    assert len(names) == MOST_POINTS
    assert names[:ALWAYS] == [f"unit {row}" for row in range(ALWAYS)]
    assert f"Drawn: {MOST_POINTS:,} of {MOST_POINTS + 500:,} units" in said[0]
    assert draw_sites(points, LABELS)[0] == draw_sites(points, LABELS)[0]


def test_a_crowd_as_large_as_may_be_is_drawn_whole():
    made, said = draw(make(n_units=MOST_POINTS))
    assert (len(list(made.iter("circle"))), said) == (MOST_POINTS, [])


@pytest.mark.parametrize("n_sites", [1, MOST_PICTURES, MOST_PICTURES + 2])
def test_the_sites_with_the_largest_effects_get_a_picture(n_sites):
    made, said = draw(make(n_sites=n_sites))
    names = [text_of(one) for one in made.iter("strong")]
    assert names == [f"fc{place + 1}" for place in range(min(n_sites, MOST_PICTURES))]
    assert bool(said) is (n_sites > MOST_PICTURES)


def test_names_of_pictures_differ_and_what_is_known_stands_below():
    made, _ = draw(make(n_sites=2))
    ids = [node.get("id") for node in made.iter() if node.get("id")]
    assert len(set(ids)) == len(ids) == 4
    assert [text_of(one) for one in made.iter("figcaption")] == ["fc1 Spearman 0.9", "fc2"]


def test_nothing_to_draw_draws_nothing():
    made, said = draw(make(up=np.full(3, np.nan)))
    assert list(made.iter("svg")) == []
    assert len(said) == 1
