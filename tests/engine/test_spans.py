"""Positions that cannot change, or that the cost does not read, are not run: with equal results.

Oracle: the same measurement on all positions.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from oracles.models import Case, seeded
from torch import Tensor, nn
from torch.nn import functional
from zoo.hugging_face import LENGTH, WIDTH, WORDS, drawn, prompts, tokens

import neurodemon as nd
from neurodemon.engine.folding import Pass
from neurodemon.engine.measure import measure
from neurodemon.engine.pairs import measure_pairs, prepare_pairs
from neurodemon.engine.shortcuts import find_shortcut
from neurodemon.engine.spans import attention
from neurodemon.engine.spans import course as courses_room
from neurodemon.engine.spans.course import KEPT, find_course
from neurodemon.engine.spans.looking import Look
from neurodemon.engine.spans.places import (
    ALL,
    NONE,
    Place,
    Region,
    Span,
    holds,
    join,
    meet,
    narrow,
    put,
)
from neurodemon.engine.spans.rules import RULES, UNKNOWN
from neurodemon.engine.trials import PassSize
from neurodemon.graph.node import Node, Ref
from neurodemon.jobs.nudging import Nudges

LAST = LENGTH - 1
SMALL = PassSize(2, 3)


class Causal(nn.Module):
    """Two blocks of causal attention in plain torch, the query read through rows of one value."""

    def __init__(self, attend: Callable[..., Tensor], n_blocks: int = 2) -> None:
        super().__init__()
        self.embed, self.attend = nn.Embedding(WORDS, WIDTH), attend
        self.q = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(n_blocks))
        self.kv = nn.ModuleList(nn.Linear(WIDTH, 2 * WIDTH) for _ in range(n_blocks))
        self.mlp = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(n_blocks))
        self.norm = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(n_blocks))
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) * 3
        for q, kv, mlp, norm in zip(self.q, self.kv, self.mlp, self.norm, strict=True):
            key, value = kv(x).chunk(2, dim=-1)
            heads = [t.unflatten(-1, (2, -1)).transpose(1, 2) for t in (q(x), key, value)]
            found = self.attend(*heads)
            x = x + found.permute(0, 2, 1, 3).flatten(2)
            x = norm(x + torch.tanh(mlp(x)))
        return self.head(x)


def by_flag(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def by_hand(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    scores = (q @ k.mT / 2).masked_fill(hidden, -torch.inf)
    return scores.softmax(-1) @ v


def by_where(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scores scaled after the product, chosen by a mask, and a softmax in another precision."""
    open_ = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril()
    scores = torch.where(open_, torch.matmul(q, k.transpose(-1, -2)) / 2, -torch.inf)
    weights = scores.to(torch.float64).softmax(-1).to(q.dtype)
    return functional.dropout(weights, 0.5, training=False) @ v


