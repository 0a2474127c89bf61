"""Law: measured = hook oracle on networks drawn at random, for every perturbation.

Oracle: `oracles.hooks`, in the same precision. Tolerance: 1e-5 of the largest mean effect in
float32 beside the noise floor of the mean, 1e-11 in float64.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.comparing import both, hookable
from oracles.hooks import clean_values
from oracles.strategies import Plan, build, plans

import neurodemon as nd
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.selecting import whole

LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}
ANY = [
    nd.Zero(), nd.Mean(), nd.Add(0.3), nd.Add(nd.Std(-2)), nd.Scale(1.5), nd.Set(-1),
    nd.Noise(nd.Std(1), seed=4), nd.Noise(0.2), nd.Resample(2), "patch",
]  # fmt: skip


@settings(max_examples=15)
@given(
    plan=plans,
    dtype=st.sampled_from([torch.float64, torch.float32]),
    first=st.integers(0, len(ANY) - 1),
)
def test_measured_equals_the_hook_oracle(plan: Plan, dtype: torch.dtype, first: int) -> None:
    case = build(plan, dtype)
    subject = nd.Subject(case.model, case.batches, case.cost)
    for step in range(3):
        perturbation = ANY[(first + 3 * step) % len(ANY)]
        if perturbation == "patch":
            perturbation = nd.Patch([(x.flip(0) + 0.5, y) for x, y in case.batches])
        _require_equal(subject, case, perturbation, LIMITS[dtype])


def _require_equal(subject, case, perturbation, limit) -> None:
    """Compare at each site that is read by one module alone: no skip starts there."""
    gaps, sizes = [0.0], [1e-30]
    for site in nd.sites(subject):
        name = hookable(site)
        if name is None or (":in" in name and name not in {":in", "head:in"}):
            continue
        moved = _moved(subject, case, perturbation, site, name)
        measured, expected = both(subject, case, site, perturbation, moved=moved)
        gaps.append(np.abs(measured.array("measured") - expected.mean(0)).max())
        sizes.append(np.abs(expected.mean(0)).max())
    floors = [subject.recording(place).noise_floor.numpy() for place in range(len(case.batches))]
    floor = 3 * np.sqrt(np.square(np.concatenate(floors)).sum()) / len(np.concatenate(floors))
    assert max(gaps) <= limit * max(sizes) + floor, (perturbation, max(gaps), max(sizes))


def _moved(subject, case, perturbation, site, name):
    """What z becomes, where that is drawn or read elsewhere; else None: the oracle knows."""
    values = clean_values(case.model, case.batches, name)
    if isinstance(perturbation, nd.Patch):
        return clean_values(case.model, list(perturbation.source), name)
    if not isinstance(perturbation, (nd.Noise, nd.Resample)):
        return None
    nudges = Nudges(subject, perturbation)
    unit = site.axes.index("unit")
    moved = []
    for place, value in enumerate(values):
        # (example, position, unit) back into the site's own layout, by hand
        last = torch.movedim(value, unit, -1)
        moved.append(
            value + torch.movedim(nudges(whole(site), place).reshape(last.shape), -1, unit)
        )
    return moved


def test_another_perturbation_is_not_taken_for_equal() -> None:
    """Negative control: the tolerance tells Scale(1.5) from Scale(1.500001)."""
    case = build(("vector", [("residual", "tanh")], 1), torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    values = clean_values(case.model, case.batches, "stem")
    site = nd.sites(subject)["stem"]
    moved = [1.500001 * value for value in values]
    measured, expected = both(subject, case, site, nd.Scale(1.5), moved=moved)
    gap = np.abs(measured.array("measured") - expected.mean(0)).max()
    assert gap > 1e-11 * np.abs(expected.mean(0)).max()
    with pytest.raises(AssertionError):
        assert gap < 1e-11 * np.abs(expected.mean(0)).max()
