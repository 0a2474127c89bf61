"""Predictors that others bring: known by name, scored by the audit, held to their word."""

import inspect
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.plugins import registered
from neurodemon.errors import PredictorError
from neurodemon.extend import Place, register_predictor, unregister_predictor

NAME = "mine"
unchecked = inspect.unwrap(register_predictor)  # users have no shape checks


def subject_of() -> nd.Subject:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
    ).double()
    inputs = torch.randn(20, 4, dtype=torch.float64)
    halves = [(inputs[:12], inputs[:12, :3].argmax(1)), (inputs[12:], inputs[12:, :3].argmax(1))]
    return nd.Subject(model, halves, "cross_entropy")


@pytest.fixture(scope="module")
def subject() -> nd.Subject:
    return subject_of()


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    if NAME in registered():
        unregister_predictor(NAME)


def twice_curved(place: Place) -> Tensor:
    """First order, taken from what lies behind the nonlinearity by hand."""
    return place.over_units(place.activation_delta * (place.moved - place.activation))


def test_a_place_has_what_first_order_and_tangent_are_made_of(subject: nd.Subject) -> None:
    seen: list[Place] = []

    def look(place: Place) -> Tensor:
        seen.append(place)
        torch.testing.assert_close(place.over_units(place.delta * place.dz), place.tangent)
        torch.testing.assert_close(-place.z, place.dz)
        torch.testing.assert_close(place.cost, subject.recording(len(seen) - 1).cost)
        return twice_curved(place)

    register_predictor(NAME, look)
    found = nd.predict(subject, "0", predictor=NAME)
    assert found["predictor"] == [NAME] * 8
    assert len(seen) == 2
    own = nd.predict(subject, "0", predictor="first_order")
    np.testing.assert_allclose(found.per_example, own.per_example, atol=1e-15)


def test_an_audit_scores_a_plug_in_beside_the_ladder(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: -place.first_order)
    audit = nd.audit(subject, "1")
    scores = {row.predictor: row.spearman for row in audit.agreement}
    assert scores[NAME] == pytest.approx(-scores["first_order"])
    np.testing.assert_array_equal(audit.effects.array(NAME), -audit.effects.array("first_order"))
    assert set(audit.effects["predictor"]) == {"linear_logits"}  # auto never takes a plug-in


def test_a_plug_in_leads_a_budget_where_it_is_asked_for(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: place.first_order)
    own = nd.audit(subject, budget="70%", top=3, predictor="first_order")
    brought = nd.audit(subject, budget="70%", top=3, predictor=NAME)
    assert set(brought.effects["predictor"]) == {NAME}
    assert brought.effects["measured"] == own.effects["measured"]


def test_a_directions_plug_in_reads_its_coordinates(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: place.over_units(place.delta * place.dz))
    units = nd.units(subject, nd.Direction("0", [[1.0, 0, 0, 0, 0, 0, 2.0, 0]]))
    found = nd.predict(subject, units, predictor=NAME)
    np.testing.assert_allclose(
        found.per_example, nd.predict(subject, units, predictor="tangent").per_example
    )


@pytest.mark.parametrize(
    "found", [torch.zeros(3), None, torch.zeros(12, 9), torch.zeros(12, 8, dtype=torch.complex64)]
)
def test_a_predictor_of_another_shape_is_refused(found: object, subject: nd.Subject) -> None:
    register_predictor(NAME, lambda _: found)
    with pytest.raises(PredictorError, match=r"expected a tensor \(example, unit\) = \(12, 8\)"):
        nd.predict(subject, "0", predictor=NAME)


def test_a_predictor_that_fails_is_named(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda _: {}["nothing"])
    with pytest.raises(PredictorError, match=r"'mine' failed at '1' \(KeyError: 'nothing'\)"):
        nd.predict(subject, "1", predictor=NAME)


def test_a_predictor_that_writes_on_what_it_reads_changes_nothing(subject: nd.Subject) -> None:
    before = nd.predict(subject, "0", predictor="first_order").per_example

    def vandal(place: Place) -> Tensor:
        found = place.first_order.clone()
        parts = ("cost", "tangent", "first_order", "z", "dz", "delta", "activation", "moved")
        for name in (*parts, "activation_delta"):
            getattr(place, name).fill_(7.0)
        return found

    register_predictor(NAME, vandal)
    audit = nd.audit(subject, "0")
    np.testing.assert_allclose(audit.effects.array("first_order"), before.mean(0), atol=1e-15)
    np.testing.assert_allclose(audit.effects.array(NAME), before.mean(0), atol=1e-15)


def test_exact_rows_keep_their_digits_beside_a_prediction_far_off(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: torch.full_like(place.first_order, 1e20))
    found = nd.audit(subject, budget="70%", top=3, predictor=NAME).effects
    exact = np.array(found["evidence"]) == "exact"
    truth = nd.measure(subject).array("measured")
    assert exact.any()
    np.testing.assert_allclose(found.array("measured")[exact], truth[exact], atol=1e-13)


def test_a_prediction_that_is_no_number_proves_nothing(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: torch.full_like(place.first_order, torch.nan))
    found = nd.audit(subject, "3", budget="30%", top=4, predictor=NAME)
    true = set(nd.measure(subject, "3").top(4).spelled)
    recall = len(true & set(found.effects.top(4).spelled)) / 4
    assert found.certificate.recall_bound <= recall


def test_whole_numbers_and_gradients_are_taken_as_numbers(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: torch.ones_like(place.tangent, dtype=torch.int32))
    assert set(nd.predict(subject, "0", predictor=NAME)["predicted"]) == {1.0}


@pytest.mark.parametrize("name", ["link", "auto", "low", "measured", "two words", "", "None", 3])
def test_a_name_that_is_taken_or_none_is_refused(name: object) -> None:
    with pytest.raises(PredictorError, match="taken or no identifier"):
        unchecked(name, lambda place: place.tangent)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(PredictorError, match="is a float; expected a function"):
        unchecked(NAME, 0.5)


def test_a_forgotten_predictor_is_unknown_again(subject: nd.Subject) -> None:
    register_predictor(NAME, lambda place: place.tangent)
    unregister_predictor(NAME)
    with pytest.raises(PredictorError, match="does not exist"):
        nd.predict(subject, "0", predictor=NAME)
    with pytest.raises(PredictorError, match="is not registered"):
        unregister_predictor(NAME)
