"""Changes carried down equal whole states, rule by rule, and keep their digits.

Oracle: the same measurement with no way found, so that the operations run on whole states.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracles.models import Case, classes, cross_entropy, seeded, squared
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.engine import descent, differences, pairs
from neurodemon.engine import measure as measuring
from neurodemon.engine.carrying import norms, pooling, products, states
from neurodemon.engine.carrying import planes as planes_room
from neurodemon.engine.carrying.forms import Base, Way
from neurodemon.engine.carrying.table import RULES
from neurodemon.engine.descent import Descent
from neurodemon.engine.differences import find_descent
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import take_units
from neurodemon.engine.measure import measure
from neurodemon.engine.trials import PassSize
from neurodemon.graph.node import Node
from neurodemon.jobs.nudging import Nudges


class Through(nn.Module):
    """A function between a layer whose units are moved and a head."""

    def __init__(self, first: nn.Module, function: Callable, n_features: int) -> None:
        super().__init__()
        self.first, self.function, self.head = first, function, nn.Linear(n_features, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function(self.first(x)))


def flat(function: Callable, n_features: int = 5) -> Callable[[], Case]:
    """Units without positions."""
    return lambda: classes(
        seeded(lambda: Through(nn.Linear(4, 5), function, n_features)), (6,), (4,)
    )


def at_positions(function: Callable, n_features: int = 5) -> Callable[[], Case]:
    """Units that stand last, behind positions."""
    return lambda: classes(
        seeded(lambda: Through(nn.Linear(4, 5), function, n_features)), (6,), (3, 4)
    )


def planes(function: Callable, n_features: int, dims: int = 2) -> Callable[[], Case]:
    """Channels of a convolution, before their positions."""
    first = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    shape = (2, *(6, 7, 4)[:dims])
    return lambda: classes(
        seeded(lambda: Through(first(2, 4, 1), function, n_features)), (6,), shape
    )


class Own(nn.Module):
    """A layer of its own after the moved one, with an activation around it."""

    def __init__(self, layer: nn.Module, before: Callable, after: Callable) -> None:
        super().__init__()
        self.layer, self.before, self.after = layer, before, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layer(self.before(x)))


def layer(make: Callable[[], nn.Module], before: Callable, after: Callable) -> Callable:
    """The same as a function, its layer made when the model is."""
    return lambda: Own(make(), before, after)


def running(features: int) -> nn.BatchNorm2d:
    """Batch normalisation whose running statistics are not the default."""
    norm = nn.BatchNorm2d(features).eval()
    norm.running_mean, norm.running_var = torch.randn(features), torch.rand(features) + 0.5
    with torch.no_grad():
        norm.weight.uniform_(-1, 1)
    return norm


def pooled(x: Tensor) -> Tensor:
    return x.flatten(2).mean(2)


FIXED = torch.linspace(-1, 1, 5, dtype=torch.float64)
CASES: dict[str, tuple[Callable[[], Case], set[str]]] = {
    "relu": (flat(torch.relu), {"relu"}),
    "relu twice read": (flat(lambda x: torch.relu(x) + x), {"relu", "add"}),
    "tanh": (flat(torch.tanh), {"tanh"}),
    "sigmoid": (flat(torch.sigmoid), {"sigmoid"}),
    "gelu": (flat(functional.gelu), {"gelu"}),
    "leaky": (flat(lambda x: functional.leaky_relu(x, 0.2)), {"leaky_relu"}),
    "square": (flat(torch.square), {"square"}),
    "cube": (flat(lambda x: x**3), {"pow"}),
    "power two": (flat(lambda x: x**2), {"pow"}),
    "affine": (flat(lambda x: (1 - 2 * x) / 3), {"mul", "div", "rsub"}),
    "difference": (flat(lambda x: torch.tanh(x) - x), {"sub"}),
    "other way round": (flat(lambda x: x - torch.tanh(x)), {"sub"}),
    "times constant": (flat(lambda x: torch.tanh(x * FIXED.to(x.dtype))), {"mul"}),
    "positions": (at_positions(lambda x: torch.relu(x).mean(1)), {"mean"}),
    "positions summed": (at_positions(lambda x: torch.tanh(x).sum(1)), {"sum"}),
    "positions kept": (at_positions(lambda x: x.mean(1, keepdim=True).flatten(1)), {"mean"}),
    "positions flattened": (at_positions(lambda x: torch.relu(x).flatten(1), 15), {"reshape"}),
    "flattened": (planes(lambda x: torch.relu(x).flatten(1), 4 * 42), {"reshape"}),
    "flattened, then bent": (planes(lambda x: torch.tanh(x.flatten(1)), 4 * 42), {"tanh"}),
    "max pool": (planes(lambda x: functional.max_pool2d(x, 2).flatten(1), 36), {"max_pool2d"}),
    "max pool, uneven": (
        planes(lambda x: functional.max_pool2d(torch.relu(x), (2, 3)).flatten(1), 24),
        {"max_pool2d"},
    ),
    "max pool 3d": (
        planes(lambda x: functional.max_pool3d(x, 2).flatten(1), 4 * 3 * 3 * 2, 3),
        {"max_pool3d"},
    ),
    "average pool": (
        planes(lambda x: functional.avg_pool2d(x, 3, 2, 1).flatten(1), 4 * 12),
        {"avg_pool2d"},
    ),
    "average pool 1d": (planes(lambda x: functional.avg_pool1d(x, 2).flatten(1), 12, 1), set()),
    "adaptive pool": (
        planes(lambda x: functional.adaptive_avg_pool2d(x, 2).flatten(1), 16),
        set(),
    ),
    "channels averaged": (planes(lambda x: torch.relu(x).mean((2, 3)), 4), {"mean"}),
}
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "convolution": layer(lambda: nn.Conv2d(4, 3, 3, padding=1), torch.relu, pooled),
    "two convolutions": layer(
        lambda: nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 3, 2)),
        torch.tanh,
        pooled,
    ),
    "each channel by itself": layer(
        lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Tanh(), nn.Conv2d(4, 3, 1)),
        torch.relu,
        pooled,
    ),
    "a convolution of its own kind": layer(
        lambda: nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
        torch.tanh,
        pooled,
    ),
    "a convolution, ReLU read twice": layer(
        lambda: nn.Conv2d(4, 3, 2, padding=1),
        torch.relu,
        lambda x: pooled(functional.max_pool2d(torch.relu(x), 2)) + pooled(x),
    ),
    "padding by name": layer(lambda: nn.Conv2d(4, 3, 3, padding="same"), torch.relu, pooled),
    "batch norm": layer(lambda: nn.Sequential(nn.Conv2d(4, 3, 1), running(3)), torch.relu, pooled),
    "batch norm of a column": layer(
        lambda: nn.Sequential(running(4), nn.ReLU(), nn.Conv2d(4, 3, 1)), torch.tanh, pooled
    ),
    "pool before": layer(
        lambda: nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 3, 2)), torch.relu, pooled
    ),
}


BENT: dict[str, Callable] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "leaky": lambda x: functional.leaky_relu(x, 0.3),
    "relu6": functional.relu6,
    "hardtanh": lambda x: functional.hardtanh(x, -0.4, 0.3),
    "cube": lambda x: x**3,
}


def of_bent(name: str) -> Callable[[], Case]:
    """An activation of all numbers at positions."""
    return of_layer(layer(lambda: nn.Conv2d(4, 3, 3), BENT[name], lambda x: pooled(BENT[name](x))))


def of_layer(make: Callable[[], nn.Module]) -> Callable[[], Case]:
    """A case with a layer of its own."""

    def made() -> Case:
        model = seeded(lambda: Through(nn.Conv2d(2, 4, 1), make(), 3))
        return classes(model, (6,), (2, 6, 7))

    return made


def last_of(x: Tensor) -> Tensor:
    return x[:, -1]


def averaged(x: Tensor) -> Tensor:
    return x.mean(1)


def masked(x: Tensor) -> Tensor:
    """A mean over some positions, by a mask that counts tokens."""
    mask = (torch.arange(x.shape[1]) < 2).to(x.dtype).reshape(1, -1, 1)
    return (x * mask).sum(1) / mask.sum(1)


def normalised(features: int) -> nn.LayerNorm:
    """A layer norm whose weight and bias are not the default."""
    norm = nn.LayerNorm(features, eps=1e-3)
    with torch.no_grad():
        norm.weight.uniform_(-1, 1)
        norm.bias.uniform_(-1, 1)
    return norm


class Residual(nn.Module):
    """What a layer makes, added to what it reads, then another."""

    def __init__(self, layer: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.layer, self.after = layer, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layer(x) + FIXED.to(x.dtype))


class Gated(nn.Module):
    """SiLU of one product times another."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(5, 7), nn.Linear(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.gate(x)) * self.up(x)


