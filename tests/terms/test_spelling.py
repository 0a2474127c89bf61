"""The spelling of numbers: comparable at sight, and never a wrong zero."""

import pytest

from neurodemon.terms.spelling import percent, rounded, speller


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.2493, -0.00729, 0.0, None], ["+0.2493", "-0.0073", "0", "–"]),
        ([123.456, 0.06], ["+123.5", "+0.1"]),
        ([123.456, -0.01], ["+123.5", "-1e-02"]),
        ([1234567.0, 1.0], ["+1.235e+06", "+1.000e+00"]),
        ([2e-7, 0.0], ["+2.000e-07", "0"]),
        ([float("nan"), float("inf"), 0.5], ["nan", "inf", "+0.5000"]),
        ([0.0, None], ["0", "–"]),
        ([12345.6], ["+12346"]),
    ],
)
def test_numbers_of_a_table_are_spelled_alike(values, expected):
    spell = speller(values)
    assert [spell(value) for value in values] == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "100 %"), (0.0, "0 %"), (0.0996, "10 %"), (0.09, "9.0 %"), (float("inf"), "inf")],
)
def test_shares_are_spelled_in_percent(share, expected):
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(12345.678, "1.23e+04"), (-0.5, "-0.500"), (float("nan"), "–"), (0.0, "0.000")],
)
def test_correlations_and_slopes_are_spelled_short(value, expected):
    assert rounded(value) == expected
