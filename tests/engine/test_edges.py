"""Numbers and shapes at the edge: huge changes, forbidden classes, what lies oddly in memory.

Oracle: the model's own forward, run again for each unit (`capture="hooked"`).
"""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.formulas import sigmoid_change, tanh_change


def both_ways(model: nn.Module, batches: list, cost: object, site: str, what: nd.Add) -> tuple:
    """Measure by the graph, and by the model's own forward; give both, and the first's statuses."""
    found = [
        nd.measure(nd.Subject(model, batches, cost, capture=how), site, what)
        for how in ("exported", "hooked")
    ]
    return found[0].array("measured"), found[1].array("measured"), found[0]["status"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("change", [1e-6, -0.4, 3.0, -50.0, 1e4, -1e8, 1e16])
def test_tanh_and_sigmoid_keep_z_beside_any_change(dtype: torch.dtype, change: float) -> None:
    z = torch.tensor([-9.0, -0.7, -1e-3, 0.0, 0.2, 0.4, 3.0], dtype=dtype)
    d = torch.full_like(z, change)
    mpmath.mp.dps = 60
    for formula, exact in (
        (tanh_change, mpmath.tanh),
        (sigmoid_change, lambda x: 1 / (1 + mpmath.exp(-x))),
    ):
        for own, by, found in zip(z.tolist(), d.tolist(), formula(z, d).tolist(), strict=True):
            expected = float(exact(mpmath.mpf(own) + mpmath.mpf(by)) - exact(mpmath.mpf(own)))
            assert found == pytest.approx(expected, rel=40 * torch.finfo(dtype).eps, abs=0)


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_a_huge_step_is_measured_as_it_is(size: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    batch = (torch.randn(20, 6), torch.randint(0, 3, (20,)))
    ours, theirs, _ = both_ways(model, [batch], "cross_entropy", "0", nd.Add(size))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


class Forbidding(nn.Module):
    """A classifier that forbids its last class."""

    def __init__(self, fill: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.c, self.fill = nn.Linear(6, 8), nn.Linear(8, 3), fill

    def forward(self, x: Tensor) -> Tensor:
        logits = self.c(torch.relu(self.a(x)))
        return logits.masked_fill(torch.tensor([False, False, True]), self.fill)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fill", [-1e9, -math.inf, -3e38])
@pytest.mark.parametrize("step", [0.5, 100.0])
def test_a_forbidden_class_is_no_noise(dtype: torch.dtype, fill: float, step: float) -> None:
    model = Forbidding(fill).to(dtype)
    batch = (torch.randn(30, 6).to(dtype), torch.randint(0, 2, (30,)))
    ours, theirs, statuses = both_ways(model, [batch], "cross_entropy", "a", nd.Add(step))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert set(statuses) == {"ok"}


def test_a_forbidden_class_as_a_bias() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    model[2].bias.data[2] = -math.inf
    batch = (torch.randn(6, 4), torch.tensor([0, 1, 1, 0, 0, 1]))
    ours, theirs, _ = both_ways(model, [batch], "cross_entropy", "1", nd.Add(100.0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert np.isfinite(ours).all()


def test_a_large_output_that_the_cost_sees_stays_noise() -> None:
    """The control: −1e9 in a squared error is rounded by 64, and so that effects below are noise."""
    model = Forbidding(-1e9)
    aim = torch.tensor([0.0, 0.0, -1e9]).expand(30, 3)
    subject = nd.Subject(model, [(torch.randn(30, 6), aim)], "squared_error")
    assert bool((subject.recording(0).noise_floor > 100).all())


class PlaceReading(nn.Module):
    """Behind a forbidden class, a model that treats examples by their place in the batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.c = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        number = torch.arange(x.shape[0]) % 2 + 1.0
        logits = self.c(torch.tanh(self.a(x)).cumsum(1)) * number[:, None].to(x.dtype)
        return logits.masked_fill(torch.tensor([False, False, True]), -1e30)


def test_a_forbidden_class_hides_no_mistake() -> None:
    batch = (torch.randn(5, 6).double(), torch.randint(0, 2, (5,)))
    subject = nd.Subject(PlaceReading().double(), [batch], "cross_entropy", capture="exported")
    with pytest.raises(nd.errors.NeurodemonError):
        nd.measure(subject, "a", nd.Add(5.0))


@pytest.mark.parametrize("axes", [1, 2])
def test_a_convolution_of_defaults_without_bias(axes: int) -> None:
    torch.manual_seed(0)
    conv = {1: nn.Conv1d, 2: nn.Conv2d}[axes]
    model = nn.Sequential(
        conv(3, 4, 3), nn.ReLU(), conv(4, 5, 3, bias=False), nn.Flatten(), nn.Linear(5 * 5**axes, 3)
    )
    batch = (torch.randn(4, 3, *[9] * axes), torch.tensor([0, 1, 2, 0]))
    ours, theirs, _ = both_ways(model, [batch], "cross_entropy", "1", nd.Zero())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(ours).max() > 1e-3


class Squeezing(nn.Module):
    """A regression whose output loses its axes: of a batch of one, the examples' too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.c = nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(torch.relu(self.a(x))).squeeze()


def distance(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square()


@pytest.mark.parametrize("sizes", [(5, 1), (1,), (3,)])
def test_a_batch_of_one_that_is_squeezed(sizes: tuple[int, ...]) -> None:
    batches = [(torch.randn(n, 6), torch.randn(n)) for n in sizes]
    ours = nd.measure(nd.Subject(Squeezing(), batches, distance), "a", nd.Add(0.5))
    whole = (torch.cat([own[0] for own in batches]), torch.cat([own[1] for own in batches]))
    whole = tuple(torch.cat([own, own]) for own in whole)  # two of each: nothing is lost
    expected = nd.measure(nd.Subject(Squeezing(), [whole], distance), "a", nd.Add(0.5))
    np.testing.assert_allclose(ours.array("measured"), expected.array("measured"), atol=1e-6)


def test_a_lone_number_with_a_stride_is_hashed() -> None:
    table = torch.tensor([[0, 5], [1, 2]])
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    inputs = torch.randn(1, 6)
    found = [
        nd.measure(nd.Subject(model, [(inputs, target)], "cross_entropy"))
        for target in (table[:1, 0], torch.tensor([0]))
    ]
    assert found[0].manifest.batches == found[1].manifest.batches
    np.testing.assert_array_equal(found[0].array("measured"), found[1].array("measured"))


class Rolling(nn.Module):
    """A model that draws numbers that do not matter."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.c = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        nothing = 0 * torch.rand(x.shape[0], 8) * torch.randn_like(x[:, :1])
        return self.c(torch.tanh(self.a(x) + nothing).softmax(1))


@pytest.mark.parametrize("how", ["exported", "hooked"])
def test_numbers_drawn_in_the_forward_leave_the_random_state(how: str) -> None:
    batch = (torch.randn(5, 6), torch.randint(0, 3, (5,)))
    subject = nd.Subject(Rolling(), [batch], "cross_entropy", capture=how)
    before = torch.get_rng_state()
    for verb in (nd.check, nd.predict, nd.measure, nd.audit, nd.headroom):
        verb(subject)
        assert torch.equal(torch.get_rng_state(), before), verb
    torch.rand(1)
    assert not torch.equal(torch.get_rng_state(), before)


class Chance(nn.Module):
    """A classifier that returns a probability."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.b(torch.tanh(self.a(x))))[:, 0]


@pytest.mark.parametrize("weight", [None, torch.tensor(3.0)])
def test_a_chance_moved_out_of_its_range_gives_no_number_and_stops_nothing(
    weight: Tensor | None,
) -> None:

    def cost(chance: Tensor, target: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy(chance, target, weight, reduction="none")

    batch = (torch.randn(9, 4), torch.rand(9))
    subject = nd.Subject(Chance(), [batch], cost)
    assert nd.measure(subject, ":sigmoid", nd.Add(5.0))["status"] == ["non_finite"]
    ours, theirs, statuses = both_ways(Chance(), [batch], cost, "a", nd.Add(0.3))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert set(statuses) == {"ok"}


def test_an_operation_that_refuses_what_a_demon_makes_is_told_of() -> None:
    def cost(output: Tensor, _target: Tensor) -> Tensor:
        square = output[:, :, None] * torch.eye(3) + 1e-3
        return torch.linalg.cholesky(square)[:, 0, 0]

    model = nn.Sequential(nn.Linear(4, 3), nn.Softplus())
    subject = nd.Subject(model, [(torch.randn(5, 4), torch.zeros(5))], cost)
    assert set(nd.measure(subject, "1", nd.Add(0.5))["status"]) <= {"ok", "no_change"}
    with pytest.raises(torch.linalg.LinAlgError) as refusal:
        nd.measure(subject, "1", nd.Add(-50.0))
    assert "while measuring 3 units at '1'" in refusal.value.__notes__[0]


class Branching(Chance):
    """The same, run with hooks: a branch reads what it computes."""

    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        return torch.sigmoid(self.b(torch.tanh(z if z.sum() < 1e9 else 0 * z)))[:, 0]


def strict(chance: Tensor, target: Tensor) -> Tensor:
    """A cost that takes chances alone."""
    if not bool(((chance >= 0) & (chance <= 1)).all()):
        raise ValueError("no chance")
    return (chance - target).abs().sqrt()


@pytest.mark.parametrize("model", [Chance, Branching])
def test_a_cost_that_refuses_what_is_tried_on_it_is_predicted_where_it_can_be(
    model: type[Chance],
) -> None:
    generator = torch.Generator().manual_seed(0)
    batch = (torch.randn(9, 4, generator=generator), torch.rand(9, generator=generator))
    steep = model()
    steep.b.weight.data *= 20  # a tangent leaves [0, 1] soon
    subject = nd.Subject(steep, [batch], strict)
    for step, is_refused in ((1e-3, False), (60.0, True)):
        found = nd.audit(subject, "a", nd.Add(step))
        linear = found.effects.array("linear_logits")
        assert np.isnan(linear).any() == is_refused
        assert np.isfinite(found.effects.array("measured")).all()
        if not is_refused:
            np.testing.assert_allclose(linear, found.effects.array("measured"), rtol=0.2)


@pytest.mark.parametrize("capture", ["exported", "hooked"])
def test_the_users_own_cost_is_held_against_the_recorded_one_for_each_chunk(capture: Any) -> None:
    weight = np.ones(1, np.float32)  # no export reads an array of numpy's

    def cost(output: Tensor, target: Tensor) -> Tensor:
        scale = torch.from_numpy(weight * np.ones(len(output.detach().numpy()), np.float32))
        return nn.functional.cross_entropy(output, target, reduction="none") * scale

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    subject = nd.Subject(model, [(torch.randn(8, 4), torch.arange(8) % 3)], cost, capture=capture)
    nd.measure(subject, "0[0]")
    assert subject.capture(0).graph.is_foreign
    assert nd.measure(subject, "0[0]")["status"] == ["ok"]  # the control: it holds while it is one
    weight[0] = 2.0
    with pytest.raises(nd.NeurodemonError, match="differ from the recorded ones"):
        nd.measure(subject, "0[0]")
