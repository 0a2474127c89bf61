"""The acceptance experiments A1–A4, A6 and A12 of theory.md (d), on scikit-learn's digits."""

import copy
import itertools

import numpy as np
import pytest
import torch
from oracles.models import cross_entropy, seeded
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import Tensor, nn

import neurodemon as nd

Data = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def digits() -> tuple[Data, Data]:
    """1297 digits to train on, 500 to test on, in float32."""
    found = load_digits()
    x = torch.tensor(found.data / 16, dtype=torch.float32)
    y = torch.tensor(found.target)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    return (x[order[:1297]], y[order[:1297]]), (x[order[1297:]], y[order[1297:]])


def trained(
    sizes: list[int], activation: type[nn.Module], data: Data, *, epochs: int
) -> nn.Sequential:
    """A perceptron trained by Adam on batches of 32."""

    def make() -> nn.Sequential:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), activation()]
        return nn.Sequential(*layers[:-1])

    model = seeded(make)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    x, y = data
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model.eval()


def of(effects: nd.Effects) -> np.ndarray:
    """The effects per example."""
    assert effects.per_example is not None
    return effects.per_example


@pytest.fixture(scope="module", params=[nn.ReLU, nn.Tanh], ids=["relu", "tanh"])
def small(request: pytest.FixtureRequest, digits: tuple[Data, Data]) -> nd.Subject:
    """64-32-32-10, ten epochs, in float64, on 100 digits of the test set."""
    model = trained([64, 32, 32, 10], request.param, digits[0], epochs=10).double()
    x, y = digits[1]
    return nd.Subject(model, [(x[:100].double(), y[:100])], "cross_entropy")


def test_a1_at_the_output_headroom_is_minus_log_of_one_minus_delta(small: nd.Subject) -> None:
    delta = nd.delta(small, "4").numpy()
    lowest = np.minimum(*(of(nd.measure(small, "4", nd.Add(step))) for step in (60, -60)))
    assert np.abs(-lowest + np.log1p(-np.abs(delta))).max() < 1e-10


def test_a1_is_not_true_of_the_quadratic_cost(small: nd.Subject) -> None:
    """Negative control."""
    x, y = small.batches[0]
    target = nn.functional.one_hot(y, 10).double()
    subject = nd.Subject(small.model, [(x, target)], "quadratic")
    delta = nd.delta(subject, "4").numpy()
    lowest = np.minimum(*(of(nd.measure(subject, "4", nd.Add(s))) for s in (0.1, -0.1)))
    kept = np.abs(delta) < 0.9
    assert np.abs(-lowest[kept] + np.log1p(-np.abs(delta[kept]))).max() > 1e-2


def one_output(cost: str) -> tuple[nd.Subject, float]:
    """A linear neuron on one example, and its δ."""
    model = seeded(lambda: nn.Linear(3, 1)).double()
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    subject = nd.Subject(model, [(x, torch.full((1, 1), 0.3, dtype=torch.float64))], cost)
    return subject, float(nd.delta(subject, ":out"))


def test_a2_of_a_parabola_the_shape_is_one_half() -> None:
    subject, delta = one_output("quadratic")
    steps = [-delta - 1e-3, -delta, -delta + 1e-3]
    effects = [float(of(nd.measure(subject, ":out", nd.Add(step)))[0, 0]) for step in steps]
    assert effects[1] < min(effects[0], effects[2])  # best_dz = −δ
    assert -effects[1] / delta**2 == pytest.approx(0.5, abs=1e-6)


def test_a2_of_a_distance_the_shape_is_one() -> None:
    subject, delta = one_output("absolute_error")
    assert abs(delta) == 1
    cost = float(subject.recording(0).cost)
    headroom = -float(of(nd.measure(subject, ":out", nd.Add(-delta * cost)))[0, 0])
    assert headroom / (abs(delta) * cost) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("perturbation", [nd.Zero(), nd.Add(0.5), nd.Add(-2.0)], ids=str)
def test_a3_each_rung_is_at_least_the_one_below(
    small: nd.Subject, perturbation: nd.Zero | nd.Add
) -> None:
    first, link, logits = (
        of(nd.predict(small, "0, 2", perturbation, predictor=name))
        for name in ("first_order", "link", "linear_logits")
    )
    assert (first <= link + 1e-9).all()
    assert (link <= logits + 1e-9).all()
    assert (logits - first).max() > 1e-2  # negative control: they are not all the same


