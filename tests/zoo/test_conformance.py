"""Conformance: on every model of the zoo, by every tracing that applies, measured = hooked.

Oracle: one full eager forward per unit with a hook (`zoo.comparing`), in float32. Tolerance:
1e-5 of the largest effect (issue 4). All sites, more units, float64: tests/long/zoo.
"""

import math
from dataclasses import replace

import pytest
from zoo.comparing import Gap, compare, study
from zoo.entries import BY_NAME, ENTRIES

import neurodemon as nd

LIMIT = 1e-5
SITES = 8  # of each model, drawn by a seed
CASES = [
    (entry.name, tracing)
    for entry in ENTRIES
    for tracing in entry.in_short
    if tracing in entry.tracings
]


@pytest.mark.parametrize(("name", "tracing"), CASES)
def test_measured_effects_equal_one_hooked_forward_per_unit(name: str, tracing: str) -> None:
    studied = study(name, tracing)
    sites = studied.drawn_sites(SITES)
    assert sites
    gap = compare(studied, nd.Zero(), sites) | compare(studied, nd.Mean(), sites)
    if with_positions := [site for site in sites if site.has_positions][-3:]:
        gap |= compare(studied, nd.Add(0.5), with_positions, kind="position")
    assert gap.relative <= LIMIT


def test_the_comparison_fails_for_other_weights() -> None:
    """Negative control: a weight that is off by a hundredth is seen."""
    studied = study("MLP", "exported")
    sites = studied.drawn_sites()
    other = BY_NAME["MLP"].make()
    other.model[0].weight.data.mul_(1.01)
    mixed = replace(studied, case=other)
    assert compare(studied, nd.Zero(), sites).relative <= LIMIT
    assert compare(mixed, nd.Zero(), sites).relative > 100 * LIMIT


def test_the_comparison_fails_for_a_number_that_is_none() -> None:
    """Negative control: NaN on one side alone is no agreement."""
    assert not (Gap(0.0, 1.0) | Gap(math.nan, 1.0)).relative <= LIMIT
    assert not (Gap(math.nan, 1.0) | Gap(0.0, 1.0)).relative <= LIMIT
