"""nd.headroom: the toys' known numbers, what each column means, statuses, resuming, refusals."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn

import neurodemon as nd
from neurodemon.engine import explore
from neurodemon.errors import PerturbationError, SelectionError, SiteNotFoundError, SubjectError
from neurodemon.jobs import exploring
from neurodemon.jobs.exploring import find, headroom
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import DISTANCES, kink, saturated
from neurodemon.terms.effects import Effects
from neurodemon.terms.radii import Absolute, Std

STARTS = {(0.6, 0.9): False, (2.0, 2.0): True}  # Nielsen, ch. 3; whether it is saturated


def net(units: int) -> Subject:
    """A ReLU net in float64, on two batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(5, units), nn.ReLU(), nn.Linear(units, 3)).double()
        inputs = torch.randn(12, 5, dtype=torch.float64)
        target = torch.randint(0, 3, (12,))
    halves = [(inputs[:8], target[:8]), (inputs[8:], target[8:])]
    return Subject(model, halves, "cross_entropy", name="small")


@pytest.fixture(scope="module")
def wide() -> Subject:
    """Two chunks."""
    return net(70)


@pytest.fixture
def _coarse_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the coarsest grid, for speed."""
    monkeypatch.setattr(explore, "MOST_EVEN", explore.EVEN)


@pytest.fixture(scope="module")
def small() -> Subject:
    return net(6)


@pytest.fixture
def _unchecked() -> Iterator[None]:
    """Turn run-time type checks off, as users run: the refusals are our own."""
    was = config.jaxtyping_disable
    config.update("jaxtyping_disable", "1")
    yield
    config.update("jaxtyping_disable", "1" if was else "0")


@pytest.mark.parametrize(("start", "is_saturated"), STARTS.items())
@pytest.mark.parametrize("scope", ["shared", "each"])
def test_of_the_books_two_starts_only_the_bad_one_is_saturated(start, is_saturated, scope):
    effects = headroom(saturated(*start), "fc", scope=scope)
    assert (effects["verdict"] == ["SATURATED"]) is is_saturated
    assert effects["radius"] == [4.0]  # one example has no std: 1 stands in
    assert effects["radius_from"] == ["one"]


def test_the_saturated_neuron_has_the_closed_forms_headroom():
    """σ(z), target 0: C = a²/2, δ = a²(1 − a), and within 4 the least lies at the edge."""
    a, far = (1 / (1 + np.exp(-z)) for z in (4.0, 0.0))
    found = headroom(saturated(), "fc").to_arrow().to_pylist()[0]
    assert found["delta"] == pytest.approx(a**2 * (1 - a), rel=1e-12)
    assert found["headroom"] == pytest.approx((a**2 - far**2) / 2, rel=1e-12)
    assert (found["best_dz"], found["censored"]) == (-4.0, True)
    assert found["shape"] == pytest.approx(found["headroom"] / (4 * found["delta"]), rel=1e-12)
    assert found["predicted"] == pytest.approx(-4 * found["delta"], rel=1e-12)
    assert found["measured"] == pytest.approx(-found["headroom"], rel=1e-12)


@pytest.mark.parametrize("distance", [-3.9, 1e-6, 0.05, np.e])
@pytest.mark.parametrize("scope", ["shared", "each"])
def test_a_kink_is_a_kink_at_any_distance(distance, scope):
    found = headroom(kink(distance), None, scope=scope).to_arrow().to_pylist()[0]
    assert found["verdict"] == "KINK"
    assert found["shape"] == pytest.approx(1.0, abs=1e-9)
    assert abs(found["best_dz"]) == pytest.approx(abs(distance), rel=1e-9)
    assert found["headroom"] == pytest.approx(abs(distance), rel=1e-9)
    assert abs(found["delta"]) == 1


@pytest.mark.parametrize("distance", [1e-4, 5e6])
@pytest.mark.parametrize("times", [1.2, 17.0])
def test_a_kink_is_a_kink_within_any_radius_that_reaches_behind_it(distance, times):
    found = headroom(kink(distance), None, Absolute(times * distance)).to_arrow().to_pylist()[0]
    assert (found["verdict"], found["radius_from"]) == ("KINK", "absolute")
    assert found["shape"] == pytest.approx(1.0, abs=1e-9)
    assert found["best_dz"] == pytest.approx(-distance, rel=1e-9)


def test_kinks_at_many_distances_are_a_kink_for_each_ones_own_demon():
    found = headroom(kink(*DISTANCES), None, Absolute(5), "each").to_arrow().to_pylist()[0]
    assert found["verdict"] == "KINK"
    assert found["headroom"] == pytest.approx(np.mean(DISTANCES), rel=1e-9)
    assert found["best_dz"] == pytest.approx(np.median(DISTANCES), rel=1e-9)


def test_a_parabola_is_no_kink():
    """Negative control."""
    subject = Subject(kink(1.0).model, kink(1.0).batches, "squared_error")
    found = headroom(subject, None).to_arrow().to_pylist()[0]
    assert found["verdict"] != "KINK"
    assert found["shape"] == pytest.approx(0.5, abs=1e-6)
    assert found["best_dz"] == pytest.approx(-1, abs=1e-5)


class Five(nn.Module):
    """Five neurons: plain, dead but for a far way, cut off, heard too little, and explosive."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 5)
        with torch.no_grad():
            self.fc.weight.fill_(1.0)
            self.fc.bias.copy_(torch.tensor([0.0, -3.0, 0.0, 0.0, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.fc(x)
        weak = 1.6e-16 * z[:, 3]  # ±1.6e-16·2 on a cost of 1: a roundoff or two
        loud = 1e-3 * torch.exp(torch.exp(8 * z[:, 4] - 8))
        return z[:, 0] + torch.relu(z[:, 1]) + 0 * z[:, 2] + weak + loud


def five() -> Subject:
    one = torch.ones(1, 1, dtype=torch.float64)
    return Subject(
        Five().double(), [(one, one[:, 0] * 0)], lambda out, target: (out - target).abs()
    )


@pytest.mark.parametrize("scope", ["shared", "each"])
def test_each_status_is_given_where_it_is_due(scope):
    found = headroom(five(), "fc", Absolute(2.5), scope)
    assert found["status"][0] == "ok"
    assert found["status"][2:] == ["no_change", "below_noise", "non_finite"]
    assert found["verdict"][2] == "DEAD"
    assert found["non_finite_share"] == [0, 0, 0, 0, 1]
    assert found["headroom"][4] > 0  # what is finite was searched all the same
    assert found["shape"][2] is None


def test_without_a_slope_there_is_no_shape_but_headroom_all_the_same():
    one = torch.ones(1, 1, dtype=torch.float64)
    target = torch.full((1,), 9.0, dtype=torch.float64)
    subject = Subject(Five().double(), [(one, target)], lambda out, y: (out - y).abs())
    found = headroom(subject, "fc[1]", Absolute(4)).to_arrow().to_pylist()[0]
    assert (found["status"], found["delta"], found["shape"]) == ("no_slope", 0.0, None)
    assert found["headroom"] == pytest.approx(2.0, rel=1e-12)  # relu(−2 + 4)
    assert (found["best_dz"], found["censored"], found["verdict"]) == (4.0, True, "SATURATED")


@pytest.mark.usefixtures("_coarse_grid")
def test_columns_are_the_findings_put_together(wide):
    effects = headroom(wide, "1", scope="each")
    parts = find(wide, nd.units(wide, "1"), Std(4), ("each",))["each"]
    assert [len(part.radius) for part in parts] == [64, 6]

    def of(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts], axis=-1)

    delta, best, won = of("delta"), of("best_dz"), of("headroom")
    expected = {
        "delta": np.abs(delta).mean(0),
        "best_dz": np.median(np.abs(best), 0),
        "headroom": won.mean(0),
        "trust_radius": np.median(of("trust_radius"), 0),
        "censored_share": of("is_censored").mean(0),
        "non_finite_share": np.zeros(70),
        "radius": of("radius"),
        "measured": of("effects").mean(0),
        "predicted": (delta * best).mean(0),
        "cancellation": np.abs(delta.mean(0)) / np.abs(delta).mean(0),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(effects.array(name), values, atol=1e-15, err_msg=name)
    shapes = won.mean(0) / (np.abs(delta) * np.abs(best)).mean(0)
    np.testing.assert_allclose(effects.array("shape"), shapes, rtol=1e-12)
    assert effects["cancelling"] == [one < 0.1 for one in effects["cancellation"]]
    assert effects["censored"] == [share > 0.5 for share in effects["censored_share"]]
    np.testing.assert_array_equal(effects.per_example, of("effects"))


def test_delta_and_radius_are_those_of_the_units_own_numbers(small):
    effects = headroom(small, "1")
    values = torch.cat([small.model[1](small.model[0](x)) for x, _ in small.batches]).detach()
    np.testing.assert_allclose(effects.array("delta"), nd.delta(small, "1").mean(0), atol=1e-15)
    std = values.std(0, correction=0)
    std[std == 0] = values.std(correction=0)
    np.testing.assert_allclose(effects.array("radius"), 4 * std, rtol=1e-12)


@pytest.mark.usefixtures("_coarse_grid")
def test_what_the_best_dz_does_is_what_measure_says_of_it(small):
    for found in headroom(small, "1[0:5]").to_arrow().to_pylist():
        done = nd.measure(small, f"1[{found['unit']}]", nd.Add(found["best_dz"]))
        assert done["measured"][0] == pytest.approx(found["measured"], abs=1e-14)
        assert found["headroom"] == pytest.approx(max(0, -found["measured"]), abs=1e-14)


@pytest.mark.usefixtures("_coarse_grid")
def test_a_demon_for_each_example_wins_at_least_what_one_for_all_does(small):
    shared, each = (headroom(small, "0, 1", scope=scope) for scope in ("shared", "each"))
    assert (each.array("headroom") >= shared.array("headroom") - 1e-14).all()
    assert (each.array("headroom") > 1.1 * shared.array("headroom")).any()


def test_a_constant_unit_takes_the_sites_std_else_1_and_says_so():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).double()
        inputs = torch.randn(6, 2, dtype=torch.float64)
    with torch.no_grad():
        model[0].weight[1] = 0
    target = torch.zeros(6, dtype=torch.long)
    effects = headroom(Subject(model, [(inputs, target)], "cross_entropy"), "0")
    values = model[0](inputs).detach()
    assert effects["radius_from"] == ["unit", "site", "unit"]
    assert effects["radius"][1] == pytest.approx(4 * float(values.std(correction=0)), rel=1e-12)
    assert any("1 unit of '0' without spread" in note for note in effects.notes)
    lone = headroom(Subject(model, [(inputs[:1], target[:1])], "cross_entropy"), "0")
    assert lone["radius_from"] == ["site"] * 3  # three constant units, unlike each other


@pytest.mark.usefixtures("_coarse_grid")
def test_of_a_metric_that_should_grow_headroom_is_what_it_gains(small):
    cost = nn.CrossEntropyLoss(reduction="none")
    grows = Subject(small.model, small.batches, lambda out, y: -cost(out, y), better="higher")
    for scope in ("shared", "each"):
        lower, higher = headroom(small, "1", scope=scope), headroom(grows, "1", scope=scope)
        for name in ("headroom", "best_dz", "trust_radius", "shape"):
            np.testing.assert_allclose(
                higher.array(name), lower.array(name), rtol=1e-6, atol=1e-9, err_msg=name
            )
        assert higher["verdict"] == lower["verdict"]
        np.testing.assert_allclose(higher.array("measured"), -lower.array("measured"), atol=1e-12)
    np.testing.assert_allclose(
        headroom(grows, "1").array("delta"), -headroom(small, "1").array("delta"), atol=1e-15
    )


def test_shares_are_told_in_a_note(small):
    (note,) = [note for note in headroom(small, "1").notes if "demons of 6 units" in note]
    assert "% end at the radius" in note


@pytest.mark.usefixtures("_coarse_grid")
@pytest.mark.parametrize("scope", ["shared", "each"])
def test_stopped_and_resumed_is_undisturbed_bit_for_bit(wide, tmp_path, scope):
    def stop_after_a_chunk(what: str, done: int, _all: int) -> None:
        if what == "explore" and done >= 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        headroom(wide, "1", scope=scope, out=tmp_path, progress=stop_after_a_chunk)
    assert len(list(tmp_path.rglob("part-*"))) == 1
    calls: list[int] = []
    resumed = headroom(
        wide, "1", scope=scope, out=tmp_path, progress=lambda _what, done, _all: calls.append(done)
    )
    assert calls == [64, 70]  # the first chunk was not explored again
    undisturbed = headroom(wide, "1", scope=scope)
    assert resumed.table.equals(undisturbed.table)
    np.testing.assert_array_equal(resumed.per_example, undisturbed.per_example)
    kept = nd.load(tmp_path)
    assert isinstance(kept, Effects)
    assert kept.table.equals(undisturbed.table)


def test_a_run_of_another_radius_is_not_gone_on_with(small, tmp_path):
    headroom(small, "1[0]", out=tmp_path)
    with pytest.raises(nd.NeurodemonError, match=r"(?i)plan|other"):
        headroom(small, "1[0]", Std(3), out=tmp_path)


def test_a_run_of_the_other_direction_is_not_gone_on_with(small, tmp_path):
    headroom(small, "1[0]", out=tmp_path)
    grows = Subject(small.model, small.batches, small.cost, better="higher", name=small.name)
    with pytest.raises(nd.NeurodemonError, match="holds another run"):
        headroom(grows, "1[0]", out=tmp_path)


def test_the_model_and_its_gradients_are_left_as_they_were(small):
    before = {name: value.clone() for name, value in small.model.state_dict().items()}
    small.model.train()
    state = torch.random.get_rng_state()
    headroom(small, "1[0:3]", scope="each")
    assert small.model.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in small.model.state_dict().items())
    assert all(weight.grad is None and weight.requires_grad for weight in small.model.parameters())
    small.model.eval()


@pytest.mark.usefixtures("_unchecked")
@pytest.mark.parametrize(
    "radius", [0, -1.0, Std(0), Std(-4), float("nan"), float("inf"), "far", "4sdt", None, True, [4]]
)
def test_a_radius_that_leaves_no_room_is_refused(small, radius):
    with pytest.raises(PerturbationError, match=r"radius|finite"):
        headroom(small, "1[0]", radius)


@pytest.mark.usefixtures("_unchecked")
def test_bad_scopes_units_and_subjects_are_refused(small):
    with pytest.raises(PerturbationError, match="scope is 'all'; expected 'shared'"):
        headroom(small, "1[0]", scope="all")
    with pytest.raises(SiteNotFoundError, match="Site 'fc9' not found"):
        headroom(small, "fc9")
    with pytest.raises(SelectionError, match="expected a pattern"):
        headroom(small, 3.0)
    with pytest.raises(SubjectError, match="subject is a Sequential"):
        headroom(small.model)


def test_numbers_of_a_finding_that_are_not_finite_are_spelled_as_none():
    assert exploring._numbers(np.array([1.0, np.nan, np.inf])) == [1.0, None, None]


def test_a_run_of_another_cost_or_a_radius_that_prints_alike_is_not_gone_on_with(small, tmp_path):
    headroom(small, "1[0]", Absolute(1.0000001), out=tmp_path)
    dearer = Subject(small.model, small.batches, lambda out, y: 3 * small.cost(out, y))
    with pytest.raises(nd.NeurodemonError, match="holds another run: its cost"):
        headroom(dearer, "1[0]", Absolute(1.0000001), out=tmp_path)
    with pytest.raises(nd.NeurodemonError, match="holds another run: its plan"):
        headroom(small, "1[0]", Absolute(1.0000004), out=tmp_path)
