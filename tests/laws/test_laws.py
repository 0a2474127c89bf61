"""The laws of DESIGN §5 that apply today, each with a negative control.

Oracles: hooks and central differences on the user's own model, in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracles.comparing import UNCALLED, both
from oracles.hooks import clean_values, cost_with, effects_by_hooks, unit_masks
from oracles.models import ZOO, Case, classes, seeded, squared
from oracles.predictors import value_and_delta
from oracles.slopes import slope
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.measure import measure
from neurodemon.engine.trials import PassSize
from neurodemon.jobs.nudging import Nudges
from neurodemon.terms.units import UnitBlock

Studied = tuple[Case, nd.Subject]


def studied(name: str) -> Studied:
    """A case of the zoo in float64, and its subject."""
    case = ZOO[name]().to(torch.float64)
    return case, nd.Subject(case.model, case.batches, case.cost)


@pytest.fixture(scope="module")
def smooth() -> Studied:
    """A tanh network."""
    return studied("tanh mlp")


@pytest.fixture(scope="module")
def rough() -> Studied:
    """A residual CNN with ReLU and max-pooling, two batches."""
    return studied("residual cnn")


def of(effects: nd.Effects) -> np.ndarray:
    """The effects per example."""
    assert effects.per_example is not None
    return effects.per_example


@pytest.mark.parametrize("perturbation", [nd.Add(0), nd.Scale(1), nd.Noise(0.0), nd.Add(nd.Std(0))])
def test_a_demon_that_does_nothing_has_an_effect_of_exactly_zero(
    rough: Studied, perturbation: Any
) -> None:
    for verb in (nd.measure, nd.predict):
        effects = verb(rough[1], "**", perturbation)
        assert not of(effects).any()
        assert set(effects["status"]) == {"no_change"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_demon_that_does_nothing_has_no_effect_in_low_precision_either(
    dtype: torch.dtype,
) -> None:
    case = ZOO["encoder, batch first, dict"]().to(dtype)
    case = Case(case.model, case.batches[:1], case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert not of(nd.measure(subject, None, nd.Add(0.0))).any()


def test_a_demon_that_does_the_least_has_an_effect(smooth: Studied) -> None:
    """Negative control."""
    assert of(nd.measure(smooth[1], "0", nd.Add(1e-6))).all()


def _case(model: nn.Module) -> Case:
    """Its batches."""
    return classes(model, (4, 2), (2, 5))


@pytest.mark.parametrize("predictor", ["tangent", "first_order", "linear_logits"])
def test_on_a_linear_network_predicted_is_measured(predictor: str) -> None:
    made = _case(seeded(linear_model))
    case = Case(made.model, made.batches, linear_cost).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    for perturbation in (nd.Zero(), nd.Add(3.0), nd.Mean()):
        predicted = of(nd.predict(subject, "**", perturbation, predictor=predictor))
        measured = of(nd.measure(subject, "**", perturbation))
        assert np.abs(predicted - measured).max() < 1e-12 * np.abs(measured).max()


def linear_model() -> nn.Module:
    """A linear network with a skip and a convolution."""

    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc, self.head = nn.Conv1d(2, 3, 2), nn.Linear(12, 12), nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.conv(x).flatten(1)
            return self.head(h + self.fc(h))

    return Linear()


def linear_cost(output: Tensor, target: Tensor) -> Tensor:
    """Linear in the output."""
    return output[:, 0] * 2 - output[:, 1] + target


def test_on_a_bent_network_the_tangent_is_not_the_measurement(smooth: Studied) -> None:
    """Negative control."""
    predicted = of(nd.predict(smooth[1], "0", nd.Add(1.0), predictor="tangent"))
    measured = of(nd.measure(smooth[1], "0", nd.Add(1.0)))
    assert np.abs(predicted - measured).max() > 1e-2 * np.abs(measured).max()


def gaps(subject: nd.Subject, predictor: str, units: str) -> list[float]:
    """The largest gap/ε² for smaller and smaller ε."""
    found = []
    for size in (1e-1, 1e-2, 1e-3):
        predicted = of(nd.predict(subject, units, nd.Add(size), predictor=predictor))
        found.append(
            np.abs(of(nd.measure(subject, units, nd.Add(size))) - predicted).max() / size**2
        )
    return found


@pytest.mark.parametrize("predictor", ["tangent", "first_order", "link", "linear_logits"])
def test_on_smooth_networks_the_gap_shrinks_with_the_square(
    smooth: Studied, predictor: str
) -> None:
    found = gaps(smooth[1], predictor, "0, 1, 2")
    assert max(found) < 3 * min(found) + 1e-6
    assert max(found) < 5


def test_at_a_kink_the_gap_does_not_shrink_with_the_square() -> None:
    """Negative control: a ReLU within reach of the step, and a wrong δ."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU()).double()
    x = torch.zeros(2, 1, dtype=torch.float64)
    subject = nd.Subject(model, [(x, torch.ones_like(x))], "squared_error")
    found = gaps(subject, "tangent", "0")
    assert found[-1] > 50 * found[0]


