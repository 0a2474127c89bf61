"""A curve prints, shows in notebooks, and spells itself for JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from oracles.drawables import make_curve


def test_it_prints_its_points_under_its_name():
    curve = make_curve()
    lines = str(curve).splitlines()
    assert (
        lines[0] == f"{curve.unit}, {curve.scope}, radius {curve.radius_text} = {curve.radius:.4g}"
    )
    assert lines[1].split()[:3] == ["dz", "cost", "measured"]
    assert len(lines) == 2 + len(curve)
    assert repr(curve) == str(curve)


def test_of_a_long_curve_it_prints_some_points_zero_among_them():
    dz = np.arange(-100, 101) / 10
    long = replace(
        make_curve(),
        dz=dz,
        measured=dz**2,
        tangent=0 * dz,
        predicted={"tangent": 0 * dz},
        per_example=np.zeros((201, 2)),
        cost=0.0,
    )
    assert 100 in long.shown()
    assert len(long.shown()) <= 22
    assert len(str(long).splitlines()) == 2 + len(long.shown())


def test_notebooks_get_it_escaped():
    shown = replace(make_curve(), unit="<b>[3]")._repr_html_()
    assert shown.startswith("<pre>&lt;b&gt;[3]")


def test_the_best_point_is_the_lowest_or_of_a_metric_the_highest_and_never_infinite():
    curve = make_curve()
    measured = np.full(len(curve), 2.0)
    measured[:3] = 1.0, np.nan, 3.0
    low = replace(curve, measured=measured, cost=2.0)
    assert (low.best, low.gain) == (0, 1.0)
    high = replace(low, better="higher")
    assert (high.best, high.gain) == (2, 1.0)


def test_json_has_its_lists_and_no_number_that_is_none():
    curve = make_curve()
    spelled = json.loads(json.dumps(curve.to_dict()))
    assert spelled["dz"] == curve.dz.tolist()
    assert spelled["better"] == "lower"
    rows = curve.rows()
    middle = int(np.abs(curve.dz).argmin())
    assert rows[middle]["ratio"] is None
    assert rows[0]["measured"] == pytest.approx(curve.measured[0] - curve.cost)
