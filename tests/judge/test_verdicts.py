"""Each verdict on a curve made for it, each threshold from both sides, and the order of the rules.

Oracles: `brute_findings` (2,001 Δz on a curve by hand) and a twin that reads one unit after the
other and decides by a chain of ifs.
"""

from dataclasses import replace

import numpy as np
import pytest
from oracles.brute_findings import brute_findings

from neurodemon.judge.verdicts import ADVICE, RULES, VERDICTS, judge, judge_demons
from neurodemon.terms.findings import NEAR, WAY, Findings


def relu(z):
    return np.maximum(z, 0)


CURVES = {  # the cost at dz
    "nothing moves it": (lambda dz: 1 + 0 * dz, "DEAD"),
    "nothing moves it, at no cost": (lambda dz: 0 * dz, "DEAD"),
    "a small slope": (lambda dz: 1 + 2e-3 * dz, "CONVERGED"),
    "at its least": (lambda dz: 1 + dz**2, "CONVERGED"),
    "near its least": (lambda dz: 1 + 1e-4 * (dz - 1) ** 2, "CONVERGED"),
    "a cliff behind a plateau": (lambda dz: 1 / (1 + np.exp(-2 * dz - 5)), "SATURATED"),
    "off here, won far away": (lambda dz: 1 - 0.2 * relu(dz - 2), "SATURATED"),
    "a corner": (lambda dz: np.abs(dz - 1), "KINK"),
    "a corner far away": (lambda dz: 2 + np.abs(dz + 3.9), "KINK"),
    "a corner at hand": (lambda dz: np.abs(dz - 0.05), "KINK"),
    "a parabola": (lambda dz: (dz - 1) ** 2, "CURVED"),
    "a little more than a corner": (lambda dz: np.abs(dz - 0.3) ** 1.2, "CURVED"),
    "a straight line": (lambda dz: 1 - 0.1 * dz, "AGREES"),
    "a wide parabola": (lambda dz: 0.01 * (dz - 3.9) ** 2, "AGREES"),
}


def found_of(*curves, rows=2, scope="each") -> Findings:
    """Demons on a curve of each unit, the same for all examples."""
    return brute_findings(lambda _, unit, dz: curves[unit](dz), (rows, len(curves)), scope=scope)


@pytest.mark.parametrize(("curve", "verdict"), CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("scope", ["each", "shared"])
@pytest.mark.parametrize("mirror", [1, -1])
def test_each_verdict_is_given_to_its_case(curve, verdict, scope, mirror):
    findings = found_of(lambda dz: curve(mirror * dz), scope=scope)
    assert judge(findings) == [verdict]
    assert set(judge_demons(findings).ravel()) == {verdict}


def test_units_get_their_verdicts_one_by_one():
    curves, verdicts = zip(*CURVES.values(), strict=True)
    findings = found_of(*curves, rows=3)
    assert judge(findings) == list(verdicts)
    assert judge_demons(findings).shape == (3, len(curves))


def test_a_unit_is_read_by_the_mean_of_its_demons_and_a_demon_by_itself():
    def curve(example, _unit, dz):
        """Three examples at corners of opposite sides, one that nothing moves."""
        return 2 + 0 * dz if example == 3 else np.abs(dz - (1, -2, 0.5)[example])

    findings = brute_findings(curve, (4, 1))
    assert judge(findings) == ["KINK"]
    assert judge_demons(findings).ravel().tolist() == ["KINK", "KINK", "KINK", "DEAD"]


def line(**changes) -> Findings:
    """A demon on a straight line that nothing but AGREES fits, with some of its numbers changed."""
    base = found_of(lambda dz: 1 - 0.1 * dz, rows=1)
    return replace(base, **{name: np.array(value, float) for name, value in changes.items()})


PROMISED = np.array(WAY)[:, None, None] * 0.4  # of a slope of −0.1 on the way to 4


def bent_way(share: float) -> np.ndarray:
    """A way that wins `share` more than promised on its third stretch, and turns round behind."""
    steps = np.diff(np.concatenate([np.zeros((1, 1, 1)), -PROMISED]), axis=0)
    steps[2] *= 1 + share
    steps[-1] *= -1
    return steps.cumsum(0)


NEAR_PROMISE = 0.1 * NEAR


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"delta": [[-0.0025]], "headroom": [[0.01]]}, "CONVERGED"),  # both at 1 % of the cost
        ({"delta": [[-0.0026]], "headroom": [[0.01]]}, "CURVED"),
        ({"delta": [[-0.0025]], "headroom": [[0.0101]]}, "CURVED"),
        ({"headroom": [[0.6001]]}, "SATURATED"),  # 1.5 · 0.1 · 4
        ({"headroom": [[0.5999]]}, "AGREES"),
        ({"way": bent_way(0.0199)}, "KINK"),
        ({"way": bent_way(-0.0199)}, "KINK"),
        ({"way": bent_way(0.0201)}, "AGREES"),
        ({"way": bent_way(-0.0201)}, "AGREES"),
        ({"way": -PROMISED}, "AGREES"),  # does not turn round
        ({"near": [[[NEAR_PROMISE / 1.0999]], [[-NEAR_PROMISE]]]}, "AGREES"),
        ({"near": [[[NEAR_PROMISE / 1.1001]], [[-NEAR_PROMISE]]]}, "CURVED"),
        ({"near": [[[NEAR_PROMISE]], [[-NEAR_PROMISE / 0.9001]]]}, "AGREES"),
        ({"near": [[[NEAR_PROMISE]], [[-NEAR_PROMISE / 0.8999]]]}, "CURVED"),
        ({"near": [[[NEAR_PROMISE]], [[NEAR_PROMISE]]]}, "CURVED"),  # of the wrong sign
        ({"near": [[[np.nan]], [[-NEAR_PROMISE]]]}, "CURVED"),
    ],
)
def test_thresholds_turn_where_the_design_says(changes, verdict):
    if "delta" in changes:  # what such a slope promises of the best Δz is no more than it wins
        changes = {**changes, "best_dz": [[4.0]], "way": PROMISED * -0.025}
        if verdict == "CURVED":
            changes |= {"headroom": [[min(changes["headroom"][0][0], 0.0103)]]}
    assert judge(line(**changes)) == [verdict]


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, "AGREES"),
        ({"near": [[[0.0]], [[0.0]]]}, "CURVED AGREES"),
        ({"way": bent_way(0.0), "near": [[[0.0]], [[0.0]]]}, "KINK CURVED"),
        ({"way": bent_way(0.0), "headroom": [[0.7]]}, "SATURATED KINK"),
        ({"cost": [1e3], "headroom": [[0.7]]}, "CONVERGED SATURATED"),
        ({"moves": [[False]], "cost": [1e3]}, "DEAD CONVERGED"),
    ],
)
def test_the_first_rule_that_matches_holds(changes, verdicts):
    changed = {name: np.asarray(value, bool) for name, value in changes.items() if name == "moves"}
    findings = replace(line(**{k: v for k, v in changes.items() if k != "moves"}), **changed)
    assert judge(findings) == verdicts.split()[:1]


