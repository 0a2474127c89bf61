"""Calibration: what intervals promised beside what they held."""

from oracles.reports import read_fragment, rows_of

from neurodemon.report.html.calibration import calibration
from neurodemon.terms.audits import Coverage


def test_each_level_has_a_row():
    made = read_fragment(calibration((Coverage(0.5, 0.47, 60), Coverage(0.9, 0.93, 1200))))
    assert rows_of(made) == [["50 %", "47 %", "60"], ["90 %", "93 %", "1,200"]]


def test_without_levels_there_is_nothing():
    assert calibration(()) == ""