def by_two(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Two masks, one after the other: each leaves the first query a key, both leave it none."""
    length, lowest = q.shape[2], torch.finfo(q.dtype).min
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    first = torch.zeros(length, length, dtype=torch.bool)
    first[:2, 0] = True
    masks = [
        torch.zeros(length, length, dtype=q.dtype).masked_fill(m, lowest) for m in (later, first)
    ]
    scores = q @ k.mT / 2 + masks[0] + masks[1]
    return scores.softmax(-1) @ v


def by_product(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Heads and examples along one axis, as `bmm` wants them."""
    flat = [t.reshape(-1, *t.shape[2:]) for t in (q, k, v)]
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    scores = torch.bmm(flat[0], flat[1].mT).masked_fill(hidden, -torch.inf)
    return torch.bmm(scores.softmax(-1), flat[2]).reshape(v.shape)


def by_habit(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """A mask of −10,000, which scores can make up for, and one that follows the softmax."""
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    weights = (q @ k.mT / 2).masked_fill(hidden, -1e4).softmax(-1)
    return (weights + 0.1) @ v


def both_ways(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v)


def by_window(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    length = q.shape[2]
    near = torch.ones(length, length, dtype=torch.bool).tril().triu(-1)
    mask = torch.zeros(length, length, dtype=q.dtype).masked_fill(~near, torch.finfo(q.dtype).min)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def blind_rows(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The second query may read nothing: finfo.min everywhere means all alike."""
    length = q.shape[2]
    mask = torch.zeros(length, length, dtype=q.dtype).masked_fill(
        ~torch.ones(length, length, dtype=torch.bool).tril(), torch.finfo(q.dtype).min
    )
    mask[1] = torch.finfo(q.dtype).min
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class Adding(nn.Module):
    """A residual stream added by `addmm`, a row for each token of each example."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.first = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH) / 4)
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        rows = torch.tanh(self.first(x)).reshape(-1, WIDTH)
        return self.head(torch.addmm(x.reshape(-1, WIDTH), rows, self.weight).view(x.shape))


def at_last(output: Any, target: Tensor) -> Tensor:
    """The margin of the last token."""
    logits = getattr(output, "logits", output)[:, -1]
    return functional.cross_entropy(logits, target, reduction="none")


def at_third(output: Tensor, target: Tensor) -> Tensor:
    """The same of the third token."""
    return functional.cross_entropy(output[:, 2], target, reduction="none")


def at_own(output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """The same, of another token for each example."""
    ids, place = target
    logits = output[torch.arange(output.shape[0]), place]
    return functional.cross_entropy(logits, ids, reduction="none")


def at_gathered(output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """The same by `gather`."""
    ids, place = target
    where = place[:, None, None].expand(-1, 1, output.shape[2])
    return functional.cross_entropy(output.gather(1, where)[:, 0], ids, reduction="none")


def at_all(output: Tensor, target: Tensor) -> Tensor:
    """The same of every token."""
    ids = target[:, None].expand(output.shape[:2])
    return functional.cross_entropy(output.transpose(1, 2), ids, reduction="none").mean(1)


def at_cls(output: Any, _target: Tensor) -> Tensor:
    """Of an encoder's first token alone."""
    return output.last_hidden_state[:, 0].square().sum(1)


def plain(attend: Callable[..., Tensor], cost: Callable, n_places: int = 0) -> Callable[[], Case]:
    def make() -> Case:
        generator = torch.Generator().manual_seed(3)
        ids = torch.randint(WORDS, (5, LENGTH), generator=generator)
        target: Any = torch.arange(5) % WORDS
        if n_places:
            target = (target, torch.tensor([1, 3, 2, 3, 1]))
        return Case(seeded(lambda: Causal(attend)), [(ids, target)], cost)

    return make


def adding() -> Case:
    case = plain(by_flag, at_last)()
    return Case(seeded(Adding), case.batches, at_last)


def gpt2(kernel: str = "sdpa", cost: Callable = at_last) -> Callable[[], Case]:
    def make() -> Case:
        config = transformers.GPT2Config(
            vocab_size=WORDS, n_embd=WIDTH, n_layer=3, n_head=2, n_positions=12, n_inner=20,
            bos_token_id=1, eos_token_id=2, attn_implementation=kernel,
        )  # fmt: skip
        inputs, _ = prompts((5,))[0]
        return Case(drawn(transformers.GPT2LMHeadModel, config), [(inputs, torch.arange(5))], cost)

    return make


def llama(kernel: str = "sdpa") -> Case:
    config = transformers.LlamaConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=16,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, attn_implementation=kernel,
    )  # fmt: skip
    inputs, _ = prompts((5,))[0]
    return Case(drawn(transformers.LlamaForCausalLM, config), [(inputs, torch.arange(5))], at_last)


def bert() -> Case:
    config = transformers.BertConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=20, max_position_embeddings=12,
    )  # fmt: skip
    ids, mask = tokens(5, LENGTH, seed=1)
    inputs = {"input_ids": ids, "attention_mask": mask}
    return Case(drawn(transformers.BertModel, config), [(inputs, torch.zeros(5))], at_cls)


FLAG, GPT2 = plain(by_flag, at_last), gpt2()
CASES: dict[str, tuple[Callable[[], Case], str, str]] = {  # case, site, reading of the site
    "flag": (FLAG, "mlp.0", ""),
    "flag, keys and values": (FLAG, "kv.0", ""),
    "flag, third token": (plain(by_flag, at_third), "mlp.0", ""),
    "flag, own token": (plain(by_flag, at_own, 1), "mlp.0", ""),
    "flag, gathered token": (plain(by_flag, at_gathered, 1), "mlp.0", ""),
    "flag, all tokens": (plain(by_flag, at_all), "mlp.0", ""),
    "adding": (adding, "first", ""),
    "by hand": (plain(by_hand, at_last), "mlp.0", ""),
    "by where": (plain(by_where, at_last), "mlp.0", ""),
    "by where, keys and values": (plain(by_where, at_last), "kv.0", ""),
    "by two masks": (plain(by_two, at_last), "mlp.0", ""),
    "by bmm": (plain(by_product, at_last), "mlp.0", ""),
    "by habit": (plain(by_habit, at_last), "mlp.0", ""),
    "both ways": (plain(both_ways, at_last), "mlp.0", ""),
    "window": (plain(by_window, at_last), "mlp.0", ""),
    "blind rows": (plain(blind_rows, at_last), "mlp.0", ""),
    "gpt2": (GPT2, "transformer.h.0.attn.c_proj", ":in/head"),
    "gpt2, neurons": (GPT2, "transformer.h.1.mlp.act", ""),
    "gpt2, eager": (gpt2("eager"), "transformer.h.0.attn.c_proj", ":in/head"),
    "llama": (llama, "model.layers.0.self_attn.o_proj", ":in/head"),
    "llama, neurons": (llama, "model.layers.0.mlp.act_fn", ""),
    "llama, eager": (functools.partial(llama, "eager"), "model.layers.0.mlp.act_fn", ""),
    "bert": (bert, "encoder.layer.0.intermediate.dense", ""),
}
NO_COURSE_AT_POSITION = {"flag, all tokens", "both ways"}  # late positions spare some of it


@functools.cache  # captured once; nothing here changes it
def subject_of(make: Callable[[], Case]) -> nd.Subject:
    case = make().to(torch.float64)
    return nd.Subject(case.model, case.batches, case.cost)


def subject_named(name: str) -> nd.Subject:
    return subject_of(CASES[name][0])


def block_of(name: str, position: int | None = None) -> Any:
    _, site, reading = CASES[name]
    at = "" if position is None else f"@{position}"
    if position is not None and not reading:
        site = f"{site}[0:3]"
    return nd.units(subject_named(name), f"{site}{reading}{at}").blocks[0]


def effects(name: str, position: int | None, size: PassSize = SMALL) -> np.ndarray:
    subject, block = subject_named(name), block_of(name, position)
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    return measure(subject.recording(0), block, dz, size).numpy()


@pytest.fixture(autouse=True)
def states_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs whole states, also where changes could be carried down by themselves."""
    for room in ("measure", "pairs"):
        monkeypatch.setattr(f"neurodemon.engine.{room}.find_descent", lambda *_: None)


@pytest.fixture
def all_positions(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Runs every position, as the slow twin does."""

    def switch() -> None:
        for room in ("local", "trials", "pairs"):
            monkeypatch.setattr(f"neurodemon.engine.{room}.find_shortcut", lambda *_, **__: None)

    return switch


def courses(subject: nd.Subject) -> list[Any]:
    return [own for own in subject.recording(0).kept[KEPT].values() if own is not None]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("position", [None, 2, LAST])
def test_equal_to_all_positions(
    name: str, position: int | None, all_positions: Callable[[], None]
) -> None:
    few = effects(name, position)
    all_positions()
    whole = effects(name, position)
    np.testing.assert_allclose(few, whole, atol=1e-12 * max(1.0, np.abs(whole).max()))


@pytest.mark.parametrize("name", CASES)
def test_a_change_at_the_last_position_spares_work(name: str) -> None:
    subject = subject_named(name)
    effects(name, LAST)
    shares = [own.share for own in courses(subject)]
    assert shares
    assert min(shares) < (0.9 if name in NO_COURSE_AT_POSITION else 0.6)
    proofs = [own for key, own in subject.recording(0).kept.items() if key[0] == "proved"]
    assert proofs == [True] * len(proofs)


@pytest.mark.parametrize("name", ["gpt2", "gpt2, eager"])
def test_a_causal_model_runs_the_positions_from_the_change_on(name: str) -> None:
    recording = subject_named(name).recording(0)
    node = recording.graph.site_by_name["transformer.h.0.attn.c_proj:in"].node
    for position in range(LENGTH):
        course = find_course(recording, node, Span(Place(1), position, position + 1))
        assert course is not None
        norms = [s.region for s in course.strides if s.node.operation_name == "layer_norm"]
        spans = [own for own in norms if isinstance(own, Span)]
        assert [(own.start, own.stop) for own in spans] == [
            (position, position + 1),  # before the multilayer perceptron of its own block
            (position, position + 1), (position, LENGTH),  # around the second block's attention
            (position, LENGTH), (LAST, LENGTH),  # the third's: keys of all, the last query alone
            (LAST, LENGTH),
        ]  # fmt: skip


@pytest.mark.parametrize("name", ["by hand", "by where"])
def test_masks_written_out_spare_what_the_flag_spares(name: str) -> None:
    shares = []
    for each in (name, "flag"):
        recording = subject_named(each).recording(0)
        node = recording.graph.site_by_name["mlp.0"].node
        course = find_course(recording, node, Span(Place(1), 2, 3))
        assert course is not None
        norms = [s.region for s in course.strides if s.node.operation_name == "layer_norm"]
        spans = [own for own in norms if isinstance(own, Span)]
        shares.append([(own.start, own.stop) for own in spans])
    assert shares[0] == shares[1] == [(2, 3), (LAST, LENGTH)]


@pytest.mark.parametrize(("name", "first"), [("by hand", 4), ("by two masks", 0), ("by habit", 0)])
def test_which_queries_a_key_reaches(name: str, first: int) -> None:
    """Scores make up for a mask of −10,000; a query that may read nothing reads all alike."""
    recording = subject_named(name).recording(0)
    node = recording.graph.site_by_name["kv.0"].node
    look = Look(recording, {node: Span(Place(1), 4, 5)})
    products = []
    for below in recording.graph.below(node):
        look.reach[below.name] = RULES.get(below.operation_name, UNKNOWN).forward(look, below)
        products += [below.name] * (below.operation_name == "matmul")
    found = look.reach[products[1]]  # weights times values of the first block
    assert found == Span(Place(2), first, LENGTH) or (found == ALL and not first)


@pytest.mark.parametrize("name", ["flag, third token", "flag, own token", "flag, gathered token"])
def test_what_the_cost_never_reads_is_exactly_nothing(name: str) -> None:
    assert not effects(name, LAST).any()
    assert effects(name, 0).any()
    course = find_shortcut(
        subject_named(name).recording(0), block_of(name).site, block_of(name).site.node, LAST
    )
    assert course is not None
    assert course.is_dead


@pytest.mark.parametrize("size", [PassSize(1, 1), PassSize(5, 1), PassSize(3, 40)])
def test_passes_of_any_size_give_the_same(size: PassSize) -> None:
    expected = effects("gpt2, neurons", 2)
    np.testing.assert_allclose(effects("gpt2, neurons", 2, size), expected, atol=1e-13)


@pytest.mark.parametrize("name", ["flag", "gpt2", "bert", "flag, own token"])
def test_pairs_give_the_same(name: str) -> None:
    subject, block = subject_named(name), block_of(name)
    dz, recording = Nudges(subject, nd.Add(0.7))(block, 0), subject.recording(0)
    rows, examples = torch.tensor([0, len(block) - 1, 1, 0]), torch.tensor([3, 0, 4, 3])
    found = measure_pairs(
        recording, block, rows, examples, dz=dz, prepared=prepare_pairs(recording, block, 4)
    )
    np.testing.assert_allclose(found, effects(name, None)[examples, rows], atol=1e-12)


@pytest.mark.parametrize("kind", ["/position", "/direction"])
def test_units_of_other_kinds(kind: str, all_positions: Callable[[], None]) -> None:
    subject = subject_named("flag")
    if kind == "/position":
        units = nd.units(subject, "mlp.0/position")
    else:
        units = nd.units(subject, nd.Direction("mlp.0", np.eye(WIDTH)[:3] + 0.2))
    block = units.blocks[0]
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    few = measure(subject.recording(0), block, dz, PassSize(2, 3))
    all_positions()
    whole = measure(subject.recording(0), block, dz, PassSize(2, 3))
    assert bool(few.any())
    torch.testing.assert_close(few, whole, atol=1e-12, rtol=0)


class Forgetful(attention.Attention):
    """A wrong rule: it forgets who reads a changed key."""

    def forward(self, look: Any, node: Any) -> Region:
        return look.reach.get(node.inputs[0], NONE)


def forget(look: Any, node: Any) -> Region:
    """A wrong reading of weights times values: it forgets who reads a changed value."""
    return look.reach.get(node.inputs[0], NONE)


@pytest.mark.parametrize("name", ["flag", "by hand"])
@pytest.mark.parametrize("is_proved", [True, False])
def test_a_wrong_rule_is_found_before_it_is_used(
    *, name: str, is_proved: bool, monkeypatch: pytest.MonkeyPatch, all_positions: Callable
) -> None:
    if name == "flag":
        monkeypatch.setitem(RULES, "scaled_dot_product_attention", Forgetful())
    else:
        monkeypatch.setattr("neurodemon.engine.spans.product.rows_of_weighted", forget)
    if not is_proved:
        monkeypatch.setattr("neurodemon.engine.shortcuts._proves", lambda *_: True)
    subject_named(name).recording(0).kept.clear()  # what was found by the right rule
    few = effects(name, 0)
    subject_named(name).recording(0).kept.clear()
    all_positions()
    assert np.allclose(few, effects(name, 0), atol=1e-12) == is_proved


@pytest.mark.parametrize("name", ["slice", "select", "gather"])
def test_numbers_that_change_among_the_arguments_reach_everything(name: str) -> None:
    recording = subject_named("flag").recording(0)
    operation = getattr(torch.ops.aten, name)
    node = Node(name, operation, (Ref("x"), 1, Ref("k")))
    rule = RULES[node.operation_name]
    for reach in ({"k": ALL}, {"x": Span(Place(1), 0, 1), "k": ALL}):
        assert rule.forward(Look(recording, dict(reach)), node) == ALL


def test_a_graph_that_runs_as_a_whole_has_no_course() -> None:
    case = CASES["flag"][0]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost, capture="hooked")
    recording = subject.recording(0)
    assert recording.graph.whole is not None
    node = recording.graph.site_by_name["mlp.0"].node
    assert find_course(recording, node, Span(Place(1), 0, 1)) is None


def test_no_more_courses_are_kept_than_memory_can_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses_room, "MOST_KEPT", 1)
    recording = subject_named("flag").recording(0)
    recording.kept.clear()
    for position in (0, 2, LAST):
        effects("flag", position)
    assert len(recording.kept[KEPT]) == 1
    recording.kept.clear()


spans = st.tuples(st.integers(0, 6), st.integers(1, 6)).map(
    lambda own: Span(Place(1), own[0], own[0] + own[1])
)
regions = st.one_of(spans, st.just(ALL), st.just(NONE))


def members(region: Region) -> set[int]:
    if isinstance(region, Span):
        return set(range(region.start, region.stop))
    return set(range(12)) if region == ALL else set()


@given(regions, regions)
def test_regions_meet_and_join_as_sets_do(one: Region, other: Region) -> None:
    assert members(meet(one, other)) == members(one) & members(other)
    both = members(one) | members(other)
    joined = members(join(one, other))
    assert both <= joined
    assert joined == (set(range(min(both), max(both) + 1)) if both else set())
    assert holds(one, other) == (members(other) <= members(one) or one == ALL)


@given(outer=spans, inner=spans, is_merged=st.booleans())
def test_a_part_is_put_where_it_was_taken(outer: Span, inner: Span, *, is_merged: bool) -> None:
    whole = torch.arange(3 * 12 * 2.0).reshape(3, 12, 2)
    marks = -whole - 1
    place = Place(0, is_merged=True) if is_merged else Place(1)
    outer, inner = outer.moved(place), inner.moved(place)
    if is_merged:
        whole, marks = whole.flatten(0, 1), marks.flatten(0, 1)
    before = whole.clone()
    parts = narrow(whole, ALL, outer, 3), narrow(marks, ALL, inner, 3)
    found = put(parts[0], outer, parts[1], inner, 3).reshape(3, -1, 2)
    expected = whole.reshape(3, 12, 2)[:, outer.start : outer.stop].clone()
    for position in range(outer.start, outer.stop):
        if inner.start <= position < inner.stop:
            expected[:, position - outer.start] = marks.reshape(3, 12, 2)[:, position]
    assert torch.equal(found, expected)
    assert torch.equal(whole, before)
    if holds(outer, inner):
        again = narrow(found.reshape(parts[0].shape), outer, inner, 3)
        assert torch.equal(again, parts[1])


def test_the_window_ends_the_reach() -> None:
    """Two layers of a window of two: a change at 0 reaches no further than 2."""
    recording = subject_named("window").recording(0)
    course = find_course(
        recording, recording.graph.site_by_name["mlp.0"].node, Span(Place(1), 0, 1)
    )
    assert course is not None
    assert course.is_dead
    assert Pass(0, 5, 1).size == recording.n_examples
