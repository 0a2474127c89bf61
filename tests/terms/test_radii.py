"""Radii: what they are spelled as, and what is refused."""

import math

import numpy as np
import pytest

from neurodemon.errors import PerturbationError
from neurodemon.terms.radii import Absolute, Std, require_finite, settle_radius


@pytest.mark.parametrize(
    ("radius", "text"),
    [(Std(4), "4·std"), (Std(-0.5), "-0.5·std"), (Absolute(2), "2"), (Absolute(0.25), "0.25")],
)
def test_a_radius_is_spelled_for_tables(radius, text):
    assert str(radius) == text


def test_radii_are_equal_by_value_within_their_kind():
    assert Std(4) == Std(4.0)
    assert Std(4) != Absolute(4)
    assert len({Std(4), Std(4.0), Absolute(4)}) == 2


def guard(kind, **fields):
    """Run a class's own guard; the type checker of our tests would refuse before it."""
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    made.__post_init__()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, None, "4", 1j])
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda value: guard(Std, factor=value), r"Std\(factor\)"),
        (lambda value: guard(Absolute, radius=value), r"Absolute\(radius\)"),
        (lambda value: require_finite("x", value), "x"),
    ],
)
def test_what_is_no_finite_number_is_refused(make, what, value):
    with pytest.raises(PerturbationError, match=f"^{what} is .*; expected a finite number"):
        make(value)


@pytest.mark.parametrize("kind", [Std, Absolute])
def test_a_constructor_runs_its_guard(kind):
    with pytest.raises(PerturbationError, match="is nan; expected a finite number"):
        kind(math.nan)


@pytest.mark.parametrize("value", [0, -0.0, 1e-300, -3, 10**18])
def test_a_finite_number_is_let_through(value):
    assert require_finite("x", value) is None


def test_a_distance_below_0_is_refused():
    assert Absolute(0).radius == 0
    with pytest.raises(PerturbationError, match=r"Absolute\(radius\) is -0.5; .* at least 0"):
        Absolute(-0.5)


@pytest.mark.parametrize("number", [2, 2.0, np.int64(2), np.float32(2)])
def test_a_number_of_any_kind_is_an_absolute_radius(number):
    assert settle_radius(number) == Absolute(2.0)


@pytest.mark.parametrize("radius", [True, None, "wide", [4], 0, -1.0, "0std", float("nan")])
def test_what_is_no_radius_or_leaves_no_room_is_refused(radius):
    with pytest.raises(PerturbationError, match="radius is"):
        settle_radius(radius)