class Folded(nn.Module):
    """A Linear as GPT-2 has it: positions laid beside the examples."""

    def __init__(self, after: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(5, 5)), nn.Parameter(torch.randn(5))
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight)
        return self.after(flat.view(*x.shape[:-1], 5))


def same(x: Tensor) -> Tensor:
    return x


def of(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Layers after each other, made when the model is."""
    return lambda: nn.Sequential(*(make() for make in layers))


def linear() -> nn.Linear:
    return nn.Linear(5, 5)


def norm() -> nn.LayerNorm:
    return normalised(5)


NORMS: dict[str, tuple[Callable[[], nn.Module], Callable, Callable]] = {
    "of a column": (norm, same, last_of),
    "of a column, bent": (of(norm, nn.Tanh), same, averaged),
    "of a product": (of(linear, norm), torch.tanh, last_of),
    "without weights": (of(linear, lambda: nn.LayerNorm(5, elementwise_affine=False)), same, masked),
    "without bias": (of(linear, lambda: nn.LayerNorm(5, bias=False)), same, masked),
    "of a product, masked": (of(linear, norm), torch.tanh, masked),
    "of a product, averaged": (of(linear, norm), torch.tanh, lambda x: x.mean(1)),
    "of a product, averaged and kept": (
        of(linear, norm), torch.tanh, lambda x: x.mean(1, keepdim=True).squeeze(1),
    ),
    "then a linear": (of(linear, norm, linear), torch.tanh, last_of),
    "then a linear, averaged": (of(linear, norm, linear), torch.tanh, lambda x: x.mean(1)),
    "then two": (of(linear, norm, linear, linear), torch.tanh, masked),
    "then features scaled": (
        of(linear, norm), torch.tanh, lambda x: (x * FIXED.to(x.dtype) * 0.7 / 0.3)[:, 0],
    ),
    "then features divided": (
        of(linear, norm), torch.tanh, lambda x: (x / (FIXED.to(x.dtype) + 2))[:, 0],
    ),
    "then ReLU": (of(linear, norm, linear, nn.ReLU, linear), torch.tanh, averaged),
    "then some positions": (of(linear, norm, linear), torch.tanh, lambda x: x[:, 1:].mean(1)),
    "then some features": (
        of(linear, norm), torch.tanh, lambda x: torch.cat([x[:, 0, 1:], x[:, 1, :1]], 1)[:, :5],
    ),
    "then one feature": (
        of(linear, norm), torch.tanh, lambda x: torch.stack([x[:, 0, 1], x[:, 2, 3]] * 3, 1)[:, :5],
    ),
    "of all features": (of(linear, nn.Tanh, norm), same, averaged),
    "of all features, without means": (
        of(linear, nn.Tanh, lambda: nn.RMSNorm(5, eps=1e-3)), same, averaged,
    ),
    "without means": (of(linear, lambda: nn.RMSNorm(5)), same, last_of),
    "twice": (of(linear, norm, norm), same, averaged),
    "behind a residual": (lambda: Residual(linear(), norm()), torch.tanh, masked),
    "of folded positions": (lambda: Folded(norm()), torch.tanh, last_of),
    "folded, bent": (lambda: Folded(nn.Tanh()), torch.tanh, averaged),
    "folded again": (lambda: Folded(Folded(norm())), torch.tanh, last_of),
    "of all features, folded": (of(linear, nn.Tanh, lambda: Folded(norm())), same, averaged),
    "a gate": (of(Gated, lambda: nn.Linear(7, 5)), same, averaged),
    "a gate behind a norm": (of(norm, Gated, lambda: nn.Linear(7, 5)), same, averaged),
    "products": (of(linear, linear), torch.tanh, last_of),
    "products, averaged": (of(linear, linear), torch.tanh, masked),
}  # fmt: skip
ENDS: dict[str, Callable] = {
    "a product of two changes": lambda x: x * torch.tanh(x),
    "a ratio": lambda x: x / (1 + torch.exp(x).sum(1, keepdim=True)),
    "a number over a change": lambda x: 2 / (1 + torch.exp(x)),
    "a norm": lambda x: functional.normalize(x, dim=1),
    "a norm by hand": lambda x: x / x.norm(dim=1, keepdim=True),
    "layer norm": lambda x: functional.layer_norm(x, (5,)),
    "softmax": lambda x: x.softmax(1),
    "sums so far": lambda x: x.cumsum(1),
    "products of all": lambda x: x.cumprod(1),
    "beside fixed ones": lambda x: torch.hypot(x, FIXED.to(x.dtype)),
}


def of_norm(name: str) -> Callable[[], Case]:
    """A normalisation, at positions, before a head."""
    make, before, after = NORMS[name]

    def made() -> Case:
        return at_positions(layer(make, before, after)())()

    return made


ALL = {
    **{f"bent by {name}": of_bent(name) for name in BENT},
    **{f"norm {name}": of_norm(name) for name in NORMS},
    **{name: flat(function) for name, function in ENDS.items()},
    **{name: make for name, (make, _) in CASES.items()},
    **{name: of_layer(make) for name, make in LAYERS.items()},
}


def subject_of(case: Case) -> nd.Subject:
    return nd.Subject(case.model, case.batches, case.cost)


@functools.cache  # captured once; nothing here changes it
def subject_named(name: str) -> nd.Subject:
    return subject_of(ALL[name]().to(torch.float64))


@pytest.fixture
def states_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Leaves whole states alone."""

    def switch() -> None:
        for room in (measuring, pairs):
            monkeypatch.setattr(room, "find_descent", lambda *_: None)

    return switch


def whole(subject: nd.Subject, site: str = "first") -> np.ndarray:
    block = nd.units(subject, site).blocks[0]
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    return measure(subject.recording(0), block, dz, PassSize(3, 2)).numpy()


def way_of(subject: nd.Subject, site: str = "first") -> Descent | None:
    return find_descent(subject.recording(0), nd.units(subject, site).blocks[0])


@pytest.mark.parametrize("name", ALL)
def test_each_rule_equals_whole_states(name: str, states_only: Callable[[], None]) -> None:
    subject = subject_named(name)
    way = way_of(subject)
    assert way is not None
    changes = whole(subject)
    assert bool((changes != 0).any())
    states_only()
    states = whole(subject)
    np.testing.assert_allclose(changes, states, atol=1e-12 * np.abs(states).max())


@pytest.mark.parametrize("function", [functional.softplus, functional.mish, torch.exp])
def test_other_functions_of_all_numbers_at_positions_are_left_to_whole_states(
    function: Callable,
) -> None:
    make = layer(lambda: nn.Linear(5, 5), torch.tanh, lambda x: function(x).mean(1))
    assert way_of(subject_of(at_positions(make())().to(torch.float64))) is None


def test_what_an_activation_keeps_of_clean_numbers_is_counted() -> None:
    make = layer(lambda: nn.Conv2d(4, 3, 3), torch.relu, lambda x: pooled(functional.silu(x)))
    subject = subject_of(of_layer(make)().to(torch.float64))
    recording, block = subject.recording(0), nd.units(subject, "first").blocks[0]
    (name,) = (one.name for one in recording.graph.nodes if one.operation_name == "silu")
    before = recording.n_bytes
    assert find_descent(recording, block) is not None
    assert recording.n_bytes >= before + 3 * recording.values[name].nbytes


@pytest.mark.parametrize("name", CASES)
def test_the_case_holds_the_operation_that_it_is_for(name: str) -> None:
    _, operations = CASES[name]
    graph = subject_named(name).recording(0).graph
    assert operations <= {node.operation_name for node in graph.nodes}


@pytest.mark.parametrize("name", ["two convolutions", "flattened", "relu", "positions"])
@pytest.mark.parametrize("numbers", [1, 60, 400])
def test_passes_of_any_size_give_the_same(
    name: str, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = subject_named(name)
    expected = whole(subject)
    monkeypatch.setattr(descent, "WIDE_NUMBERS", numbers)
    np.testing.assert_allclose(whole(subject), expected, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_pairs_are_carried_down_alike(name: str) -> None:
    subject = subject_named(name)
    recording, block = subject.recording(0), nd.units(subject, "first").blocks[0]
    way = way_of(subject)
    assert way is not None
    dz = Nudges(subject, nd.Add(0.7))(block, 0)
    units, examples = np.array([0, len(block) - 1, 1, 0]), [3, 0, 5, 3]
    change = take_units(dz, block)[torch.from_numpy(units), examples].unsqueeze(1)
    found = way.effects(change, block.take(units), Pass.of_pairs(examples))[:, 0]
    expected = torch.from_numpy(whole(subject))[examples, units]
    torch.testing.assert_close(found, expected, atol=1e-13, rtol=0)
    assert recording.n_examples == 6


def deep() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.Sigmoid(),
        nn.Linear(16, 4),
    )  # fmt: skip


@pytest.mark.parametrize("site", ["0", "2", "4"])
def test_in_single_precision_the_digits_of_tiny_effects_are_kept(
    site: str, states_only: Callable[[], None]
) -> None:
    model, generator = seeded(deep), torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 6, generator=generator)
    subject = nd.Subject(model, [(inputs, inputs[:, :4].argmax(1))], "cross_entropy")
    double = subject.in_dtype(torch.float64)
    step = nd.Add(1e-6)
    single, truth = nd.measure(subject, site, step), nd.measure(double, site, step)
    off = np.abs(single.array("measured") / truth.array("measured") - 1)
    assert np.median(np.abs(truth.array("measured"))) < 1e-7
    assert np.median(off) < 5e-6
    states_only()
    naive = np.abs(nd.measure(subject, site, step).array("measured") / truth.array("measured") - 1)
    assert np.median(naive) > 0.01


def test_relu_in_place_spoils_nothing_that_is_read_later() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.head = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.second(self.first(x))
            same = functional.dropout(h, training=False)
            return self.head(torch.relu(same) + torch.relu(h) * 2 + h)

    case = classes(seeded(Forked), (6,), (4,)).to(torch.float64)
    subject = subject_of(case)
    way = way_of(subject)
    assert way is not None
    block = nd.units(subject, "first").blocks[0]
    change = torch.full((len(block), 6, 1), 0.5, dtype=torch.float64)
    before = change.clone()
    found = way.effects(change, block, Pass(0, 6, len(block)))
    assert torch.equal(change, before)
    model = case.model
    inputs, target = case.batches[0]
    clean = case.cost(model(inputs), target)
    hook = model.first.register_forward_hook(
        lambda _m, _i, out: out + 0.5 * torch.eye(5, dtype=out.dtype)[2]
    )
    moved = case.cost(model(inputs), target)
    hook.remove()
    torch.testing.assert_close(found[2], moved - clean, atol=1e-13, rtol=0)


REFUSED: dict[str, Callable[[], Case]] = {
    "overlapping maxima": planes(lambda x: functional.max_pool2d(x, 3, 1).flatten(1), 4 * 20),
    "cut windows": planes(lambda x: functional.max_pool2d(x, 2, ceil_mode=True).flatten(1), 4 * 12),
    "softmax over positions": at_positions(lambda x: (x.softmax(1) * x).mean(1)),
    "norm over two axes": at_positions(lambda x: functional.layer_norm(x, (3, 5)).mean(1)),
    "positions reversed": at_positions(lambda x: torch.tanh(x).flip(1).flatten(1), 15),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_an_operation_has_no_rule_whole_states_are_run(name: str) -> None:
    subject = subject_of(REFUSED[name]())
    assert way_of(subject) is None
    assert bool(whole(subject).any())


def smoothed(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target, reduction="none", label_smoothing=0.1)


def weighted(output: Tensor, target: Tensor) -> Tensor:
    weight = torch.tensor([1.0, 2.0, 3.0], dtype=output.dtype)
    return functional.cross_entropy(output, target, weight, reduction="none")


def margin(output: Tensor, target: Tensor) -> Tensor:
    return functional.multi_margin_loss(output, target, reduction="none")


def cosine(output: Tensor, target: Tensor) -> Tensor:
    return 1 - functional.cosine_similarity(output, functional.one_hot(target, 3).to(output.dtype))


@pytest.mark.parametrize("cost", [smoothed, weighted, margin, cosine])
@pytest.mark.parametrize("function", [torch.tanh, torch.relu])
def test_costs_without_a_rule_are_taken_by_states_in_double(
    cost: Callable, function: Callable, states_only: Callable[[], None]
) -> None:
    case = flat(function)().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, cost)
    assert way_of(subject) is not None
    changes = whole(subject)
    states_only()
    np.testing.assert_allclose(changes, whole(subject), atol=1e-13)


class Tokens(nn.Module):
    """A language model's last block: a residual, a norm, and logits at each position."""

    def __init__(self, norm: Callable[[], nn.Module], *, is_folded: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 5)
        self.norm, self.head = norm(), nn.Linear(5, 7, bias=False)
        self.is_folded = is_folded

    def forward(self, x: Tensor) -> Tensor:
        h = functional.pad(x, (0, 1)) + self.second(functional.silu(self.first(x)))
        h = self.norm(h)
        return self.head(h.view(-1, 5)).view(*x.shape[:-1], 7) if self.is_folded else self.head(h)


def by_classes(output: Tensor, target: Tensor) -> Tensor:
    """The mean over positions, classes on axis 1."""
    return functional.cross_entropy(output.transpose(1, 2), target, reduction="none").mean(1)


def by_rows(output: Tensor, target: Tensor) -> Tensor:
    """The mean over positions but the last, laid beside the examples."""
    kept, own = output[:, :-1], target[:, :-1]
    flat = kept.reshape(-1, kept.shape[-1])
    found = functional.cross_entropy(flat, own.reshape(-1), reduction="none")
    return found.view(own.shape).mean(1)


def by_middle(output: Tensor, target: Tensor) -> Tensor:
    """Classes brought to axis 1 by a permutation; the sum over positions."""
    moved = output.permute(0, 2, 1)
    return functional.cross_entropy(moved, target, reduction="none").sum(1)


@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize("cost", [by_classes, by_rows, by_middle])
@pytest.mark.parametrize("site", ["first", "second"])
@pytest.mark.parametrize("normed", [norm, lambda: nn.RMSNorm(5), nn.Tanh])
def test_losses_of_each_token_are_carried(
    normed: Callable,
    site: str,
    cost: Callable,
    *,
    is_folded: bool,
    states_only: Callable[[], None],
) -> None:
    generator = torch.Generator().manual_seed(0)
    model = seeded(lambda: Tokens(normed, is_folded=is_folded)).double()
    inputs = torch.randn(5, 4, 4, generator=generator, dtype=torch.float64)
    target = torch.randint(7, (5, 4), generator=generator)
    target[1, 2] = target[3, 0] = -100  # not counted
    subject = nd.Subject(model, [(inputs, target)], cost)
    assert way_of(subject, site) is not None
    changes = whole(subject, site)
    states_only()
    states = whole(subject, site)
    assert bool((states != 0).all())
    np.testing.assert_allclose(changes, states, atol=1e-13)


@pytest.mark.parametrize("cost", [by_classes, by_rows])
def test_behind_a_norm_the_digits_of_tiny_effects_are_kept(
    cost: Callable, states_only: Callable[[], None]
) -> None:
    model, generator = seeded(lambda: Tokens(norm)), torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 4, 4, generator=generator)
    target = torch.randint(7, (50, 4), generator=generator)
    subject = nd.Subject(model, [(inputs, target)], cost)
    step = nd.Add(1e-8)
    truth = nd.measure(subject.in_dtype(torch.float64), "first", step).array("measured")
    single = nd.measure(subject, "first", step).array("measured")
    assert np.median(np.abs(truth)) < 1e-8
    assert np.median(np.abs(single / truth - 1)) < 5e-6
    states_only()
    naive = nd.measure(subject, "first", step).array("measured")
    assert np.median(np.abs(naive / truth - 1)) > 0.1