@pytest.mark.parametrize(("examples", "rows"), [(1, 1), (1, 5), (3, 2), (4, 1), (2, 64)])
def test_otherwise_chunked_gives_the_same(rough: Studied, examples: int, rows: int) -> None:
    subject = rough[1]
    for name in ("conv1", "relu", "bn2"):
        block = nd.units(subject, name).blocks[0]
        dz = Nudges(subject, nd.Add(0.7))(block, 0)
        recording = subject.recording(0)
        whole = measure(recording, block, dz, PassSize(4, 4))
        parts = measure(recording, block, dz, PassSize(examples, rows))
        assert float((parts - whole).abs().max()) < 1e-13


def test_otherwise_chunked_in_float32_agrees_within_the_noise_floor() -> None:
    case = ZOO["residual cnn"]().to(torch.float32)
    subject = nd.Subject(case.model, case.batches, case.cost)
    block = nd.units(subject, "conv1").blocks[0]
    dz = Nudges(subject, nd.Zero())(block, 0)
    recording = subject.recording(0)
    one = measure(recording, block, dz, PassSize(1, 3))
    other = measure(recording, block, dz, PassSize(4, 4))
    assert float(((one - other).abs() / recording.noise_floor[:, None]).max()) < 4


def test_permuted_units_give_permuted_effects(rough: Studied) -> None:
    subject = rough[1]
    block = nd.units(subject, "fc:in").blocks[0]
    order = np.random.default_rng(0).permutation(len(block))
    shuffled = UnitBlock(block.site, block.kind, block.indices[order], block.positions[order])
    dz = Nudges(subject, nd.Zero())(block, 0)
    recording = subject.recording(0)
    one = measure(recording, block, dz, PassSize(4, 5)).numpy()
    other = measure(recording, shuffled, dz, PassSize(4, 5)).numpy()
    assert np.abs(other - one[:, order]).max() < 1e-13
    assert np.abs(other - one).max() > 1e-3  # negative control: the order is another


def test_permuted_examples_give_permuted_effects(rough: Studied) -> None:
    case, subject = rough
    (x, y), *_ = case.batches
    order = torch.tensor([2, 0, 3, 1])
    other = nd.Subject(case.model, [(x[order], y[order]), case.batches[1]], case.cost)
    one, permuted = of(nd.measure(subject, "relu")), of(nd.measure(other, "relu"))
    assert np.abs(permuted[:4] - one[:4][order.numpy()]).max() < 1e-13
    assert np.abs(permuted[4:] - one[4:]).max() < 1e-13
    assert np.abs(permuted[:4] - one[:4]).max() > 1e-3


@pytest.mark.parametrize("name", ["residual cnn", "encoder, batch first, dict", "experts", "gru"])
def test_batched_is_one_at_a_time(name: str) -> None:
    case, _ = studied(name)
    batch = case.batches[0]
    count = len(batch[1])
    alone = [
        torch.utils._pytree.tree_map_only(Tensor, lambda leaf, i=i: leaf[i : i + 1], batch)
        for i in range(count)
    ]
    together = nd.Subject(case.model, [batch], case.cost)
    apart = nd.Subject(case.model, alone, case.cost)
    one, other = of(nd.measure(together)), of(nd.measure(apart))
    assert np.abs(one - other).max() < 1e-12
    one, other = of(nd.predict(together)), of(nd.predict(apart))
    assert np.abs(one - other).max() < 1e-12


def test_padding_changes_nothing() -> None:
    """A padded batch gives an example the effects it has alone, without padding."""
    case, _ = studied("encoder, batch first, dict")
    inputs, target = case.batches[0]
    lengths = (~inputs["mask"]).sum(1).tolist()
    assert min(lengths) < max(lengths)
    padded = of(nd.measure(nd.Subject(case.model, [(inputs, target)], case.cost)))
    for place in (lengths.index(min(lengths)), lengths.index(max(lengths))):
        length = lengths[place]
        cut = {
            "x": inputs["x"][place : place + 1, :length],
            "mask": inputs["mask"][place : place + 1, :length],
        }
        batch = (cut, target[place : place + 1])
        alone = of(nd.measure(nd.Subject(case.model, [batch], case.cost)))
        assert np.abs(alone[0] - padded[place]).max() < 1e-12


