"""A bench tries what full forwards with a hook give, for each kind of unit, batch and pass size.

Oracle: `oracles.brute_headroom.Brute`, the user's own model with a hook. In float64; tolerance
1e-11, relative to the largest effect.
"""

import itertools

import numpy as np
import pytest
import torch
from oracles.brute_demons import pattern_of
from oracles.brute_headroom import place_units
from oracles.models import ZOO, Case, cross_entropy
from oracles.small_networks import convolution, perceptron, positions, small_network

import neurodemon as nd
from neurodemon.engine.bench import Bench, Benches, spread
from neurodemon.engine.trials import PassSize
from neurodemon.jobs.benching import make_benches
from neurodemon.jobs.selecting import sites
from neurodemon.subjects.subject import Subject

CLOSE = 1e-11
KINDS = [
    (convolution, 0, "channel of a convolution"),
    (convolution, 1, "channel behind its activation"),
    (convolution, 2, "position"),
    (convolution, 3, "cell"),
    (positions, 0, "neuron at all positions"),
    (positions, 1, "position behind an activation"),
    (positions, 2, "cell of positions"),
    (perceptron, 0, "neuron before its activation"),
    (perceptron, 1, "neuron behind it"),
]


def studied(kind, seed: int = 3, most: int = 7):
    small = small_network(seed, torch.float64, kind, most=most)
    return small, Subject(small.model, small.batches, small.cost)


def steps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(("kind", "place", "_name"), KINDS, ids=[name for *_, name in KINDS])
def test_what_is_tried_equals_full_forwards_with_a_hook(kind, place, _name):
    small, subject = studied(kind)
    name, axes, role = small.sites[place]
    (shape,) = [site.shape for site in sites(subject) if name in site.names]
    chosen = nd.units(subject, pattern_of(name, axes, role, shape))
    brutes = iter(place_units(small.model, small.batches, small.cost, name, axes, role))
    n_examples = subject.n_examples
    for block in chosen.blocks:
        benches = make_benches(subject, block)
        for dz in (steps(3, 1, len(block)), steps(3, n_examples, len(block))):
            found, _ = benches.try_out(dz)
            assert found.shape == (3, n_examples, len(block))
        for unit in range(len(block)):
            expected = next(brutes).effects(dz[:, :, unit])
            size = np.abs(expected).max() + 1
            np.testing.assert_allclose(found[:, :, unit], expected, atol=CLOSE * size)
    assert next(brutes, None) is None


@pytest.mark.parametrize("name", ["residual cnn", "residual mlp", "relu mlp"])
@pytest.mark.parametrize("size", [PassSize(1, 1), PassSize(3, 7), PassSize(99, 999)], ids=str)
def test_how_much_a_pass_holds_does_not_count(name, size):
    case: Case = ZOO[name]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    subject.refresh()
    for block in nd.units(subject).blocks:
        whole = make_benches(subject, block)
        cut = Benches([Bench(one.recording, one.block, size) for one in whole.benches])
        dz = steps(4, subject.n_examples, len(block))
        for mine, theirs in zip(cut.try_out(dz), whole.try_out(dz), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=CLOSE * (1 + np.abs(theirs).max()))


def test_first_order_and_delta_are_those_of_the_verbs():
    small, subject = studied(positions)
    for pattern in ("up", "act", "up/position", "up@1"):
        (block,) = nd.units(subject, pattern).blocks
        benches = make_benches(subject, block)
        for dz in (0.3, -2.0):
            _, said = benches.try_out(np.full((1, 1, len(block)), dz))
            predicted = nd.predict(subject, pattern, nd.Add(dz), predictor="first_order")
            np.testing.assert_allclose(said[0], predicted.per_example, atol=CLOSE)
    delta = nd.delta(subject, "up").numpy()  # (example, position, unit)
    of = {"up": delta.sum(1), "up/position": delta.sum(2), "up@1": delta[:, 1]}
    for pattern, expected in of.items():
        benches = make_benches(subject, nd.units(subject, pattern).blocks[0])
        np.testing.assert_allclose(benches.delta, expected, atol=CLOSE)
    assert len(small.batches) >= 1


def test_several_batches_are_one_after_the_other():
    small, _ = studied(perceptron, seed=9, most=12)
    inputs, target = (torch.cat(parts) for parts in zip(*small.batches, strict=True))
    one = Subject(small.model, [(inputs, target)], small.cost)
    cuts = [0, 1, len(inputs) // 2, len(inputs)]
    pairs = [(a, b) for a, b in itertools.pairwise(cuts) if a < b]
    parts = [(inputs[a:b], target[a:b]) for a, b in pairs]
    many = Subject(small.model, parts, small.cost)
    found = []
    for subject in (one, many):
        subject.refresh()
        found.append(make_benches(subject, nd.units(subject, "0").blocks[0]))
    whole, cut = found
    dz = steps(3, len(inputs), len(whole.benches[0].block))
    np.testing.assert_allclose(cut.try_out(dz)[0], whole.try_out(dz)[0], atol=1e-9)
    np.testing.assert_allclose(cut.cost, whole.cost, atol=1e-12)
    np.testing.assert_allclose(cut.delta, whole.delta, atol=1e-9)
    assert cut.noise_floor.shape == whole.noise_floor.shape == (len(inputs),)
    assert cut.is_double


def test_nothing_happens_at_0():
    for kind in (convolution, positions, perceptron):
        _, subject = studied(kind)
        for block in nd.units(subject).blocks:
            found, said = make_benches(subject, block).try_out(np.zeros((2, 1, len(block))))
            assert not found.any()
            assert not said.any()


def test_single_precision_is_told():
    small = small_network(3, torch.float32, perceptron, most=4)
    subject = Subject(small.model, small.batches, small.cost)
    assert not make_benches(subject, nd.units(subject, "0").blocks[0]).is_double


def test_numbers_of_a_run_are_counted():
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    batches = [(torch.zeros(5, 3), torch.zeros(5, dtype=torch.long)) for _ in range(2)]
    subject = Subject(model, batches, cross_entropy)
    subject.refresh()
    n_numbers = make_benches(subject, nd.units(subject, "0").blocks[0]).n_numbers
    # two linears, a ReLU and the cost, of 10 examples; the graph may hold a few twice
    assert 10 * (8 + 8 + 2 + 1) <= n_numbers <= 2 * 10 * (8 + 8 + 2 + 1)


def test_a_spread_dz_stands_at_its_units_alone():
    _, subject = studied(convolution)
    z = torch.zeros(2, 16, 4, dtype=torch.float64)
    neurons, rows, cells = (
        nd.units(subject, pattern).blocks[0] for pattern in ("0[1:3]", "0/position[5]", "0[2]@7")
    )
    dz = torch.tensor([[1.0, 2.0]]).double()
    whole = spread(dz, z, neurons)
    assert whole[:, :, 1].eq(1).all()
    assert whole[:, :, 2].eq(2).all()
    assert not whole[:, :, [0, 3]].any()
    own = spread(torch.tensor([[3.0], [4.0]]).double(), z, rows)
    assert own[0, 5].eq(3).all()
    assert own[1, 5].eq(4).all()
    assert own.count_nonzero() == 8
    cell = spread(dz[:, :1], z, cells)
    assert cell[:, 7, 2].eq(1).all()
    assert cell.count_nonzero() == 2
