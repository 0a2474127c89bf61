"""Chapter 5: early layers learn slowly, seen in the norm of the mean δ of each hidden layer.

Beside it stands what the book does not show: the mean of the norms. With three hidden layers
the former falls a hundredfold while the latter stays: the demon that must use one Δz for all
examples is silenced by cancellation, not by success. The author's files are
`norms_during_training_{2,3}_layers.json`, from no seed, so they are compared by bands.
Source: Nielsen ch. 5, "What's causing the vanishing gradient problem?", `generate_gradient.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurodemon.book.backprop import Backprop, backpropagate
from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.figures import Figure
from neurodemon.book.images import N_DIGITS, Images
from neurodemon.book.network import Network, draw_default
from neurodemon.book.problem import Problem
from neurodemon.book.training import Score, Sgd, score_output, step
from neurodemon.errors import SubjectError

N_IMAGES = 1000
HIDDEN_NEURONS = 30
SGD = Sgd(CROSS_ENTROPY, eta=0.1, mini_batch=N_IMAGES, lmbda=5.0)
BOOK_STEPS = 500

# hidden layers → for each, the norm at the start: 95 % of 300 seeds lie between the two
START_BANDS = {
    2: ((0.0352, 0.0887), (0.180, 0.406)),
    3: ((0.0063, 0.0212), (0.0344, 0.0930), (0.184, 0.417)),
}
# the author's own, of one draw, as he prints them (fig/ of neural-networks-and-deep-learning, MIT)
PRINTED_START = {2: (0.06574, 0.30922), 3: (0.01184, 0.05997, 0.28314)}
# measured on many seeds, after all 500 steps
REBOUND = 3.0  # two hidden layers: the last norm ends so many times its least one, or more
LEAST_AT = (25, 110)  # two hidden layers: the step at which it is least
FALL = 150.0  # three: the last hidden layer's norm of the mean falls so many times, or more
MEAN_FALL = 4.0  # three: while the mean of the norms falls less than so many times
STUCK_FROM = 100  # three: from this step on
STUCK_COST = (3.22, 3.26)  # the cost, without the penalty, stays in here
STUCK_SHARE = 0.117  # of the images are ones, and it sees nothing else

Rows = Sequence[Sequence[float]]  # step by step, a norm for each hidden layer


@dataclass(frozen=True)
class Norms:
    """The size of δ before one step of training, hidden layer by hidden layer.

    Attributes:
        step: how many steps were done before.
        of_mean: ‖mean δ‖: what the blind demon feels, as in the book.
        mean: the mean of ‖δ‖: what the seeing demon feels.
        score: on the same images, with no penalty.
    """

    step: int
    of_mean: tuple[float, ...]
    mean: tuple[float, ...]
    score: Score


@dataclass(frozen=True)
class Vanishing:
    """A whole training beside the book's.

    Attributes:
        steps: ours, one after the other.
        book: the author's norms, step by step, where they were handed in.
        figures: what must agree; the dynamics only where all 500 steps were done.
    """

    steps: tuple[Norms, ...]
    book: tuple[tuple[float, ...], ...] | None
    figures: tuple[Figure, ...]


def start(n_hidden: int, n_pixels: int, seed: int) -> Network:
    """Draw a network of chapter 5: hidden layers of 30, the default start.

    Args:
        n_hidden: how many hidden layers: the book has 2 and 3.
        n_pixels: of an image.
        seed: of NumPy's `RandomState`; the author fixed none.

    Returns:
        The network.

    Raises:
        SubjectError: there is no hidden layer.
    """
    if n_hidden < 1:
        raise SubjectError(f"{n_hidden} hidden layers have no norms; expected at least 1.")
    sizes = (n_pixels, *[HIDDEN_NEURONS] * n_hidden, N_DIGITS)
    return draw_default(sizes, np.random.RandomState(seed))


def norms_at(problem: Problem) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure δ of each hidden layer, both ways.

    Args:
        problem: the network on its images.

    Returns:
        ‖mean δ‖ of each hidden layer, and the mean of ‖δ‖.
    """
    return _measure(backpropagate(problem))


def follow_norms(network: Network, images: Images) -> Iterator[Norms]:
    """Train by full-batch steps and measure before each.

    Args:
        network: where to start.
        images: the images, in the usual order; the first 1,000 are used.

    Yields:
        The norms before each step, without end: the book takes 500.
    """
    seen = images.first(N_IMAGES)
    without_penalty = Sgd(CROSS_ENTROPY, eta=SGD.eta)
    done = 0
    while True:
        problem = Problem(network, seen.inputs, seen.targets, CROSS_ENTROPY)
        found = backpropagate(problem)
        scored = score_output(network, seen, without_penalty, found.forward.output)
        yield Norms(done, *_measure(found), score=scored)
        network = step(problem, found, SGD, n_images=len(seen))
        done += 1