def sigmoid_net() -> Case:
    """The book's kind of network: sigmoid outputs and its cross-entropy."""
    model = seeded(
        lambda: nn.Sequential(nn.Linear(5, 6), nn.Sigmoid(), nn.Linear(6, 3), nn.Sigmoid())
    )
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    y = torch.rand(7, 3, generator=generator, dtype=torch.float64).round()
    return Case(model.double(), [(x, y)], squared)


def test_delta_at_the_output_is_a_minus_y_with_the_books_cross_entropy() -> None:
    case = sigmoid_net()
    x, y = case.batches[0]
    delta = nd.delta(nd.Subject(case.model, case.batches, "binary_cross_entropy"), "2")
    a = case.model(x).detach()
    assert float((delta - (a - y)).abs().max()) < 1e-14
    # negative control: the quadratic cost has σ′ in it
    quadratic = nd.delta(nd.Subject(case.model, case.batches, "quadratic"), "2")
    assert float((quadratic - (a - y) * a * (1 - a)).abs().max()) < 1e-14
    assert float((quadratic - (a - y)).abs().max()) > 1e-2


@pytest.mark.parametrize(
    ("name", "path"), [("tanh mlp", "2"), ("residual mlp", "ups.1"), ("swiglu", "down")]
)
def test_delta_summed_over_examples_is_the_bias_gradient(name: str, path: str) -> None:
    case, subject = studied(name)
    delta = nd.delta(subject, path)
    bias = case.model.get_submodule(path).bias
    total = sum(case.cost(case.model(x), y).sum() for x, y in case.batches)
    (expected,) = torch.autograd.grad(total, bias)
    assert float((delta.sum(0) - expected).abs().max()) < 1e-12
    assert float((delta[1:].sum(0) - expected).abs().max()) > 1e-6  # one example left out


@pytest.mark.parametrize(
    "name", ["tanh mlp", "residual cnn", "lstm", "position major", "encoder, time first, tuple"]
)
def test_delta_is_the_gradient_at_a_leaf_in_the_models_own_forward(name: str) -> None:
    case, subject = studied(name)
    case = Case(case.model, case.batches[:1], case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost)
    ((inputs, target),) = case.batches
    for site in nd.sites(subject):
        if ":" in site.name or "[" in site.name or UNCALLED in site.name:
            continue
        _, expected = value_and_delta(case.model, inputs, target, case.cost, site.name)
        assert float((nd.delta(subject, site.name) - expected).abs().max()) < 1e-12, site.name


@pytest.mark.parametrize("name", ["tanh mlp", "conv1d", "lstm"])
def test_delta_is_the_slope_by_central_differences(name: str) -> None:
    case, subject = studied(name)
    case = Case(case.model, case.batches[:1], case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost)
    site = nd.units(subject).sites[0]
    hooked = {"tanh mlp": "1", "conv1d": "conv2:in", "lstm": "rnn"}[name]
    assert hooked in site.names
    delta = nd.delta(subject, site.name)
    masks = unit_masks(site.axes, delta.shape)
    for mask in masks:
        found = slope(case.model, case.batches[0], case.cost, hooked, mask)
        other = list(range(1, delta[mask].ndim))
        expected = delta[mask].sum(other) if other else delta[mask]
        assert float((found - expected).abs().max()) < 1e-7


def test_delta_along_one_units_path_adds_up_to_the_measured_effect(smooth: Studied) -> None:
    """∫δ(z + t·Δz)·Δz dt = effect, by Gauss-Legendre of 12 points."""
    case, subject = smooth
    inputs, target = case.batches[0]
    (z,) = clean_values(case.model, case.batches[:1], "0")
    points, weights = np.polynomial.legendre.leggauss(12)
    measured = of(nd.measure(subject, "0[3]", nd.Zero()))[: len(target), 0]
    total = torch.zeros(len(target), dtype=torch.float64)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        total += weight * _delta_at(case, inputs, target, z, 1 - point) * -z[:, 3]
    assert np.abs(total.numpy() - measured).max() < 1e-10
    one_step = _delta_at(case, inputs, target, z, 1.0) * -z[:, 3]  # negative control
    assert np.abs(one_step.numpy() - measured).max() > 1e-3