def test_a_vector_that_is_nearly_cancelled_is_normalised_as_by_states() -> None:
    class Cancelled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.head = nn.Linear(1, 1), norm(), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.norm(self.first(x) * FIXED.to(x.dtype)))

    model = seeded(Cancelled).double()
    inputs = torch.linspace(1, 2, 6, dtype=torch.float64)[:, None]
    subject = nd.Subject(model, [(inputs, torch.arange(6) % 3)], cross_entropy)
    z = model.first(inputs).detach()
    block, recording = nd.units(subject, "first").blocks[0], subject.recording(0)
    for left in (0.0, 1e-9, 1e-3, -1e-3):  # what is left of the vector
        dz = (z * (left - 1))[:, None]
        found = measure(recording, block, dz, PassSize(3, 2)).numpy()
        with torch.no_grad():
            moved = model.head(model.norm(z * left * FIXED))
        expected = cross_entropy(moved, torch.arange(6) % 3) - recording.cost
        np.testing.assert_allclose(found[:, 0], expected.numpy(), atol=1e-12)


def test_dense_changes_give_way_where_states_need_few_positions() -> None:
    class Last(nn.Module):
        def __init__(self, reads: slice) -> None:
            super().__init__()
            self.reads, self.first, self.second = reads, nn.Linear(4, 6), nn.Linear(6, 5)
            self.head = nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = functional.silu(self.second(torch.tanh(self.first(x))))
            return self.head(h)[:, self.reads].mean(1)

    for reads, is_carried in ((slice(None), True), (slice(0, -1), True), (slice(7, 8), False)):
        case = classes(seeded(lambda reads=reads: Last(reads)), (6,), (8, 4))
        assert (way_of(subject_of(case)) is not None) == is_carried


