"""Precisions: in each the noise floor is that of the lowest, and effects are right within it.

Oracle: the hook oracle in float64 on the same rounded weights and inputs. Tolerance: noise
floors of each example's cost, as theory.md §5 has them: an effect is a difference of two costs,
each of which has passed through the whole network.
"""

import numpy as np
import pytest
import torch
from oracles.models import Case, cast
from zoo.comparing import Studied, draw, oracle_effects, study
from zoo.entries import BY_NAME

import neurodemon as nd
from neurodemon.terms.units import UnitSet

FLOORS = 8
HALF, BRAIN, SINGLE, DOUBLE = torch.float16, torch.bfloat16, torch.float32, torch.float64
CASES = [
    *[("MLP", dtype) for dtype in (HALF, BRAIN, SINGLE, DOUBLE)],
    *[("CNN", dtype) for dtype in (HALF, BRAIN)],
    ("GPT-2", BRAIN),
    ("BERT", HALF),
]


def floors(studied: Studied) -> np.ndarray:
    """The noise floor of each example's cost."""
    return np.concatenate([one.noise_floor.numpy() for one in studied.subject.recordings()])


def truth(name: str, dtype: torch.dtype) -> Case:
    """The model in float64, its weights and inputs rounded to another precision."""
    case = BY_NAME[name].make()
    batches = [cast(cast(batch, dtype), DOUBLE) for batch in case.batches]
    return Case(case.model.to(dtype).double(), batches, case.cost)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_effects_are_right_within_the_noise_floor(name: str, dtype: torch.dtype) -> None:
    studied, exact = study(name, "exported", dtype), truth(name, dtype)
    largest = 0.0
    for site in studied.drawn_sites(4):
        block = draw(studied.case, site, "neuron", 2)
        found = nd.measure(studied.subject, UnitSet((block,)), nd.Zero()).per_example
        assert found is not None
        off = np.abs(found - oracle_effects(exact, block, nd.Zero()))
        assert (off <= FLOORS * floors(studied)[:, None]).all(), site.name
        largest = max(largest, np.abs(found).max())
    assert largest > floors(studied).min()


@pytest.mark.parametrize("dtype", [HALF, BRAIN, SINGLE])
def test_the_noise_floor_follows_the_precision(dtype: torch.dtype) -> None:
    ratio = floors(study("MLP", "exported", dtype)) / floors(study("MLP", "exported", DOUBLE))
    expected = torch.finfo(dtype).eps / torch.finfo(DOUBLE).eps
    np.testing.assert_allclose(ratio, expected, rtol=0.1)  # scale: outputs rounded to the dtype


def test_a_model_that_casts_inside_is_said_to_and_has_the_floor_of_the_lowest() -> None:
    studied = study("Llama", "exported", DOUBLE)
    assert "float32, float64 by turns" in " ".join(nd.check(studied.subject).notes)
    assert floors(studied).min() >= torch.finfo(SINGLE).eps


def test_effects_of_other_weights_are_not_within_the_noise_floor() -> None:
    """Negative control: rounding the weights is seen in float64."""
    studied, rounded = study("MLP", "exported", DOUBLE), truth("MLP", HALF)
    block = draw(studied.case, studied.drawn_sites()[0], "neuron", 2)
    found = nd.measure(studied.subject, UnitSet((block,)), nd.Zero()).per_example
    off = np.abs(found - oracle_effects(rounded, block, nd.Zero()))
    assert (off > FLOORS * floors(studied)[:, None]).any()
