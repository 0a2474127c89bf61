"""Numbers on a page: a true minus, a dash for what is not there."""

import math

import pytest

from neurodemon.report.html.numbers import decade, interval, ratio, share, spell_alike


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, "+0.5000"), (-0.5, "−0.5000"), (None, "–"), (math.nan, "–"), (math.inf, "inf")],
)
def test_effects_are_spelled_with_their_sign(value, expected):
    assert spell_alike([0.5])(value) == expected


@pytest.mark.parametrize("ends", [(None, 1.0), (1.0, math.nan)])
def test_half_an_interval_is_none(ends):
    assert interval(*ends, ratio) == "–"


def test_an_interval_may_be_open():
    assert interval(-math.inf, 0.5, spell_alike([0.5])) == "−inf … +0.5000"


def test_correlations_and_shares_are_spelled_as_on_the_screen():
    assert (ratio(-0.5), ratio(None), share(0.125)) == ("−0.500", "–", "12 %")


@pytest.mark.parametrize(
    ("power", "sign", "expected"),
    [(0, 1, "1"), (-3, -1, "−0.001"), (3, 1, "1000"), (-12, 1, "10⁻¹²"), (4, -1, "−10⁴")],
)
def test_powers_of_ten_are_spelled_short(power, sign, expected):
    assert decade(power, sign) == expected
