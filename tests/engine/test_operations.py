"""Rank-one rules equal the dense path, and apply only where they are exact.

Oracle: the same measurement with the table of rules emptied.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from oracles.comparing import both, largest_gap
from oracles.models import ZOO, Case, classes, seeded
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine import operations
from neurodemon.engine.folding import Pass
from neurodemon.engine.operations import is_pointwise, rank_one
from neurodemon.engine.replay import Replay
from neurodemon.graph.node import Node, Ref


@pytest.fixture(autouse=True)
def _states_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are not carried down by themselves: what is tested here is what runs otherwise."""
    for room in ("measure", "pairs"):
        monkeypatch.setattr(f"neurodemon.engine.{room}.find_descent", lambda *_: None)


class Convolutions(nn.Module):
    """Two convolutions of drawn settings, of one, two or three dimensions."""

    def __init__(self, dims: int, kernel: int = 2, **settings: object) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        self.first, self.second = conv(2, 3, 1), conv(3, 4, kernel, **settings)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(torch.tanh(self.first(x)))
        return self.head(torch.tanh(h).flatten(2).sum(2))


def convolution(dims: int, **settings: object) -> Callable[[], Case]:
    """A case of it."""
    shape = (2, *(5, 4, 4)[:dims])
    return lambda: classes(seeded(lambda: Convolutions(dims, **settings)), (4,), shape)


class Linears(nn.Module):
    """x @ W in the ways there are, on tensors with a position axis or without."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first, self.head = way, nn.Linear(5, 4), nn.Linear(6, 3)
        self.weight, self.bias = nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        if self.way == "addmm":
            out = torch.addmm(self.bias, h.flatten(0, -2), self.weight).unflatten(0, h.shape[:-1])
        elif self.way == "addmm 2d":
            out = torch.addmm(self.bias, h, self.weight)
        elif self.way == "mm":
            out = torch.mm(h, self.weight)
        elif self.way == "matmul":
            out = torch.matmul(h, self.weight)
        elif self.way == "no bias":
            out = nn.functional.linear(h, self.weight.T)
        else:
            out = nn.functional.linear(h, self.weight.T, self.bias)
        out = torch.sin(out)
        return self.head(out if out.ndim == 2 else out.sum(1))


def linear(way: str, *positions: int) -> Callable[[], Case]:
    """A case of it."""
    return lambda: classes(seeded(lambda: Linears(way)), (4,), (*positions, 5))


CASES: dict[str, tuple[Callable[[], Case], str, str | None]] = {
    "linear": (linear("linear"), "first", "linear"),
    "linear without bias": (linear("no bias"), "first", "linear"),
    "linear at positions": (linear("linear", 3), "first", "linear"),
    "addmm": (linear("addmm 2d"), "first", "addmm"),
    "mm": (linear("mm"), "first", "mm"),
    "matmul": (linear("matmul"), "first", "matmul"),
    "matmul at positions": (linear("matmul", 3), "first", "matmul"),
    "conv1d": (convolution(1), "first", "conv1d"),
    "conv2d": (convolution(2), "first", "conv2d"),
    "conv3d": (convolution(3), "first", "conv3d"),
    "stride": (convolution(2, stride=(2, 1)), "first", "conv2d"),
    "padding": (convolution(2, padding=(1, 2)), "first", "conv2d"),
    "padding by name": (convolution(2, kernel=3, padding="same"), "first", "conv2d"),
    "dilation": (convolution(1, dilation=2, stride=2, padding=1), "first", "conv1d"),
    "no bias": (convolution(3, bias=False, padding=1), "first", "conv3d"),
}


def small_passes(subject: nd.Subject, site: str) -> np.ndarray:
    """Effects of all units, in passes of several rows that do not divide the units."""
    from neurodemon.engine.measure import measure  # noqa: PLC0415
    from neurodemon.engine.trials import PassSize  # noqa: PLC0415
    from neurodemon.jobs.nudging import Nudges  # noqa: PLC0415

    block = nd.units(subject, site).blocks[0]
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    return measure(subject.recording(0), block, dz, PassSize(3, 2)).numpy()


@pytest.mark.parametrize("name", CASES)
def test_each_rule_equals_the_dense_path_and_the_hook_oracle(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, site, operation = CASES[name]
    case = make().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    own = subject.recording(0).graph.site_by_name[site]
    exit_node = subject.recording(0).graph.users[own.node][0]  # tanh
    replay = Replay(subject.recording(0), exit_node, Pass(0, 4, 2))
    used = {replay.recording.graph[node].operation_name for node in replay.rules(own)}
    assert used == {operation}
    measured, expected = both(subject, case, nd.sites(subject)[site], nd.Add(0.7))
    assert largest_gap([(measured, expected)]) < 1e-12
    with_rules = small_passes(subject, site)
    monkeypatch.setattr(operations, "_RULES", {})
    assert not Replay(subject.recording(0), exit_node, Pass(0, 4, 2)).rules(own)
    assert np.abs(small_passes(subject, site) - with_rules).max() < 1e-12


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_rule_is_caught_by_the_dense_path(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a rule that takes the wrong unit's weights."""
    name = ("linear", "addmm", "conv2d")[place]
    case = CASES[name][0]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    right = small_passes(subject, "first")
    at, rule = operations._RULES[CASES[name][2]]

    def wrong(arguments: tuple, clean: Tensor, column: Tensor, units: Tensor) -> Tensor:
        return rule(arguments, clean, column, units.flip(0))

    monkeypatch.setitem(operations._RULES, CASES[name][2], (at, wrong))
    if rule is operations._convolution:
        monkeypatch.setattr(operations, "_convolution", wrong)
    assert np.abs(small_passes(subject, "first") - right).max() > 1e-3