def beside_the_book(steps: Iterable[Norms], book: Rows | None = None) -> Vanishing:
    """Put a training beside the author's.

    Args:
        steps: what `follow_norms` gave, the first ones, in order; at least one.
        book: the content of the author's file with as many hidden layers.

    Returns:
        Both, with the figures that must agree.

    Raises:
        SubjectError: no step was given, or the file is about another network.
    """
    seen = tuple(steps)
    if not seen:
        raise SubjectError("No step was taken; expected at least 1: the norms at the start.")
    n_hidden = len(seen[0].of_mean)
    if book is not None and {len(norms) for norms in book} != {n_hidden}:
        raise SubjectError(
            f"The author's file has {sorted({len(norms) for norms in book})} hidden layers, "
            f"the network {n_hidden}. Take norms_during_training_{n_hidden}_layers.json."
        )
    printed = PRINTED_START.get(n_hidden)
    figures = [*_start_figures(seen[0], printed if book is None else book[0])]
    if len(seen) >= BOOK_STEPS and n_hidden in DYNAMICS:
        figures += DYNAMICS[n_hidden](seen[:BOOK_STEPS], book)
    rows = None if book is None else tuple(tuple(norms) for norms in book)
    return Vanishing(seen, rows, tuple(figures))


def _measure(found: Backprop) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure δ of the hidden layers, both ways."""
    hidden = found.delta[:-1]
    of_mean = tuple(float(np.linalg.norm(delta.mean(axis=0))) for delta in hidden)
    mean = tuple(float(np.linalg.norm(delta, axis=1).mean()) for delta in hidden)
    return of_mean, mean


def _start_figures(first: Norms, book: Sequence[float] | None) -> Iterator[Figure]:
    """Compare the norms at the start, and their order."""
    bands = START_BANDS.get(len(first.of_mean), ())
    for place, (low, high) in enumerate(bands):
        theirs = None if book is None else book[place]
        yield Figure(f"‖mean δ^{place + 2}‖ at the start", first.of_mean[place], theirs, low, high)
    for place, (earlier, later) in enumerate(pairwise(first.of_mean)):
        name = f"‖mean δ^{place + 3}‖ / ‖mean δ^{place + 2}‖ at the start"
        theirs = None if book is None else book[place + 1] / book[place]
        yield Figure(name, later / earlier, theirs, 1.0, np.inf)


def _rebound_figures(steps: Sequence[Norms], book: Rows | None) -> list[Figure]:
    """With two hidden layers the last norm falls, and comes back."""
    least, rebound = _find_rebound([norms.of_mean for norms in steps])
    theirs = (None, None) if book is None else _find_rebound(book)
    return [
        Figure(
            "step of the least last norm", least, theirs[0], float(LEAST_AT[0]), float(LEAST_AT[1])
        ),
        Figure("its rebound by step 499", rebound, theirs[1], REBOUND, np.inf),
    ]


def _find_rebound(rows: Rows) -> tuple[float, float]:
    """Find the step where the last norm is least, and how far it comes back."""
    last = [norms[-1] for norms in rows]
    return float(np.argmin(last)), last[-1] / min(last)


def _silence_figures(steps: Sequence[Norms], book: Rows | None) -> list[Figure]:
    """With three hidden layers the mean δ dies away while each example's lives on."""
    first, last = steps[0], steps[-1]
    fall = first.of_mean[-1] / last.of_mean[-1]
    theirs = None if book is None else book[0][-1] / book[-1][-1]
    mean_fall = first.mean[-1] / last.mean[-1]
    share = last.score.count / N_IMAGES
    stuck = [norms.score.cost for norms in steps[STUCK_FROM:]]
    return [
        Figure("fall of the last norm by step 499", fall, theirs, FALL, np.inf),
        Figure("fall of the mean of its norms", mean_fall, None, 0.0, MEAN_FALL),
        Figure(f"least cost from step {STUCK_FROM} on", min(stuck), None, *STUCK_COST),
        Figure(f"largest cost from step {STUCK_FROM} on", max(stuck), None, *STUCK_COST),
        Figure("share of right answers at step 499", share, None, STUCK_SHARE, STUCK_SHARE),
    ]


DYNAMICS = {2: _rebound_figures, 3: _silence_figures}