def test_classes_that_are_not_counted_change_nothing(states_only: Callable[[], None]) -> None:
    case = flat(torch.tanh)().to(torch.float64)
    inputs, target = case.batches[0]
    target = target.clone()
    target[2] = -100
    subject = nd.Subject(case.model, [(inputs, target)], cross_entropy)
    assert way_of(subject) is not None
    changes = whole(subject)
    assert not changes[2].any()
    states_only()
    np.testing.assert_allclose(changes, whole(subject), atol=1e-13)


def test_other_costs_are_carried_too(states_only: Callable[[], None]) -> None:
    case = flat(torch.tanh)().to(torch.float64)
    inputs, _ = case.batches[0]
    subject = nd.Subject(case.model, [(inputs, torch.zeros(6, 3).double())], squared)
    assert way_of(subject) is not None
    changes = whole(subject)
    states_only()
    np.testing.assert_allclose(changes, whole(subject), atol=1e-12)


@pytest.fixture
def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: tanh carries twice what it should."""

    def twice(way: Way, node: Node, forms: list) -> tuple:
        (form,) = forms
        name = way.varying(node)[0]
        return (
            form,
            lambda window, changes: (
                2
                * (
                    torch.tanh(way.clean(window, name, form, changes[0]) + changes[0])
                    - torch.tanh(way.clean(window, name, form, changes[0]))
                )
            ),
        )

    monkeypatch.setitem(RULES, "tanh", twice)


@pytest.mark.usefixtures("broken_rule")
def test_a_way_that_differs_from_whole_states_is_not_taken() -> None:
    subject = subject_of(flat(torch.tanh)().to(torch.float64))
    assert way_of(subject) is None
    expected = subject_of(flat(torch.tanh)().to(torch.float64))
    np.testing.assert_array_equal(whole(subject), whole(expected))


@pytest.mark.usefixtures("broken_rule")
def test_without_that_proof_a_broken_rule_would_be_seen_here(
    monkeypatch: pytest.MonkeyPatch, states_only: Callable[[], None]
) -> None:
    monkeypatch.setattr(differences, "_proves", lambda *_: True)
    subject = subject_of(flat(torch.tanh)().to(torch.float64))
    changes = whole(subject)
    states_only()
    states = whole(subject)
    assert np.abs(changes - states).max() > 0.1 * np.abs(states).max()


def twice(method: Callable) -> Callable:
    """The same, all its numbers doubled."""

    def run(*arguments: Any, **options: Any) -> Any:
        found = method(*arguments, **options)
        return tuple(2 * one for one in found) if isinstance(found, tuple) else 2 * found

    return run


BROKEN: dict[str, tuple[str, Any, str]] = {
    "the plane": ("norm of a product, masked", norms._Norm, "_factors"),
    "a norm of all": ("norm of all features", norms._Norm, "_factors"),
    "inner products": ("norm of a product", norms, "_inner"),
    "maps of bases": ("norm then a linear", Base, "mapped"),
    "numbers spelled": ("norm then ReLU", planes_room, "spelled"),
    "states": ("beside fixed ones", states, "_double"),
    "patches": ("a convolution of its own kind", products, "_patches"),
    "maxima": ("two convolutions", pooling, "_below_and_top"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_part_broken_is_seen(
    name: str, monkeypatch: pytest.MonkeyPatch, states_only: Callable[[], None]
) -> None:
    case, owner, part = BROKEN[name]
    monkeypatch.setattr(owner, part, twice(getattr(owner, part)))
    assert way_of(subject_of(ALL[case]().to(torch.float64))) is None
    monkeypatch.setattr(differences, "_proves", lambda *_: True)
    subject = subject_of(ALL[case]().to(torch.float64))
    changes = whole(subject)
    states_only()
    found = whole(subject)
    assert np.abs(changes - found).max() > 0.01 * np.abs(found).max()


class Joined(nn.Module):
    """Two branches, each with a norm of its own, added up; and a ReLU before a maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.left, self.right = nn.Conv2d(2, 4, 2), nn.Linear(4, 5), nn.Linear(4, 5)
        self.relu, self.one, self.other = nn.ReLU(), norm(), norm()
        self.head = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        h = functional.max_pool2d(self.relu(self.conv(x)), 2).flatten(2).mT
        return self.head(self.one(self.left(h)) + self.other(self.right(h))).mean(1)


