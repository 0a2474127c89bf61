"""Padded examples are run on the positions that count, apart from longer ones: equal results.

Oracle: the same on all positions.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from oracles.models import Case, seeded
from torch import Tensor, nn
from torch.nn import functional
from zoo.hugging_face import LENGTH, WIDTH, WORDS, drawn, tokens

import neurodemon as nd
from neurodemon.engine.measure import measure
from neurodemon.engine.pairs import measure_pairs, prepare_pairs
from neurodemon.engine.shortcuts import find_shortcut, group_examples, width_of
from neurodemon.engine.spans import shutting
from neurodemon.engine.spans.groups import Groups
from neurodemon.engine.spans.places import Span
from neurodemon.engine.trials import PassSize, cut_passes
from neurodemon.jobs.nudging import Nudges

N = 9


def pooled(output: Any, target: tuple[Tensor, Tensor]) -> Tensor:
    """The distance of the mean over real tokens from a target."""
    aim, mask = target
    hidden = getattr(output, "last_hidden_state", output)
    real = mask.unsqueeze(-1).to(hidden.dtype)
    return ((hidden * real).sum(1) / real.sum(1) - aim).square().sum(1)


def filled(output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """The same of the largest over real tokens, padding filled with −9."""
    aim, mask = target
    return (output.masked_fill(~mask.bool()[..., None], -9.0).amax(1) - aim).square().sum(1)


def chosen(output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """The same of a sum, padding left out by `where`."""
    aim, mask = target
    zero = torch.zeros((), dtype=output.dtype)
    return (torch.where(mask.bool()[..., None], output, zero).sum(1) - aim).square().sum(1)


def at_last(output: Any, target: Tensor) -> Tensor:
    """The margin of the last token."""
    return functional.cross_entropy(output.logits[:, -1], target, reduction="none")


class Written(nn.Module):
    """Two blocks of attention written out, padding masked."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in range(2))
        self.mlp = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(2))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.embed(ids) * 2
        hidden = (mask == 0)[:, None]
        for qkv, mlp in zip(self.qkv, self.mlp, strict=True):
            q, k, v = qkv(x).chunk(3, dim=-1)
            scores = (q @ k.mT / WIDTH**0.5).masked_fill(hidden, -torch.inf)
            x = functional.layer_norm(x + scores.softmax(-1) @ v, (WIDTH,))
            x = x + torch.tanh(mlp(x))
        return x


SMALL = PassSize(4, 3)


def inputs_of(side: str = "right") -> tuple[Tensor, Tensor]:
    ids, mask = tokens(N, LENGTH, seed=8)
    return (ids, mask) if side == "right" else (ids.flip(1), mask.flip(1))


def bert(kernel: str = "sdpa", side: str = "right") -> Case:
    config = transformers.BertConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=20, max_position_embeddings=12, attn_implementation=kernel,
    )  # fmt: skip
    ids, mask = inputs_of(side)
    batch = ({"input_ids": ids, "attention_mask": mask}, (torch.randn(N, WIDTH), mask))
    return Case(drawn(transformers.BertModel, config), [batch], pooled)


def decoder() -> Case:
    config = transformers.GPTNeoXConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=16, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    ids, mask = inputs_of("left")
    inputs = {"input_ids": ids, "attention_mask": mask}
    kind = transformers.GPTNeoXForCausalLM
    return Case(drawn(kind, config), [(inputs, torch.arange(N))], at_last)


def written(cost: Callable[..., Tensor] = pooled) -> Case:
    ids, mask = inputs_of()
    batch = ({"ids": ids, "mask": mask}, (torch.randn(N, WIDTH), mask))
    return Case(seeded(Written), [batch], cost)


BERT = "encoder.layer.0.intermediate.dense"
CASES: dict[str, tuple[Callable[[], Case], str]] = {
    "bert": (bert, BERT),
    "bert, activation": (bert, "encoder.layer.0.intermediate.intermediate_act_fn"),
    "bert, last block": (bert, "encoder.layer.1.intermediate.dense"),
    "bert, heads": (bert, "encoder.layer.0.attention.output.dense:in/head"),
    "bert, positions": (bert, f"{BERT}/position"),
    "bert, at a position": (bert, f"{BERT}@2"),
    "bert, eager": (functools.partial(bert, "eager"), BERT),
    "bert, padded left": (functools.partial(bert, "sdpa", "left"), BERT),
    "decoder, padded left": (decoder, "gpt_neox.layers.0.mlp.act"),
    "written": (written, "mlp.0"),
    "written, filled": (functools.partial(written, filled), "mlp.0"),
    "written, chosen": (functools.partial(written, chosen), "mlp.0"),
}


@functools.cache  # captured once; nothing here changes it
def subject_named(name: str) -> nd.Subject:
    torch.manual_seed(2)
    case = CASES[name][0]().to(torch.float64)
    call = (lambda model, inputs: model(**inputs)) if isinstance(case.model, Written) else None
    return nd.Subject(case.model, case.batches, case.cost, call=call)


def block_of(name: str) -> Any:
    return nd.units(subject_named(name), CASES[name][1]).blocks[0]


def effects(name: str, size: PassSize = SMALL) -> np.ndarray:
    subject, block = subject_named(name), block_of(name)
    return measure(
        subject.recording(0), block, Nudges(subject, nd.Add(0.7))(block, 0), size
    ).numpy()


def groups_of(name: str) -> Groups | None:
    recording, site = subject_named(name).recording(0), block_of(name).site
    return group_examples(recording, site, site.node)


