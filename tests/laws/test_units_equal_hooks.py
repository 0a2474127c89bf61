"""Law: heads, groups, directions and positions = one full forward per unit with a hook.

Oracle: `oracles.attention`, float64. Tolerance: 1e-11 of the largest effect. Prompts are padded on
the left, so that the law says, too, that no demon acts at padding.
"""

from typing import Any

import numpy as np
import pytest
import torch
from oracles.attention import (
    HEADS,
    KEY_HEADS,
    SIZE,
    WIDTH,
    Move,
    decoder,
    effects_by_hooks,
    prompts,
    shifted,
    without,
    zeroed,
)
from torch import Tensor

import neurodemon as nd
from neurodemon.subjects.costs import next_token

OUTPUT, BLOCK, INNER = "layers.0.attn.o_proj:in", "layers.0", "layers.1.down:in"
LENGTHS = (7, 4, 6, 2)
VECTORS = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.fixture(scope="module")
def padded() -> tuple[nd.Subject, Tensor]:
    """A decoder on left-padded prompts, and which of their positions are real."""
    batch = prompts(LENGTHS)
    return nd.Subject(decoder(2), [batch], "next_token"), batch[0]["attention_mask"].bool()


def largest_gap(subject: nd.Subject, effects: nd.Effects, site: str, moves: list[Move]) -> float:
    expected = effects_by_hooks(subject.model, subject.batches[0], next_token, site, moves).numpy()
    found = effects.per_example
    assert found is not None
    counted = ~np.isnan(found)
    assert np.abs(expected[~counted]).max(initial=0) == 0, "an example not counted has an effect"
    return float(np.abs(found - expected)[counted].max() / np.abs(expected).max())


def test_heads_equal_hooks(padded: tuple[nd.Subject, Tensor]) -> None:
    subject, real = padded
    moves = [zeroed(real, slice(head * SIZE, (head + 1) * SIZE)) for head in range(HEADS)]
    effects = nd.measure(subject, f"{OUTPUT}/head")
    assert effects["kind"] == ["head"] * HEADS
    assert effects["unit"] == list(range(HEADS))
    assert largest_gap(subject, effects, OUTPUT, moves) < 1e-11


@pytest.mark.parametrize("name", ["k_proj", "v_proj"])
def test_heads_of_keys_and_values_equal_hooks(name: str, padded: tuple[nd.Subject, Tensor]) -> None:
    subject, real = padded
    site = f"layers.1.attn.{name}"
    moves = [zeroed(real, slice(head * SIZE, (head + 1) * SIZE)) for head in range(KEY_HEADS)]
    assert largest_gap(subject, nd.measure(subject, f"{site}/head"), site, moves) < 1e-11


def test_heads_at_one_position_equal_hooks(padded: tuple[nd.Subject, Tensor]) -> None:
    subject, real = padded
    moves = [zeroed(real, slice(head * SIZE, (head + 1) * SIZE), 4) for head in range(HEADS)]
    effects = nd.measure(subject, f"{OUTPUT}/head@4")
    assert largest_gap(subject, effects, OUTPUT, moves) < 1e-11
    assert effects["n_examples"] == [3] * HEADS, "the prompt of two tokens is padding there"


def test_positions_equal_hooks_and_count_the_examples_that_have_them(
    padded: tuple[nd.Subject, Tensor],
) -> None:
    subject, real = padded
    moves = [zeroed(real, slice(None), position) for position in range(real.shape[1])]
    effects = nd.measure(subject, f"{BLOCK}/position")
    assert largest_gap(subject, effects, BLOCK, moves) < 1e-11
    assert effects["n_examples"] == real.sum(0).tolist()
    counted = np.nanmean(effects.per_example, axis=0)
    assert effects["measured"] == pytest.approx(counted.tolist(), rel=1e-12)


def test_groups_equal_hooks_also_where_they_share_features(
    padded: tuple[nd.Subject, Tensor],
) -> None:
    subject, real = padded
    chosen = {"a": [1, 2, 5], "b": [5, 40, 3], "c": [7]}
    groups = [nd.Group(INNER, name, features) for name, features in chosen.items()]
    effects = nd.measure(subject, groups)
    moves = [zeroed(real, features) for features in chosen.values()]
    assert effects["name"] == list(chosen)
    assert effects["kind"] == ["group"] * 3
    assert largest_gap(subject, effects, INNER, moves) < 1e-11