@pytest.mark.parametrize(
    "sites", [("conv", "relu", "left", "right"), ("right", "left", "relu", "conv")]
)
def test_what_is_kept_of_one_site_is_not_taken_for_anothers(
    sites: tuple[str, ...], states_only: Callable[[], None]
) -> None:
    case = classes(seeded(Joined), (6,), (2, 7, 7)).to(torch.float64)
    subject = subject_of(case)
    assert all(way_of(subject, site) is not None for site in sites)
    changes = {site: whole(subject, site) for site in sites}
    states_only()
    for site in sites:
        states = whole(subject, site)
        np.testing.assert_allclose(changes[site], states, atol=1e-12 * np.abs(states).max())


def test_an_operation_that_refuses_leaves_it_to_whole_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = [RuntimeError("not implemented for 'Double'"), torch.OutOfMemoryError("no room")]
    monkeypatch.setattr(states, "_double", lambda _: (_ for _ in ()).throw(errors[0]))
    case = ALL["beside fixed ones"]
    assert way_of(subject_of(case())) is None
    assert bool(whole(subject_of(case())).any())
    errors.reverse()
    with pytest.raises(torch.OutOfMemoryError):
        way_of(subject_of(case()))


def test_units_that_are_no_columns_have_no_way() -> None:
    subject = subject_of(at_positions(lambda x: torch.relu(x).mean(1))())
    recording = subject.recording(0)
    assert find_descent(recording, nd.units(subject, "first").blocks[0]) is not None
    assert find_descent(recording, nd.units(subject, "first/position").blocks[0]) is None
    assert find_descent(recording, nd.units(subject, "first[1]@2").blocks[0]) is None