@pytest.mark.parametrize("perturbation", [nd.Zero(), nd.Add(0.5), nd.Add(nd.Std(2))], ids=str)
def test_a3_at_the_last_hidden_layer_linear_logits_is_the_truth(
    small: nd.Subject, perturbation: nd.Zero | nd.Add
) -> None:
    predicted = of(nd.predict(small, "2, 3", perturbation, predictor="linear_logits"))
    measured = of(nd.measure(small, "2, 3", perturbation))
    assert np.abs(predicted - measured).max() < 1e-10
    early = of(nd.predict(small, "0", perturbation, predictor="linear_logits"))
    assert np.abs(early - of(nd.measure(small, "0", perturbation))).max() > 1e-4  # not before it


def test_a4_the_self_concordant_interval_holds_the_truth_tightly(small: nd.Subject) -> None:
    model, (x, _) = small.model, small.batches[0]
    with torch.no_grad():
        z = model[:3](x)
        change = (model[3](z + 0.5) - model[3](z)).numpy()
        p = model(x).softmax(1).numpy()
    weights = model[4].weight.detach().numpy()
    reach = weights.max(0) - weights.min(0)
    curvature = p @ weights**2 - (p @ weights) ** 2
    r = reach * np.abs(change)
    first = of(nd.predict(small, "2", nd.Add(0.5), predictor="first_order"))
    excess = of(nd.measure(small, "2", nd.Add(0.5))) - first
    low = curvature * (np.exp(-r) + r - 1) / reach**2
    high = curvature * (np.exp(r) - r - 1) / reach**2
    assert (excess >= low - 1e-12).all()
    assert (excess <= high + 1e-12).all()
    moved = np.abs(change) > 1e-6
    assert np.median(excess[moved] / high[moved]) > 0.8


def test_a6_five_relu_layers_where_training_has_silenced_the_gradient(
    digits: tuple[Data, Data],
) -> None:
    model = trained([64, 32, 32, 32, 32, 32, 10], nn.ReLU, digits[0], epochs=60)
    subject = nd.Subject(model, [digits[1]], "cross_entropy")
    measured = nd.measure(subject)
    layer = np.array(measured["site"])
    truth = measured.array("measured")
    ranks: dict[str, list[float]] = {}
    for name in ("first_order", "link", "linear_logits"):
        predicted = nd.predict(subject, predictor=name).array("predicted")
        ranks[name] = [
            float(spearmanr(predicted[layer == one], truth[layer == one]).statistic)
            for one in ("1", "5", "9")
        ]
    assert max(ranks["first_order"]) < 0.7, ranks
    assert min(ranks["link"]) > 0.85, ranks
    assert min(ranks["linear_logits"]) > 0.93, ranks


def test_a12_in_float32_differences_keep_the_small_effects_that_states_lose(
    digits: tuple[Data, Data], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained([64, 64, 64, 10], nn.Tanh, digits[0], epochs=20)
    x, y = digits[1]
    steps = (1e-1, 1e-5, 1e-6)
    single = nd.Subject(copy.deepcopy(model), [(x, y)], cross_entropy)
    double = nd.Subject(model.double(), [(x.double(), y)], cross_entropy)
    truth = {step: nd.measure(double, "0, 2", nd.Add(step)).array("measured") for step in steps}

    def off(step: float) -> tuple[np.ndarray, nd.Effects]:
        found = nd.measure(single, "0, 2", nd.Add(step))
        return np.abs(found.array("measured") / truth[step] - 1), found

    for step in steps:
        error, found = off(step)
        assert np.median(error) < 5e-6
        assert set(found["status"]) == {"ok"}
    assert np.median(np.abs(truth[1e-6])) < 1e-8
    for where in ("measure", "pairs"):
        monkeypatch.setattr(f"neurodemon.engine.{where}.find_descent", lambda *_: None)
    monkeypatch.setattr("neurodemon.jobs.rows.find_descent", lambda *_: None)
    for step in steps:
        error, found = off(step)
        pairs = zip(found["status"], error, strict=True)
        assert "ok" not in {status for status, one in pairs if one > 0.1}
        if step == 1e-1:
            assert np.median(error) < 1e-3
            assert found["status"].count("ok") > 0.9 * len(found)
        else:
            assert np.quantile(error, 0.75) > 0.1
