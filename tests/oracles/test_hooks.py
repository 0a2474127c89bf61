"""The oracle itself, against a network worked out by hand."""

import numpy as np
import pytest
import torch
from oracles.hooks import Place, clean_values, effects_by_hooks, unit_masks
from oracles.models import ZOO, squared
from oracles.predictors import jacobian_of_outputs, value_and_delta
from oracles.slopes import slope
from torch import nn


def by_hand() -> tuple[nn.Sequential, list]:
    """One input x, hidden (x, 2x), output 3·h0 + 5·h1; target 0."""
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [2.0]]))
        model[1].weight.copy_(torch.tensor([[3.0, 5.0]]))
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    return model, [(x, torch.zeros_like(x))]


def test_effects_of_a_network_worked_out_by_hand() -> None:
    model, batches = by_hand()
    (z,) = clean_values(model, batches, "0")
    assert z.tolist() == [[1, 2], [2, 4]]
    masks = unit_masks(("example", "unit"), z.shape)
    found = effects_by_hooks(model, batches, squared, "0", [0 * z], masks)
    # C = (13x)²; without h0 (10x)², without h1 (3x)²
    assert found.tolist() == [[100 - 169, 9 - 169], [400 - 676, 36 - 676]]


def test_the_same_at_the_next_modules_input() -> None:
    model, batches = by_hand()
    (z,) = clean_values(model, batches, "1:in")
    masks = unit_masks(("example", "unit"), z.shape)
    one = effects_by_hooks(model, batches, squared, "0", [0 * z], masks)
    assert (one == effects_by_hooks(model, batches, squared, "1:in", [0 * z], masks)).all()


def test_delta_and_jacobian_by_hand() -> None:
    model, batches = by_hand()
    x, y = batches[0]
    _, delta = value_and_delta(model, x, y, squared, "0")
    assert delta.tolist() == [[2 * 13 * 3, 2 * 13 * 5], [2 * 26 * 3, 2 * 26 * 5]]
    assert jacobian_of_outputs(model, x, "0").tolist() == [[[3, 5]], [[3, 5]]]


def test_slopes_are_delta() -> None:
    model, batches = by_hand()
    found = slope(model, batches[0], squared, "0", (slice(None), 1))
    assert torch.allclose(found, torch.tensor([130.0, 260.0], dtype=torch.float64))


def test_masks_of_positions_and_cells_in_row_major_order() -> None:
    axes = ("example", "unit", "position", "position")
    assert len(unit_masks(axes, (4, 3, 2, 5))) == 3
    assert len(unit_masks(axes, (4, 3, 2, 5), "position")) == 10
    cells = unit_masks(axes, (4, 3, 2, 5), "cell")
    assert cells[4] == (slice(None), 1, 0, 1)  # (0, 1) is the second position; feature 1 of 3
    assert np.arange(30).reshape(2, 5, 3)[0, 1, 1] == 4


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("fc1", Place("fc1")),
        ("a.b:in", Place("a.b", is_input=True)),
        ("cell#2", Place("cell", call=2)),
        ("rnn[out=1]", Place("rnn", leaf=1)),
        ("a:in#3[out=2]", Place("a", is_input=True, call=3, leaf=2)),
        (":out", Place("")),
    ],
)
def test_names_of_sites_are_read(name: str, place: Place) -> None:
    assert Place.parse(name) == place


def test_a_place_that_is_never_reached_fails() -> None:
    case = ZOO["reused"]()
    with pytest.raises(AssertionError, match="never reached"):
        clean_values(case.model, case.batches, "cell#3")


def test_the_oracle_leaves_no_hook_on_the_model() -> None:
    case = ZOO["reused"]()
    clean_values(case.model, case.batches, "cell#2")
    assert not any(module._forward_hooks for module in case.model.modules())
    assert not any(module._forward_pre_hooks for module in case.model.modules())
