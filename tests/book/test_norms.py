"""Chapter 5's norms: in the bands at the start, and the two courses of training."""

from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np
import pytest
from oracles import author

from neurodemon.book.backprop import backpropagate
from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.images import Images, from_pixels
from neurodemon.book.norms import (
    BOOK_STEPS,
    START_BANDS,
    Norms,
    Vanishing,
    beside_the_book,
    follow_norms,
    norms_at,
    start,
)
from neurodemon.book.problem import Problem
from neurodemon.book.training import Score
from neurodemon.errors import SubjectError

SEEDS = range(100)  # of 300, in half a second each
SEED = 0

each_depth = pytest.mark.parametrize("n_hidden", [2, 3])


@pytest.fixture(scope="module")
def thousand(pixels: author.Pixels) -> Images:
    return from_pixels(pixels.training[:1000], pixels.training_digits[:1000])


def at_start(images: Images, n_hidden: int, seed: int) -> tuple[float, ...]:
    network = start(n_hidden, 784, seed)
    return norms_at(Problem(network, images.inputs, images.targets, CROSS_ENTROPY))[0]


# From 300 seeds, before.
MEDIANS = {2: (0.0592, 0.2922), 3: (0.0118, 0.0578, 0.2878)}
# The author's own, of one draw: fig/ of neural-networks-and-deep-learning, MIT, © M. Nielsen.
AUTHORS = {2: (0.06574, 0.30922), 3: (0.01184, 0.05997, 0.28314)}


@each_depth
def test_the_norms_at_the_start_lie_in_the_bands_earlier_layers_smaller(
    thousand: Images, n_hidden: int
):
    found = np.array([at_start(thousand, n_hidden, seed) for seed in SEEDS])
    low, high = np.array(START_BANDS[n_hidden]).T
    share = np.mean((found >= low) & (found <= high), axis=0)
    assert (share >= 0.9).all(), share
    assert (np.diff(found, axis=1) > 0).all()
    np.testing.assert_allclose(np.median(found, axis=0), MEDIANS[n_hidden], rtol=0.12)


@each_depth
def test_the_authors_own_start_lies_in_the_bands(n_hidden: int):
    rows = author.read_lists(f"norms_during_training_{n_hidden}_layers.json")
    assert len(rows) == BOOK_STEPS
    assert rows[0] == pytest.approx(AUTHORS[n_hidden], abs=5e-6)
    for norm, (low, high) in zip(rows[0], START_BANDS[n_hidden], strict=True):
        assert low <= norm <= high


def test_a_large_start_leaves_the_bands(thousand: Images):
    network = start(2, 784, SEED)
    wide = type(network)(tuple(4 * weight for weight in network.weights), network.biases)
    problem = Problem(wide, thousand.inputs, thousand.targets, CROSS_ENTROPY)
    low, high = START_BANDS[2][0]
    assert not low <= norms_at(problem)[0][0] <= high


@pytest.fixture(scope="module", params=[2, 3])
def vanishing(request: pytest.FixtureRequest, thousand: Images) -> Vanishing:
    rows = author.read_lists(f"norms_during_training_{request.param}_layers.json")
    steps = follow_norms(start(request.param, 784, SEED), thousand)
    return beside_the_book(islice(steps, BOOK_STEPS), rows)


def test_through_500_steps_all_figures_agree(vanishing: Vanishing):
    n_hidden = len(vanishing.steps[0].of_mean)
    assert len(vanishing.figures) == {2: 5, 3: 10}[n_hidden]
    assert [figure for figure in vanishing.figures if not figure.agrees] == []


def test_where_the_author_has_a_number_it_lies_in_the_range_too(vanishing: Vanishing):
    compared = [figure for figure in vanishing.figures if figure.book is not None]
    assert len(compared) == {2: 5, 3: 6}[len(vanishing.steps[0].of_mean)]
    for figure in compared:
        assert figure.low <= figure.book <= figure.high, figure


def test_earlier_layers_stay_smaller_as_the_cost_falls(vanishing: Vanishing):
    first, last = vanishing.steps[0], vanishing.steps[-1]
    assert all(earlier < later for earlier, later in pairwise(last.of_mean))
    assert last.score.cost < first.score.cost
    assert all(of <= mean for of, mean in zip(last.of_mean, last.mean, strict=True))


# Without MNIST


def small_images(n: int = 1000) -> Images:
    rng = np.random.RandomState(5)
    return Images(rng.rand(n, 6), rng.randint(0, 10, n))