@pytest.fixture(autouse=True)
def states_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs whole states, also where changes could be carried down by themselves."""
    for room in ("measure", "pairs"):
        monkeypatch.setattr(f"neurodemon.engine.{room}.find_descent", lambda *_: None)


@pytest.fixture
def no_groups(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Runs every position of every example, as the slow twin does."""

    def switch() -> None:
        for room in ("trials", "pairs"):
            monkeypatch.setattr(f"neurodemon.engine.{room}.group_examples", lambda *_: None)
        for room in ("local", "trials", "pairs"):
            monkeypatch.setattr(f"neurodemon.engine.{room}.find_shortcut", lambda *_, **__: None)

    return switch


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [SMALL, PassSize(1, 1), PassSize(9, 2, most=30)])
def test_equal_to_all_positions(name: str, size: PassSize, no_groups: Callable[[], None]) -> None:
    few = effects(name, size)
    no_groups()
    whole = effects(name, size)
    np.testing.assert_allclose(few, whole, atol=1e-12 * max(1.0, np.abs(whole).max()))
    assert np.abs(whole).max() > 1e-3


@pytest.mark.parametrize("name", [name for name in CASES if "position" not in name])
def test_pairs_are_equal_too(name: str, no_groups: Callable[[], None]) -> None:
    subject, block = subject_named(name), block_of(name)
    dz, recording = Nudges(subject, nd.Add(0.7))(block, 0), subject.recording(0)
    chance = torch.Generator().manual_seed(0)
    rows = torch.randint(len(block), (25,), generator=chance)
    examples = torch.randint(N, (25,), generator=chance)
    prepared = prepare_pairs(recording, block, 4)
    found = measure_pairs(recording, block, rows, examples, dz=dz, prepared=prepared)
    assert len(prepared.clean) > 1
    assert prepared.n_clean == sum(len(members) for members, _ in prepared.clean.values())
    no_groups()
    np.testing.assert_allclose(found, effects(name)[examples, rows], atol=1e-12)


@pytest.mark.parametrize("name", ["bert", "decoder, padded left"])
def test_headroom_is_equal_too(name: str, no_groups: Callable[[], None]) -> None:
    subject, site = subject_named(name), CASES[name][1]
    few = nd.headroom(subject, f"{site}[0:3]")
    no_groups()
    subject.forget_recordings()
    whole = nd.headroom(subject, f"{site}[0:3]")
    for column in ("headroom", "best_dz"):
        np.testing.assert_allclose(few.array(column), whole.array(column), atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_groups_nest_and_hold_each_example_once(name: str) -> None:
    groups = groups_of(name)
    assert groups is not None
    assert sorted(groups.order) == list(range(N))
    assert groups.ends == tuple(sorted(set(groups.ends)))
    assert groups.ends[-1] == N
    for group in range(len(groups.ends)):
        assert groups.members(group)[-len(groups.own(group)) :] == groups.own(group)
        assert all(groups.of[example] == group for example in groups.own(group))


@pytest.mark.parametrize("name", ["bert", "bert, padded left", "decoder, padded left"])
def test_short_examples_are_run_on_few_positions(name: str) -> None:
    recording, site = subject_named(name).recording(0), block_of(name).site
    groups = groups_of(name)
    assert groups is not None
    _, mask = inputs_of("left" if "left" in name else "right")
    for group in range(len(groups.ends) - 1):
        course = find_shortcut(recording, site, site.node, group=group)
        assert course is not None
        real = mask[list(groups.members(group))].any(0).nonzero()[:, 0]
        region = course.regions[site.node]
        assert isinstance(region, Span)
        assert (region.start, region.stop) == (int(real[0]), int(real[-1]) + 1)


def test_passes_hold_each_example_once_and_no_more_than_they_may() -> None:
    recording, site = subject_named("bert").recording(0), block_of("bert").site
    for size in (PassSize(9, 1, most=12), PassSize(2, 2), PassSize(1, 1)):
        shapes = list(cut_passes(recording, size, 5, site, site.node))
        assert sorted(example for shape in shapes for example in shape.examples) == list(range(N))
        for shape in shapes:
            course = find_shortcut(recording, site, site.node, group=shape.group)
            width = width_of(course)
            assert shape.size * width <= (size.most or size.examples * size.rows) or shape.size == 1
            assert shape.rows <= 5


def test_examples_of_one_length_are_no_groups() -> None:
    case = bert().to(torch.float64)
    ((inputs, (aim, mask)),) = case.batches
    whole = torch.ones_like(mask)
    batch = ({**inputs, "attention_mask": whole}, (aim, whole))
    subject = nd.Subject(case.model, [batch], case.cost)
    site = nd.units(subject, BERT).blocks[0].site
    assert group_examples(subject.recording(0), site, site.node) is None


@pytest.mark.parametrize("is_proved", [True, False])
def test_a_wrong_mask_is_found_before_it_is_used(
    *, is_proved: bool, monkeypatch: pytest.MonkeyPatch, no_groups: Callable[[], None]
) -> None:
    """The control: a mask read one position too short must not go unseen."""
    hull = shutting.hull

    def short(has: Tensor, like: Span) -> Any:
        found = hull(has, like)
        return Span(found.place, found.start, found.stop - 1) if len(found) > 1 else found

    monkeypatch.setattr(shutting, "hull", short)
    if not is_proved:
        monkeypatch.setattr("neurodemon.engine.shortcuts._proves", lambda *_: True)
    subject_named("written").recording(0).kept.clear()
    try:
        few = effects("written")
    finally:
        subject_named("written").recording(0).kept.clear()
    no_groups()
    assert np.allclose(few, effects("written"), atol=1e-12) == is_proved
