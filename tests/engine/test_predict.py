"""The ladder against its formulas, worked out on the user's own model.

Oracle: `oracles.predictors` (hooks, autograd per site, NumPy), float64. Source: theory.md §1.4.
"""

import numpy as np
import pytest
import torch
from oracles.hooks import clean_values
from oracles.models import ZOO, Case, classes, seeded, squared
from oracles.predictors import (
    jacobian_of_outputs,
    link_absolute,
    link_cross_entropy,
    link_squared,
    sum_over,
    value_and_delta,
)
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.predict import Request, choose, influence, ladder_of, predict
from neurodemon.errors import PredictorError

Studied = tuple[Case, nd.Subject]


def of(effects: nd.Effects) -> np.ndarray:
    """The effects per example."""
    assert effects.per_example is not None
    return effects.per_example


@pytest.fixture(scope="module")
def mlp() -> Studied:
    """Linear 0 → ReLU 1 → Linear 2 → ReLU 3 → Linear 4, cross-entropy, one batch."""
    case = ZOO["relu mlp"]().to(torch.float64)
    case = Case(case.model, case.batches[:1], case.cost)
    return case, nd.Subject(case.model, case.batches, case.cost)


@pytest.fixture(scope="module")
def conv() -> Studied:
    """Convolutions along time: units with positions."""
    case = ZOO["conv1d"]().to(torch.float64)
    return case, nd.Subject(case.model, case.batches, case.cost)


def first_order_by_hand(case: Case, after: str) -> Tensor:
    """δ_a·Δa of zeroing z, a being the value of its ReLU."""
    ((inputs, target),) = case.batches
    a, delta_a = value_and_delta(case.model, inputs, target, case.cost, after)
    return delta_a * (0 - a)  # relu(0) − relu(z)


def test_tangent_is_delta_times_dz(mlp: Studied) -> None:
    case, subject = mlp
    ((inputs, target),) = case.batches
    z, delta = value_and_delta(case.model, inputs, target, case.cost, "0")
    found = of(nd.predict(subject, "0", nd.Zero(), predictor="tangent"))
    assert np.abs(found - (delta * -z).numpy()).max() < 1e-14


def test_first_order_is_taken_in_activation_space(mlp: Studied) -> None:
    case, subject = mlp
    found = of(nd.predict(subject, "0", nd.Zero(), predictor="first_order"))
    expected = first_order_by_hand(case, "1").numpy()
    assert np.abs(found - expected).max() < 1e-14
    tangent = of(nd.predict(subject, "0", nd.Add(2.0), predictor="tangent"))
    bent = of(nd.predict(subject, "0", nd.Add(2.0), predictor="first_order"))
    (z,) = clean_values(case.model, case.batches, "0")
    dead = (z < 0).numpy()
    assert not tangent[dead].any()
    assert bent[dead].any()  # a dead ReLU that the demon wakes


def test_first_order_at_an_activation_is_the_tangent(mlp: Studied) -> None:
    subject = mlp[1]
    one = of(nd.predict(subject, "1", nd.Mean(), predictor="tangent"))
    other = of(nd.predict(subject, "1", nd.Mean(), predictor="first_order"))
    assert np.abs(one - other).max() < 1e-15


def test_link_puts_the_cross_entropy_back_per_example(mlp: Studied) -> None:
    case, subject = mlp
    ((inputs, target),) = case.batches
    cost = case.cost(case.model(inputs), target).detach().numpy()
    x = first_order_by_hand(case, "1").numpy()
    found = of(nd.predict(subject, "0", nd.Zero(), predictor="link"))
    assert np.abs(found - link_cross_entropy(x, cost)).max() < 1e-12


def test_link_adds_up_the_units_positions_before_it_bends(conv: Studied) -> None:
    case, subject = conv
    ((inputs, target),) = case.batches
    cost = case.cost(case.model(inputs), target).detach().numpy()
    a, delta_a = value_and_delta(case.model, inputs, target, case.cost, "conv2:in")
    axes = ("example", "unit", "position")
    x = sum_over(delta_a * (0.5 - a), axes)
    found = of(nd.predict(subject, "conv2:in", nd.Set(0.5), predictor="link"))
    assert np.abs(found - link_cross_entropy(x, cost)).max() < 1e-12
    apart = sum_over(
        torch.from_numpy(
            link_cross_entropy((delta_a * (0.5 - a)).flatten(1).numpy(), cost)
        ).reshape(a.shape),
        axes,
    )
    assert np.abs(found - apart).max() > 1e-6  # negative control: bent at each position


def regression(cost: str, n_outputs: int) -> Studied:
    """A tanh network under a distance."""
    model = seeded(
        lambda: nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, n_outputs))
    ).double()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(8, 5, generator=generator, dtype=torch.float64)
    y = torch.randn(8, n_outputs, generator=generator, dtype=torch.float64)
    costs = {
        "squared_error": squared,
        "quadratic": lambda output, target: squared(output, target) / 2,
        "absolute_error": lambda output, target: (output - target).abs().sum(1),
    }
    return Case(model, [(x, y)], costs[cost]), nd.Subject(model, [(x, y)], cost)


