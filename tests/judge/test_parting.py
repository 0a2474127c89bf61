"""False negatives and their causes, each on a case made for it."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.brute_findings import brute_findings

from neurodemon.judge.parting import (
    CANCELLING,
    CURVED,
    DEAD,
    SATURATED,
    UNEXPLAINED,
    false_negatives,
    find_causes,
    find_partings,
    share_of_false_negatives,
    top_by_headroom,
)


def slow_false_negatives(size, gain):
    """One demon after the other, by counting."""
    size, gain = size.ravel(), gain.ravel()
    found = []
    for one in range(len(gain)):
        above = sum(
            gain[k] > gain[one] or (gain[k] == gain[one] and k < one) for k in range(len(gain))
        )
        below, equal = (size < size[one]).sum(), (size == size[one]).sum()
        rank = below + (equal + 1) / 2
        is_top = above < np.ceil(0.05 * len(gain)) and gain[one] > 0
        found.append(is_top and rank < (len(gain) + 1) / 2)
    return found


def test_false_negatives_equal_their_slow_twin_with_many_ties():
    rng = np.random.default_rng(0)
    size = np.maximum(rng.integers(-3, 4, (20, 9)), 0).astype(float)
    gain = rng.integers(0, 30, (20, 9)).astype(float)
    found = false_negatives(size, gain)
    assert found.ravel().tolist() == slow_false_negatives(size, gain)
    assert found.any()


def test_a_ranking_that_is_right_has_no_false_negatives():
    gain = np.random.default_rng(0).random((20, 9))
    assert not false_negatives(gain, gain).any()


def test_the_top_holds_five_percent_of_the_demons_and_none_without_headroom():
    assert top_by_headroom(np.arange(100.0)).sum() == 5
    assert not top_by_headroom(np.zeros(100)).any()
    assert top_by_headroom(np.array([np.nan, np.inf, 1.0, 0.0])).tolist() == [0, 0, 1, 0]


def relu(z):
    return np.maximum(z, 0)


def dead(_example, _unit, dz):
    """A ReLU that is off: only far to the right the cost falls."""
    return 1 - 0.2 * relu(dz - 2)


def plateau(_example, _unit, dz):
    """A saturated sigmoid: a small slope, and a cliff behind."""
    return 1 / (1 + np.exp(-2 * dz - 5))


def opposed(example, _unit, dz):
    """Two examples that pull to opposite sides, the second a little harder and further."""
    return (dz - 1) ** 2 if example == 0 else (dz + 1.05) ** 2


def bent(_example, _unit, dz):
    """|z|^1.2 from near its least: the slope gives way at once."""
    return np.abs(dz - 0.3) ** 1.2


def parabola(_example, _unit, dz):
    return 0.01 * (dz - 3.9) ** 2


@pytest.mark.parametrize(
    ("curve", "cause"),
    [(dead, DEAD), (plateau, SATURATED), (bent, CURVED), (parabola, UNEXPLAINED)],
)
@pytest.mark.parametrize("scope", ["each", "shared"])
def test_each_cause_is_found_on_its_case(curve, cause, scope):
    findings = brute_findings(curve, (2, 1), scope=scope)
    assert set(find_causes(findings).ravel()) == {cause}


def test_slopes_that_cancel_are_a_cause_for_a_shared_demon_alone():
    assert set(find_causes(brute_findings(opposed, (2, 1), scope="shared")).ravel()) == {CANCELLING}
    assert CANCELLING not in find_causes(brute_findings(opposed, (2, 1)))


def test_numbers_that_are_not_finite_have_no_cause():
    findings = brute_findings(parabola, (2, 1))
    broken = replace(findings, delta=findings.delta * np.nan, headroom=findings.headroom * np.nan)
    assert set(find_causes(broken).ravel()) == {UNEXPLAINED}
    assert share_of_false_negatives(broken) is None
    assert find_partings(broken, most=3) == ()


def mixed(_example, unit, dz):
    """Unit 0 is dead here with the most to win; the others are parabolas of growing slope."""
    return 1 - 3 * relu(dz - 2) if unit == 0 else 0.01 * (dz - 0.2 * unit) ** 2


def test_the_parting_unit_is_named_with_its_numbers():
    findings = brute_findings(mixed, (3, 8))
    (found,) = find_partings(findings, most=5)
    assert (found.place, found.cause, found.influence) == (0, DEAD, 0.0)
    assert found.share == pytest.approx(2 / 3)  # of 24 demons the top 5 % are two
    assert found.headroom == pytest.approx(6.0)
    assert share_of_false_negatives(findings) == 1.0


def test_partings_are_cut_off_where_they_become_many():
    assert find_partings(brute_findings(mixed, (3, 8)), most=0) == ()
