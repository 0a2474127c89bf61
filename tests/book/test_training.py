"""Training: the author's own loop, spelled out slowly, gives the same network."""

import random
from itertools import islice

import numpy as np
import pytest
from oracles.book_problems import draw_problem

from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import CROSS_ENTROPY, QUADRATIC, Cost
from neurodemon.book.images import Images
from neurodemon.book.network import Network, draw_default
from neurodemon.book.problem import Problem
from neurodemon.book.training import Sgd, score, shuffle, train
from neurodemon.errors import SubjectError

CLOSE = 1e-13


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the author's stream, no secret


def draw_images(n: int = 23) -> Images:
    rng = np.random.RandomState(5)
    return Images(rng.rand(n, 6), rng.randint(0, 10, n))


def train_slowly(network: Network, images: Images, sgd: Sgd, rng: random.Random) -> Network:
    """One epoch as network2.py writes it: example by example, m the batch that is left."""
    examples = list(zip(images.inputs, images.targets, strict=True))
    for i in reversed(range(1, len(examples))):
        j = int(rng.random() * (i + 1))
        examples[i], examples[j] = examples[j], examples[i]
    weights, biases = list(network.weights), list(network.biases)
    for k in range(0, len(examples), sgd.mini_batch):
        batch = examples[k : k + sgd.mini_batch]
        at = Network(tuple(weights), tuple(biases))
        found = [backpropagate(Problem(at, x[None], y[None], sgd.cost)) for x, y in batch]
        for place in range(len(weights)):
            by_weight = sum(one.weight_gradients()[place] for one in found)
            by_bias = sum(one.bias_gradients()[place] for one in found)
            decay = 1 - sgd.eta * sgd.lmbda / len(examples)
            weights[place] = decay * weights[place] - sgd.eta / len(batch) * by_weight
            biases[place] = biases[place] - sgd.eta / len(batch) * by_bias
    return Network(tuple(weights), tuple(biases))


def assert_close(ours: Network, theirs: Network):
    for one, other in zip(ours.weights + ours.biases, theirs.weights + theirs.biases, strict=True):
        np.testing.assert_allclose(one, other, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("cost", [QUADRATIC, CROSS_ENTROPY], ids=lambda cost: cost.name)
@pytest.mark.parametrize("lmbda", [0.0, 2.0])
def test_an_epoch_is_the_authors_loop_ragged_batch_included(cost: Cost, lmbda: float):
    images, sgd = draw_images(), Sgd(cost, eta=0.5, mini_batch=10, lmbda=lmbda)
    start = draw_default((6, 5, 10), np.random.RandomState(0))
    (ours,) = islice(train(start, images, sgd, seeded(1)), 1)
    assert_close(ours, train_slowly(start, images, sgd, seeded(1)))


def test_the_order_persists_from_epoch_to_epoch():
    images, sgd = draw_images(), Sgd(CROSS_ENTROPY, eta=0.5)
    start = draw_default((6, 5, 10), np.random.RandomState(0))
    _, second = islice(train(start, images, sgd, seeded(1)), 2)
    order, rng = list(range(len(images))), seeded(1)
    shuffle(order, rng)
    shuffled = Images(images.inputs[order], images.digits[order])
    (first,) = islice(train(start, images, sgd, seeded(1)), 1)
    assert_close(second, train_slowly(first, shuffled, sgd, rng))


def test_training_leaves_its_start_as_it_was():
    start = draw_default((6, 5, 10), np.random.RandomState(0))
    weights = start.weights[0].copy()
    next(train(start, draw_images(), Sgd(QUADRATIC, eta=3.0), seeded(0)))
    np.testing.assert_array_equal(start.weights[0], weights)


def test_the_penalty_shrinks_weights_and_leaves_biases():
    images = draw_images()
    start = draw_default((6, 5, 10), np.random.RandomState(0))
    plain, shrunk = (
        next(train(start, images, Sgd(QUADRATIC, 0.5, len(images), lmbda), seeded(0)))
        for lmbda in (0.0, 4.6)
    )
    np.testing.assert_allclose(
        plain.weights[0] - shrunk.weights[0], start.weights[0] * 0.5 * 4.6 / 23, rtol=1e-10
    )
    np.testing.assert_array_equal(plain.biases[0], shrunk.biases[0])


def test_the_shuffle_is_not_python_3s():
    ours, python_3 = list(range(1000)), list(range(1000))
    shuffle(ours, seeded(12345678))
    seeded(12345678).shuffle(python_3)
    assert sorted(ours) == list(range(1000))
    assert ours != python_3


def test_the_shuffle_is_python_2s():
    class Known:
        """Give known numbers, one after the other."""

        def __init__(self) -> None:
            self.numbers = iter([0.1, 0.5, 0.9])

        def random(self) -> float:
            return next(self.numbers)

    known = seeded(0)
    known.random = Known().random  # type: ignore[method-assign]
    order = ["a", "b", "c", "d"]
    indices = list(range(4))
    shuffle(indices, known)
    # i=3: j=int(.1·4)=0; i=2: j=int(.5·3)=1; i=1: j=int(.9·2)=1
    assert [order[index] for index in indices] == ["d", "c", "b", "a"]


def test_a_score_is_the_mean_cost_with_the_penalty_and_the_right_answers():
    images = draw_images()
    network = draw_default((6, 5, 10), np.random.RandomState(0))
    problem = Problem(network, images.inputs, images.targets, QUADRATIC)
    right = int((problem.forward().output.argmax(1) == images.digits).sum())
    squares = sum((weight**2).sum() for weight in network.weights)
    plain = score(network, images, Sgd(QUADRATIC, eta=1.0))
    assert plain.cost == pytest.approx(problem.costs().mean(), rel=1e-14)
    assert plain.count == right
    penalised = score(network, images, Sgd(QUADRATIC, eta=1.0, lmbda=3.0))
    assert penalised.cost - plain.cost == pytest.approx(3.0 / (2 * 23) * squares, rel=1e-12)


@pytest.mark.parametrize(
    "given",
    [
        {"eta": 0.0},
        {"eta": float("nan")},
        {"mini_batch": 0},
        {"lmbda": -1.0},
        {"lmbda": float("inf")},
    ],
    ids=str,
)
def test_what_cannot_train_is_refused(given: dict[str, float]):
    with pytest.raises(SubjectError, match="cannot train: expected eta > 0"):
        Sgd(**{"cost": QUADRATIC, "eta": 1.0, **given})


def test_a_network_for_other_images_is_refused():
    network = draw_problem((3, 4, 10)).network
    with pytest.raises(SubjectError, match="do not fit the network"):
        next(train(network, draw_images(), Sgd(QUADRATIC, eta=1.0), seeded(0)))
