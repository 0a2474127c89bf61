"""nd.curve: the book's ratios, the tangent, every predictor, and both scopes, point by point.

Oracles: Nielsen's saturated neuron; `nd.measure` and `nd.predict` of one Δz at a time (held
against full forwards elsewhere); autograd. In float64; tolerance 1e-12 unless a test says more.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn

import neurodemon as nd
from neurodemon.errors import PerturbationError, SelectionError
from neurodemon.jobs.curving import _require_points, curve, curves
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import DISTANCES, kink, saturated
from neurodemon.terms.radii import Absolute, Std

CLOSE = 1e-12
UNIT = "2[1]"  # of the last hidden layer, before its tanh


@pytest.fixture(scope="module")
def small() -> Subject:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 4)
        ).double()
        inputs = torch.randn(7, 4, dtype=torch.float64)
        target = torch.randint(4, (7,))
    return Subject(
        model, [(inputs[:4], target[:4]), (inputs[4:], target[4:])], "cross_entropy"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("start", "near", "far"), [((0.6, 0.9), 1.152, 0.679), ((2.0, 2.0), 1.642, 5.148)]
)
def test_the_saturated_neuron_gives_the_books_ratios(start, near, far):
    found = curve(saturated(*start), "fc", Absolute(4), at=[-1.0])
    ratios = dict(zip(found.dz.tolist(), found.ratio.tolist(), strict=True))
    assert ratios[-1.0] == pytest.approx(near, abs=5e-4)
    assert ratios[-4.0] == pytest.approx(far, abs=5e-4)
    assert np.isnan(ratios[0.0])


def test_the_saturated_curve_is_the_closed_form():
    found = curve(saturated(), "fc", Absolute(6))
    a = 1 / (1 + np.exp(-(4 + found.dz)))
    np.testing.assert_allclose(found.measured, a**2 / 2, atol=CLOSE)
    at_rest = 1 / (1 + np.exp(-4.0))
    assert found.slope == pytest.approx(at_rest**2 * (1 - at_rest), rel=1e-12)


@pytest.mark.parametrize("scope", ["shared", "each"])
def test_the_tangent_touches_the_curve_at_0_and_is_straight(small, scope):
    found = curve(small, "0[2]", scope=scope, at=[-1e-6, 1e-6])
    np.testing.assert_allclose(found.tangent, found.cost + found.slope * found.dz, atol=CLOSE)
    cost = dict(zip(found.dz.tolist(), found.measured.tolist(), strict=True))
    # a central difference of 1e-6 leaves 1e-10
    assert (cost[1e-6] - cost[-1e-6]) / 2e-6 == pytest.approx(found.slope, abs=1e-8)
    assert cost[0.0] == found.cost
    delta = nd.delta(small, "0").numpy()[:, 2]
    expected = delta.mean() if scope == "shared" else -np.abs(delta).mean()
    assert found.slope == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("site", ["0[2]", "1[2]", UNIT])
def test_shared_points_are_what_measure_and_predict_say_one_by_one(small, site):
    found = curve(small, site, points=5)
    assert set(found.predicted) == {"tangent", "first_order", "link", "linear_logits"}
    for place, dz in enumerate(found.dz):
        done = nd.measure(small, site, nd.Add(dz))
        assert found.effect[place] == pytest.approx(done["measured"][0], abs=CLOSE)
        own = found.per_example[place] - found.per_example[2]
        np.testing.assert_allclose(own, done.per_example[:, 0], atol=CLOSE)
        for name in ("first_order", "link", "linear_logits"):
            said = nd.predict(small, site, nd.Add(dz), predictor=name)["predicted"][0]
            assert found.predicted[name][place] - found.cost == pytest.approx(said, abs=CLOSE)


def test_each_examples_points_are_those_of_a_subject_of_that_example_alone(small):
    inputs, target = (torch.cat(parts)[:3] for parts in zip(*small.batches, strict=True))
    few = Subject(small.model, [(inputs, target)], "cross_entropy")
    found = curve(few, "0[2]", Absolute(1.5), "each", points=5)
    ways = np.where(nd.delta(few, "0").numpy()[:, 2] > 0, -1, 1)
    sums = {name: np.zeros(5) for name in found.predicted}
    for example in range(3):
        one = slice(example, example + 1)
        alone = Subject(small.model, [(inputs[one], target[one])], "cross_entropy")
        own = curve(alone, "0[2]", Absolute(1.5), points=5)
        there = own.measured[:: ways[example]]
        np.testing.assert_allclose(found.per_example[:, example], there, atol=CLOSE)
        for name, said in own.predicted.items():
            sums[name] += said[:: ways[example]]
    for name, total in sums.items():
        np.testing.assert_allclose(found.predicted[name], total / 3, atol=CLOSE, err_msg=name)


@pytest.mark.parametrize("scope", ["shared", "each"])
def test_linear_logits_is_the_truth_in_the_last_hidden_layer(small, scope):
    found = curve(small, UNIT, scope=scope)
    np.testing.assert_allclose(found.predicted["linear_logits"], found.measured, atol=CLOSE)
    early = curve(small, "0[2]", scope=scope)  # negative control: not before it
    assert np.abs(early.predicted["linear_logits"] - early.measured).max() > 1e-5


@pytest.mark.parametrize("scope", ["shared", "each"])
def test_measured_is_the_mean_over_the_examples(small, scope):
    found = curve(small, UNIT, scope=scope)
    assert found.per_example.shape == (81, 7)
    np.testing.assert_allclose(found.measured, found.per_example.mean(1), atol=CLOSE)
    assert found.cost == pytest.approx(found.per_example[40].mean(), abs=CLOSE)


def test_points_lie_evenly_within_the_radius_and_the_asked_ones_among_them(small):
    found = curve(small, UNIT, Absolute(2), points=6, at=[0.3, -7.0, 2.0])
    np.testing.assert_allclose(
        found.dz, [-7, -2, -4 / 3, -2 / 3, 0, 0.3, 2 / 3, 4 / 3, 2], atol=CLOSE
    )
    assert (found.radius, found.radius_text, found.radius_from) == (2.0, "2", "absolute")


def test_the_default_radius_is_four_std_of_the_unit(small):
    found = curve(small, UNIT)
    with torch.no_grad():
        z = torch.cat([small.model[:3](inputs) for inputs, _ in small.batches])[:, 1]
    assert found.radius == pytest.approx(4 * float(z.std(correction=0)), rel=1e-12)
    assert (found.dz[0], found.dz[-1]) == (-found.radius, found.radius)
    assert (found.radius_text, found.radius_from) == ("4·std", "unit")


def test_headroom_and_curve_agree_on_the_least_cost(small):
    found = nd.headroom(small, UNIT).to_arrow().to_pylist()[0]
    drawn = curve(small, UNIT, points=401)
    # the points lie 5e-3 of the radius apart, and C is bent by less than 1 over it: 2.5e-5 / 8
    assert drawn.measured.min() == pytest.approx(drawn.cost - found["headroom"], abs=4e-6)
    at_best = curve(small, UNIT, at=[found["best_dz"]])
    assert at_best.measured.min() == pytest.approx(drawn.cost - found["headroom"], abs=CLOSE)


def test_of_kinks_each_example_walks_its_own_way_down():
    found = curve(kink(*DISTANCES, -3.0), "fc", Absolute(0.4), "each")
    np.testing.assert_allclose(found.effect, -found.dz, atol=CLOSE)
    assert found.slope == -1.0


def test_of_a_metric_that_should_grow_each_example_walks_its_own_way_up(small):
    cost = nn.CrossEntropyLoss(reduction="none")
    grows = Subject(small.model, small.batches, lambda out, y: -cost(out, y), better="higher")
    up, down = curve(grows, UNIT, scope="each"), curve(small, UNIT, scope="each")
    np.testing.assert_allclose(up.measured, -down.measured, atol=CLOSE)
    assert up.slope == pytest.approx(-down.slope, abs=CLOSE)


def test_many_curves_are_those_of_each_unit_alone(small):
    ((dz, cost),) = curves(small, nd.units(small, "2"), Std(4), points=21)
    for unit in range(3):
        alone = curve(small, f"2[{unit}]", points=21)
        np.testing.assert_allclose(dz[:, unit], alone.dz, atol=CLOSE)
        np.testing.assert_allclose(cost[:, unit], alone.measured, atol=CLOSE)


def test_of_a_subject_with_one_unit_no_unit_need_be_named():
    assert curve(kink(), None, Absolute(1), points=3).unit.startswith("fc")


def test_progress_is_told(small):
    told: list[str] = []
    curve(small, UNIT, points=3, progress=lambda what, _done, _all: told.append(what))
    assert set(told) == {"measure", "predict"}


@pytest.fixture
def _unchecked() -> Iterator[None]:
    """Turn run-time type checks off, as users run: the refusals are our own."""
    was = config.jaxtyping_disable
    config.update("jaxtyping_disable", "1")
    yield
    config.update("jaxtyping_disable", "1" if was else "0")


@pytest.mark.usefixtures("_unchecked")
def test_bad_input_is_refused_in_words(small):
    with pytest.raises(SelectionError, match=r"3 units are selected \(2\[0\].*expected one"):
        curve(small, "2")
    with pytest.raises(PerturbationError, match="points is 2; expected a whole number"):
        curve(small, UNIT, points=2)
    with pytest.raises(PerturbationError, match=r"at \(a Δz\) is nan; expected a finite number"):
        curve(small, UNIT, at=[float("nan")])
    with pytest.raises(PerturbationError, match="scope is 'all'"):
        curve(small, UNIT, scope="all")
    with pytest.raises(PerturbationError, match=r"radius is -1; expected nd\.Std"):
        curve(small, UNIT, -1)


@pytest.mark.parametrize("scope", ["shared", "each"])
def test_of_a_metric_that_should_grow_the_best_point_is_the_highest(small, scope):
    lower = small
    cost = nn.CrossEntropyLoss(reduction="none")
    higher = Subject(
        lower.model, lower.batches, lambda out, y: -cost(out, y), better="higher"
    )  # fmt: skip
    found, mirrored = (curve(one, "0[1]", scope=scope) for one in (lower, higher))
    np.testing.assert_allclose(mirrored.measured, -found.measured, atol=1e-12)
    np.testing.assert_allclose(mirrored.dz, found.dz)
    assert mirrored.best == found.best
    assert found.measured[found.best] == found.measured.min()
    assert mirrored.gain == pytest.approx(found.gain, abs=1e-12)
    assert mirrored.gain > 0


@pytest.mark.parametrize(
    ("points", "at", "message"),
    [
        ("5", (), "points is '5'"),
        (5.5, (), "points is 5.5"),
        (81, 3.0, "at is 3.0"),
        (81, "1", "at is '1'"),
    ],
)
def test_a_grid_that_is_none_is_refused(points, at, message):
    with pytest.raises(PerturbationError, match=message):
        _require_points(points, at)