@pytest.mark.parametrize(
    ("cost", "n_outputs"), [("squared_error", 3), ("quadratic", 2), ("absolute_error", 1)]
)
def test_link_of_distances(cost: str, n_outputs: int) -> None:
    case, subject = regression(cost, n_outputs)
    ((inputs, target),) = case.batches
    base = case.cost(case.model(inputs), target).detach().numpy()
    a, delta_a = value_and_delta(case.model, inputs, target, case.cost, "1")
    x = (delta_a * -a).numpy()
    formula = link_absolute if cost == "absolute_error" else link_squared
    found = of(nd.predict(subject, "1", nd.Zero(), predictor="link"))
    assert np.abs(found - formula(x, base)).max() < 1e-12


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_linear_logits_is_the_exact_cost_of_linearised_outputs(n_outputs: int) -> None:
    case, subject = regression("squared_error", n_outputs)
    _require_linear_logits(case, subject)


def test_linear_logits_of_a_classifier(mlp: Studied) -> None:
    _require_linear_logits(*mlp)


def _require_linear_logits(case: Case, subject: nd.Subject) -> None:
    """ℓ(f + J·Δa) − ℓ(f) for each unit of the first activation."""
    ((inputs, target),) = case.batches
    output = case.model(inputs).detach()
    base = case.cost(output, target)
    jacobian = jacobian_of_outputs(case.model, inputs, "1")
    (a,) = clean_values(case.model, case.batches, "1")
    expected = [
        case.cost(output - jacobian[:, :, unit] * a[:, unit, None], target) - base
        for unit in range(a.shape[1])
    ]
    found = of(nd.predict(subject, "1", nd.Zero(), predictor="linear_logits"))
    assert np.abs(found - torch.stack(expected, 1).numpy()).max() < 1e-13


def test_all_perturbations_and_sites_share_the_pass_and_give_the_same_as_alone(
    mlp: Studied,
) -> None:
    subject = mlp[1]
    together = of(nd.predict(subject, "0, 1, 2, 3"))
    apart = [of(nd.predict(subject, name)) for name in ("0", "1", "2", "3")]
    assert np.abs(together - np.concatenate(apart, axis=1)).max() < 1e-15


def test_auto_takes_the_highest_rung_that_applies(mlp: Studied) -> None:
    assert set(nd.predict(mlp[1])["predictor"]) == {"linear_logits"}
    wide = classes(
        seeded(lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 33))), (4,), (5,)
    )
    subject = nd.Subject(wide.model, wide.batches, wide.cost)
    assert set(nd.predict(subject)["predictor"]) == {"link"}
    smooth = nd.Subject(
        wide.model,
        wide.batches,
        lambda o, t: nn.functional.cross_entropy(o / 2, t, reduction="none"),
    )
    assert set(nd.predict(smooth)["predictor"]) == {"first_order"}
    with pytest.raises(PredictorError, match="at most 32 numbers"):
        nd.predict(subject, predictor="linear_logits")


def test_a_predictor_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PredictorError, match="'magic' does not exist"):
        choose("magic", ("tangent", "first_order"))


def test_a_cost_without_gradient_can_be_measured_not_predicted() -> None:
    case = ZOO["relu mlp"]()

    def wrong(output: Tensor, target: Tensor) -> Tensor:
        return (output.argmax(1) != target).float()

    subject = nd.Subject(case.model, case.batches, wrong)
    with pytest.raises(PredictorError, match="The cost has no gradient"):
        nd.predict(subject)
    assert len(nd.measure(subject)) == 13


def test_a_cost_that_reads_the_model_elsewhere_has_no_link() -> None:
    """The output is a vector, but hidden values reach the cost around it."""
    case = ZOO["nested output"]()
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert ladder_of(subject.recording(0)).predictors == ("tangent", "first_order")

    class Bypass(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            h = torch.tanh(self.stem(x))
            return {"logits": self.head(h), "penalty": h}

    def cost(output: dict[str, Tensor], target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output["logits"], target, reduction="none") + output[
            "penalty"
        ].sum(1)

    made = classes(seeded(Bypass), (4,), (5,))
    subject = nd.Subject(made.model, made.batches, cost)
    assert ladder_of(subject.recording(0)).predictors == ("tangent", "first_order")


def test_influence_of_an_output_is_its_jacobian(mlp: Studied) -> None:
    case, subject = mlp
    recording = subject.recording(0)
    site = recording.graph.site_by_name["1"]
    output = recording.graph.outputs[0]
    found = influence(recording, [site.node], output)[site.node]
    expected = jacobian_of_outputs(case.model, case.batches[0][0], "1").sum(1)
    assert float((found - expected).abs().max()) < 1e-13


def test_units_that_a_batch_does_not_have_are_refused(mlp: Studied) -> None:
    subject = mlp[1]
    block = nd.units(subject, "1").blocks[0]
    wrong = type(block)(block.site, block.kind, block.indices + 5, block.positions)
    recording = subject.recording(0)
    dz = torch.zeros(6, 1, 6, dtype=torch.float64)
    with pytest.raises(
        nd.NeurodemonError, match="Unit 10 of site '1' is not in every batch: one has 6"
    ):
        predict(recording, [Request(wrong, dz)], ("tangent",), ladder_of(recording))