def _delta_at(case: Case, inputs: Tensor, target: Tensor, z: Tensor, factor: float) -> Tensor:
    """δ of unit 3 with it scaled."""
    moved = z.clone()
    moved[:, 3] *= factor
    moved.requires_grad_()
    rest: Callable[[Tensor], Tensor] = case.model[1:]
    (delta,) = torch.autograd.grad(case.cost(rest(moved), target).sum(), moved)
    assert (
        cost_with(case.model, inputs, target, case.cost, "0", lambda _: moved).shape == target.shape
    )
    return delta[:, 3].detach()


def test_two_demons_on_different_units_of_a_site_commute(smooth: Studied) -> None:
    """Both at once is one after the other: the second acts on the network nudged by the first."""
    case, subject = smooth
    x, y = case.batches[0]
    (z,) = clean_values(case.model, case.batches[:1], "1")
    single = of(nd.measure(subject, "1[0], 1[2]"))[: len(y)]
    joint = effects_by_hooks(
        case.model, case.batches[:1], case.cost, "1", [0 * z], [(slice(None), [0, 2])]
    )[:, 0]
    for first, second in ((0, 2), (2, 0)):
        nudged = nn.Sequential(*case.model[:2], Silenced(first), *case.model[2:])
        after = of(nd.measure(nd.Subject(nudged, [(x, y)], case.cost), f"2[{second}]"))[:, 0]
        before = single[:, 0 if first == 0 else 1]
        assert np.abs(before + after - joint).max() < 1e-12
    assert np.abs(single.sum(1) - joint).max() > 1e-6  # negative control: effects do not add


class Silenced(nn.Module):
    """Sets one unit to 0."""

    def __init__(self, unit: int) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, z: Tensor) -> Tensor:
        mask = torch.ones(z.shape[1], dtype=z.dtype)
        mask[self.unit] = 0
        return z * mask


def test_an_overflow_is_a_status_not_an_error() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[2].weight.fill_(100)
    subject = nd.Subject(model, [(torch.ones(2, 2), torch.zeros(2, 2))], "squared_error")
    assert set(nd.measure(subject, "0", nd.Set(3e38))["status"]) == {"non_finite"}
    assert set(nd.measure(subject, "0", nd.Set(3e1))["status"]) == {"ok"}


def test_a_dead_unit_has_the_status_no_change() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([-100.0, 100.0]))
    subject = nd.Subject(model, [(torch.randn(4, 2), torch.zeros(4, 1))], "squared_error")
    assert nd.measure(subject, "0", nd.Add(1.0))["status"] == ["no_change", "ok"]


def test_units_that_only_some_batches_have_are_refused() -> None:
    case, _ = studied("lstm")
    longest = sorted(case.batches, key=lambda batch: -batch[0].shape[1])
    subject = nd.Subject(case.model, longest, case.cost)
    for verb in (nd.measure, nd.predict):
        with pytest.raises(
            nd.NeurodemonError, match="Position 5 of site 'embed' is not in every batch"
        ):
            verb(subject, "embed/position")
    kept = nd.measure(subject, "embed/position[0], embed/position[3]")
    assert kept["status"] == ["ok", "ok"]


def test_a_mean_over_batches_of_unlike_units_is_refused() -> None:
    case = ZOO["encoder, batch first, dict"]()
    subject = nd.Subject(case.model, case.batches, case.cost)
    with pytest.raises(nd.NeurodemonError, match=r"The batches have \[4, 5\] units here"):
        nd.measure(subject, "encoder.layers.0:in[out=1][0]", nd.Mean())


class Scaled(nn.Module):
    """Takes a plain number beside its tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor, scale: float) -> Tensor:
        return self.head(torch.tanh(self.fc(x) * scale))


def test_batches_with_other_plain_numbers_are_captured_anew() -> None:
    model = seeded(Scaled).double()
    case = classes(model, (4, 3), (5,))
    batches = [
        ({"x": x.double(), "scale": scale}, y)
        for (x, y), scale in zip(case.batches, (0.5, 2.0), strict=True)
    ]
    case = Case(model, batches, case.cost)
    subject = nd.Subject(model, batches, case.cost)
    measured, expected = both(subject, case, nd.sites(subject)["fc"], nd.Zero())
    assert np.abs(of(measured) - expected).max() < 1e-12