@pytest.mark.parametrize("perturbation", [nd.Zero(), nd.Add(0.7)], ids=str)
def test_directions_through_the_residual_stream_equal_hooks(
    perturbation: Any, padded: tuple[nd.Subject, Tensor]
) -> None:
    subject, real = padded
    effects = nd.measure(subject, nd.Direction(BLOCK, VECTORS, "steer"), perturbation)
    is_zero = isinstance(perturbation, nd.Zero)
    moves = [without(real, v) if is_zero else shifted(real, v, 0.7) for v in VECTORS]
    assert effects["unit"] == [0, 1, 2]
    assert largest_gap(subject, effects, BLOCK, moves) < 1e-11


def test_a_direction_along_an_axis_is_that_neuron(padded: tuple[nd.Subject, Tensor]) -> None:
    subject, _ = padded
    axis = 3 * torch.eye(WIDTH, dtype=torch.float64)[5]  # its length plays no part
    for perturbation in (nd.Zero(), nd.Mean(), nd.Scale(2), nd.Resample(3)):
        neuron = nd.audit(subject, f"{BLOCK}[5]", perturbation).effects
        along = nd.audit(subject, nd.Direction(BLOCK, axis), perturbation).effects
        for column in ("measured", "tangent"):
            assert along[column] == pytest.approx(neuron[column], rel=1e-9)


def test_a_group_of_one_and_heads_of_one_unit_are_neurons(
    padded: tuple[nd.Subject, Tensor],
) -> None:
    subject, _ = padded
    lone = nd.Subject(
        subject.model, subject.batches, "next_token", heads={"layers.*.up": 3 * WIDTH}
    )
    neurons = nd.measure(lone, "layers.1.up[2:5]", nd.Mean())
    heads = nd.measure(lone, "layers.1.up/head[2:5]", nd.Mean())
    groups = nd.measure(lone, [nd.Group("layers.1.up", f"{i}", [i]) for i in (2, 3, 4)], nd.Mean())
    assert heads["measured"] == pytest.approx(neurons["measured"], rel=1e-10)
    assert groups["measured"] == pytest.approx(neurons["measured"], rel=1e-10)


def test_small_steps_of_made_units_are_predicted(padded: tuple[nd.Subject, Tensor]) -> None:
    subject, _ = padded
    made = [nd.Direction(BLOCK, VECTORS), nd.Group(INNER, "pair", [1, 2]), f"{OUTPUT}/head"]
    effects = nd.audit(subject, made, nd.Add(1e-6), predictor="tangent").effects
    assert effects["predicted"] == pytest.approx(effects["measured"], rel=1e-4)


@pytest.mark.parametrize("made", ["head", "group", "direction", "position"])
def test_headroom_of_made_units_is_what_the_best_step_measures(
    made: str, padded: tuple[nd.Subject, Tensor]
) -> None:
    subject, _ = padded
    units: Any = {
        "head": f"{OUTPUT}/head[1:3]",
        "group": [nd.Group(INNER, "a", [1, 2]), nd.Group(INNER, "b", [2, 3])],
        "direction": nd.Direction(BLOCK, VECTORS[:2]),
        "position": f"{BLOCK}/position[3:5]",
    }[made]
    found = nd.headroom(subject, units, nd.Absolute(0.5))
    chosen = list(nd.units(subject, units))
    for unit, best, headroom in zip(chosen, found["best_dz"], found["headroom"], strict=True):
        whole = nd.measure(subject, unit, nd.Add(best)).per_example
        assert whole is not None
        assert headroom == pytest.approx(-np.nanmean(whole), abs=1e-9)
        assert headroom > 0


def test_padded_prompts_give_the_effects_of_the_prompts_one_at_a_time() -> None:
    model, (inputs, target) = decoder(), prompts(LENGTHS)
    alone = [
        (
            {name: leaf[row : row + 1, -length:] for name, leaf in inputs.items()},
            target[row : row + 1, -length:],
        )
        for row, length in enumerate(LENGTHS)
    ]
    units = [f"{OUTPUT}/head", "layers.0.up", nd.Direction(BLOCK, VECTORS)]
    found, expected = (
        nd.measure(nd.Subject(model, batches, "next_token"), units).per_example
        for batches in ([(inputs, target)], alone)
    )
    assert found is not None
    assert expected is not None
    assert np.abs(found - expected).max() < 1e-11