class Awkward(nn.Module):
    """Where no rule holds: groups, transposed, a weight or summand that changes as well."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first = way, nn.Linear(5, 4)
        self.other, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
        self.weight = nn.Parameter(torch.randn(4, 4))
        self.conv = nn.Conv1d(4, 4, 1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        if self.way == "summand in the cone":
            out = torch.addmm(self.other(h), h, self.weight)
        elif self.way == "read twice":
            out = torch.addmm(h, h, self.weight)
        elif self.way == "scaled":
            out = torch.addmm(self.other.bias, h, self.weight, beta=0.5, alpha=2.0)
        elif self.way == "groups":
            out = self.conv(h[:, :, None])[:, :, 0]
        elif self.way == "two readers":
            out = self.other(h) * h.softmax(-1)
        else:
            out = torch.matmul(self.weight, h.unsqueeze(-1)).squeeze(-1)
        return self.head(torch.tanh(out))


@pytest.mark.parametrize(
    "way",
    ["summand in the cone", "read twice", "scaled", "groups", "two readers", "weight first"],
)
def test_where_no_rule_holds_the_numbers_are_right_all_the_same(way: str) -> None:
    case = classes(seeded(lambda: Awkward(way)), (4,), (5,)).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    pair = both(subject, case, nd.sites(subject)["first"], nd.Add(0.7))
    assert largest_gap([pair]) < 1e-12


def rule_of(node: Node, axis: int = 1) -> object:
    """The rule of a node for a change in `x`, a (2, 3) tensor with a (4, 3) weight."""
    return rank_one(node, "x", {"x": torch.ones(2, 3), "w": torch.ones(4, 3)}, axis)


def named(name: str) -> Callable[..., None]:
    """An operation of a name."""

    def operation() -> None:
        """Never called."""

    operation.__name__ = name
    return operation


def test_a_rule_is_for_the_input_that_changes_along_the_axis_it_sums() -> None:
    node = Node("y", named("linear"), (Ref("x"), Ref("w")))
    assert rule_of(node) is not None
    assert rule_of(node, axis=0) is None
    assert rule_of(Node("y", named("linear"), (Ref("w"), Ref("x")))) is None
    assert rule_of(Node("y", named("linear"), (Ref("x"), Ref("x")))) is None
    assert rule_of(Node("y", named("linear"), (Ref("x"),))) is None
    assert rule_of(Node("y", named("tanh"), (Ref("x"), Ref("w")))) is None
    assert rule_of(Node("y", named("linear"), (Ref("x"), Ref("w")), {"k": 1})) is None
    assert rule_of(Node("y", named("linear"), (Ref("x"), 2.0))) is None


def test_norms_and_dropout_are_pointwise_in_evaluation_only() -> None:
    for is_training in (True, False):
        norm = Node("y", named("batch_norm"), (Ref("x"), None, None, None, None, is_training))
        dropout = Node("y", named("dropout"), (Ref("x"), 0.5, is_training))
        assert is_pointwise(norm) is not is_training
        assert is_pointwise(dropout) is not is_training


def test_reductions_are_not_pointwise() -> None:
    assert is_pointwise(Node("y", named("relu"), (Ref("x"),)))
    assert not is_pointwise(Node("y", named("softmax"), (Ref("x"),)))
    assert not is_pointwise(Node("y", named("sum"), (Ref("x"),)))


def test_the_zoo_uses_rules_at_all() -> None:
    """Negative control of the whole file: rules are not simply never found."""
    case = ZOO["relu mlp"]()
    subject = nd.Subject(case.model, case.batches, case.cost)
    site = subject.recording(0).graph.site_by_name["1"]
    assert Replay(subject.recording(0), site.node, Pass(0, 6, 2)).rules(site)