def test_both_norms_are_those_of_their_definitions():
    images = small_images(20)
    problem = Problem(start(2, 6, SEED), images.inputs, images.targets, CROSS_ENTROPY)
    of_mean, mean = norms_at(problem)
    hidden = backpropagate(problem).delta[:2]
    by_hand = [np.sqrt((delta.mean(axis=0) ** 2).sum()) for delta in hidden]
    each = [np.mean([np.sqrt((row**2).sum()) for row in delta]) for delta in hidden]
    assert of_mean == pytest.approx(by_hand, rel=1e-14)
    assert mean == pytest.approx(each, rel=1e-14)


def test_a_few_steps_have_only_the_figures_of_the_start():
    steps = list(islice(follow_norms(start(3, 6, SEED), small_images()), 3))
    found = beside_the_book(steps)
    assert [one.step for one in steps] == [0, 1, 2]
    assert len(found.figures) == 5
    assert found.book is None
    assert found.figures[1].book == AUTHORS[3][1]  # as printed


def course(last: Sequence[float], n_hidden: int, *, mean: float, cost: float) -> list[Norms]:
    """Make a whole training up from the last hidden layer's norm, step by step."""
    return [
        Norms(step, (*[norm] * (n_hidden - 1), norm), (mean,) * n_hidden, Score(cost, 117))
        for step, norm in enumerate(last)
    ]


FALLING = np.geomspace(0.3, 0.001, BOOK_STEPS)
REBOUNDING = np.concatenate([np.geomspace(0.3, 0.001, 60), np.geomspace(0.001, 0.005, 440)])


def agreeing(steps: list[Norms], rows: list[list[float]] | None = None) -> dict[str, bool]:
    """Tell for each figure of the training whether it agrees."""
    figures = beside_the_book(steps, rows).figures
    return {figure.name: figure.agrees for figure in figures if "start" not in figure.name}


@pytest.mark.parametrize(("last", "agrees"), [(REBOUNDING, True), (FALLING, False)])
def test_two_layers_must_rebound(last: np.ndarray, *, agrees: bool):
    found = agreeing(course(last.tolist(), 2, mean=1.0, cost=3.0))
    assert set(found.values()) == {agrees}
    assert len(found) == 2


def test_three_layers_must_fall_silent_by_cancellation():
    found = agreeing(course(FALLING.tolist(), 3, mean=1.0, cost=3.24))
    assert set(found.values()) == {True}
    assert len(found) == 5


def test_three_layers_that_rebound_and_learn_do_not_agree():
    found = agreeing(course(REBOUNDING.tolist(), 3, mean=1.0, cost=0.5))
    wrong = {name for name, agrees in found.items() if not agrees}
    assert wrong == {
        "fall of the last norm by step 499",
        "least cost from step 100 on",
        "largest cost from step 100 on",
    }


@pytest.mark.parametrize("n_hidden", [2, 3])
def test_the_books_own_course_stands_beside_ours(n_hidden: int):
    steps = course(REBOUNDING.tolist(), n_hidden, mean=1.0, cost=3.24)
    rows = [[norm] * n_hidden for norm in FALLING.tolist()]
    theirs = {figure.name: figure.book for figure in beside_the_book(steps, rows).figures}
    if n_hidden == 2:
        assert theirs["step of the least last norm"] == BOOK_STEPS - 1
    else:
        assert theirs["fall of the last norm by step 499"] == pytest.approx(300.0)


def test_a_depth_that_the_book_has_not_compares_the_order_alone():
    steps = [Norms(0, (1.0, 2.0, 3.0, 4.0), (1.0,) * 4, Score(1.0, 1))] * BOOK_STEPS
    figures = beside_the_book(steps).figures
    assert len(figures) == 3
    assert all(figure.agrees for figure in figures)


def test_fewer_images_than_a_thousand_are_refused():
    with pytest.raises(SubjectError, match="1000 images were asked for; expected 1 to 23"):
        next(follow_norms(start(2, 6, SEED), small_images(23)))


def test_no_hidden_layer_is_refused():
    with pytest.raises(SubjectError, match="0 hidden layers have no norms"):
        start(0, 784, SEED)


def test_no_step_is_refused():
    with pytest.raises(SubjectError, match="No step was taken"):
        beside_the_book([])


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0, 3.0]]], ids=str)
def test_a_file_about_another_network_is_refused(rows: list[list[float]]):
    steps = islice(follow_norms(start(2, 6, SEED), small_images()), 1)
    with pytest.raises(SubjectError, match=r"Take norms_during_training_2_layers\.json"):
        beside_the_book(steps, rows)
