"""The palette: everything differs in colour and in mark."""

from dataclasses import astuple

import pytest

from neurodemon.judge.verdicts import VERDICTS as JUDGED
from neurodemon.report.figures.palette import (
    COLOURS,
    PREDICTORS,
    VERDICTS,
    in_order,
    predictor_look,
    site_looks,
    verdict_look,
)


@pytest.mark.parametrize("looks", [PREDICTORS, VERDICTS])
def test_each_has_its_own_colour_and_mark(looks):
    assert len({look.colour for look in looks.values()}) == len(looks)
    assert len({look.marker for look in looks.values()}) == len(looks)


def test_predictors_differ_in_line_and_verdicts_in_hatch():
    assert len({look.line for look in PREDICTORS.values()}) == len(PREDICTORS)
    assert len({look.hatch for look in VERDICTS.values()}) == len(VERDICTS)


def test_every_verdict_of_the_judge_has_a_look_in_its_order():
    assert tuple(VERDICTS) == JUDGED


def test_verdicts_are_ordered_as_they_are_judged_unknown_ones_last():
    assert in_order(["AGREES", "NEW", "DEAD", "AGREES"]) == ["DEAD", "AGREES", "NEW"]


def test_what_plug_ins_bring_looks_like_the_rest():
    assert verdict_look("NEW") == predictor_look("mine")
    assert verdict_look("DEAD") != verdict_look("NEW")


@pytest.mark.parametrize("n", [1, len(COLOURS), len(COLOURS) + 1, 100])
def test_sites_differ_in_colour_however_many_there_are(n):
    looks = site_looks([str(place) for place in range(n)])
    assert len({look.colour for look in looks.values()}) == n
    assert all("" not in astuple(look)[:3] for look in looks.values())