def test_effects_under_the_noise_are_a_promise_kept():
    tiny = {"delta": [[-1e-16]], "near": [[[3e-16]], [[-3e-16]]], "cost": [0.0]}
    quiet = line(**tiny, headroom=[[0.0]], way=0 * PROMISED, noise=[1e-16])
    assert judge(quiet) == ["AGREES"]
    assert judge(replace(quiet, noise=np.array([1e-17]))) == ["CURVED"]


def slow_verdict(found: Findings, unit: int) -> str:
    """One unit, read like a story."""
    n_rows = len(found.delta)
    slope = sum(abs(found.delta[row, unit]) for row in range(n_rows)) / n_rows
    promised = (
        sum(abs(found.delta[r, unit] * found.best_dz[r, unit]) for r in range(n_rows)) / n_rows
    )
    won = sum(found.headroom[:, unit]) / n_rows
    cost = sum(abs(one) for one in found.cost) / n_rows
    if not any(found.moves[:, unit]):
        return "DEAD"
    if slope * found.radius[unit] <= 0.01 * cost and won <= 0.01 * cost:
        return "CONVERGED"
    if won > 0 and won >= 1.5 * promised:
        return "SATURATED"
    way = [sum(part) / n_rows for part in found.way[:, :, unit]]
    done = [after - before for before, after in zip([0.0, *way], way[:8], strict=False)]
    steady = promised > 0 and all(abs(one * 8 / promised + 1) <= 0.02 for one in done)
    if won > 0 and steady and way[8] > way[7]:
        return "KINK"
    down = up = 0.0
    for row in range(n_rows):
        left, right = found.near[:, row, unit]
        downhill, uphill = (left, right) if found.delta[row, unit] > 0 else (right, left)
        down, up = down + downhill / n_rows, up + uphill / n_rows
    step = slope * found.std[unit] / 4
    is_off = abs(down + step) > 0.1 * abs(down) or abs(up - step) > 0.1 * abs(up)
    return "CURVED" if is_off else "AGREES"


def test_verdicts_equal_their_slow_twin_on_many_curves():
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(3, 200, 4)) * 10.0 ** rng.uniform(-3, 0, (3, 200, 4))
    forms = rng.integers(5, size=200)

    def curve(example, unit, dz):
        a, b, c, d = shapes[example, unit]
        form = (
            1 + a * dz + 0.03 * b * dz**2, 1 + np.abs(dz - 1 - c) * (1 + 0.01 * a),
            2 + np.tanh(3 * a * dz + b), 1 + a * relu(dz - b) - c * relu(-dz - d), 1 + 1e-3 * a * np.sin(dz),
        )  # fmt: skip
        return form[forms[unit]]

    for scope in ("each", "shared"):
        findings = brute_findings(curve, (3, 200), scope=scope)
        found = judge(findings)
        assert found == [slow_verdict(findings, unit) for unit in range(200)]
        assert set(found) >= {"CONVERGED", "SATURATED", "KINK", "CURVED", "AGREES"}


def test_a_curve_of_numbers_that_are_not_finite_does_not_agree():
    broken = line(near=[[[np.inf]], [[-np.inf]]], way=PROMISED * np.nan)
    assert judge(broken) == ["CURVED"]


def test_each_verdict_stands_once_in_one_table_with_a_sentence_of_advice():
    assert VERDICTS == ("DEAD", "CONVERGED", "SATURATED", "KINK", "CURVED", "AGREES")
    assert [rule.threshold for rule in RULES] == [None, 0.01, 1.5, 0.02, 0.1, None]
    assert list(ADVICE) == list(VERDICTS)
    for rule in RULES:
        assert rule.meaning
        assert rule.advice.endswith(".")
        assert rule.advice.count(". ") == 0


def test_the_noise_of_a_unit_is_that_of_the_mean_over_its_demons():
    found = found_of(lambda dz: 1 - 0.1 * dz, rows=100)
    noise = float(np.abs(found.near).max())  # each demon's effect is a third of its threshold
    off = replace(found, near=1.5 * found.near, noise=np.full(100, noise))
    assert set(judge_demons(off).ravel()) == {"AGREES"}
    assert judge(off) == ["CURVED"]  # the mean of a hundred is ten times as sure
    assert judge(replace(off, noise=np.full(100, 10 * noise))) == ["AGREES"]
