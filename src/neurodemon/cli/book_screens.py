"""The screens of `neurodemon book`: what was found, then ours beside the book's.

This file must never see torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.book.chain import Chain
from neurodemon.book.figures import Figure
from neurodemon.book.kink import Walk
from neurodemon.book.lost_digit import Outputs
from neurodemon.book.norms import N_IMAGES, Norms
from neurodemon.book.problem import Problem
from neurodemon.book.replay import Curves, Recipe
from neurodemon.book.saturated import HALF_WAY, N_STEPS, Learning
from neurodemon.book.steps import Step
from neurodemon.cli.figures import show_figures
from neurodemon.cli.render import Paper
from neurodemon.jobs.the_book import Replayed
from neurodemon.terms.text import count

OURS, BOOKS = "ours", "book"
LANDMARKS = (1, 2, 3, 5, 10, 20, 50, 100, 150, 200, 250, 300, 350, 400, 450)
MOST_NUMBERS = 60  # of one array on a screen; JSON has all


def show_backprop(
    paper: Paper, problem: Problem, steps: Sequence[Step], figures: Sequence[Figure]
) -> None:
    """Write each equation with its numbers, then the demons' check."""
    sizes = "-".join(map(str, problem.network.sizes))
    paper.line(f"Backpropagation (ch. 2) in a network {sizes}, {problem.cost.name} cost.")
    equation = ""
    for step in steps:
        if step.equation != equation:
            paper.line()
            paper.line(f"{step.equation}:")
            equation = step.equation
        _show_step(paper, step)
    paper.line()
    paper.line("A demon in each neuron: the slope that it measures by really adding Δz, beside δ.")
    show_figures(paper, figures, ours="measured", book="δ by BP1, BP2")


def show_replay(paper: Paper, found: Replayed, source: str | None) -> None:
    """Write a replay's course, then its figures."""
    recipe = found.recipe
    paper.line(f"The book's overfitting experiment (ch. 3): {_spell_recipe(recipe)}.")
    paper.line()
    _show_curves(paper, found.curves)
    paper.line()
    if source is not None:
        paper.line(f"The author's numbers are those of {source}.")
    elif recipe.is_the_books:
        paper.line("These are the numbers in print; with --book FILE all of the author's compare.")
    show_figures(paper, found.figures, ours=OURS, book=BOOKS)


def show_norms(
    paper: Paper,
    steps: Sequence[Norms],
    figures: Sequence[Figure],
    *,
    seed: int,
    source: str | None,
) -> None:
    """Write the norms of δ through training, then the figures."""
    n_hidden = len(steps[0].of_mean)
    paper.line(
        f"The vanishing error (ch. 5): {n_hidden} hidden layers of 30, {N_IMAGES} images, seed "
        f"{seed}. ‖mean δ‖ is what one Δz for all images feels, mean ‖δ‖ what one for each does."
    )
    paper.line()
    layers = range(2, n_hidden + 2)
    heads = [*(f"‖mean δ^{layer}‖" for layer in layers), *(f"mean ‖δ^{layer}‖" for layer in layers)]
    rows = [
        [
            str(norms.step),
            *(f"{norm:.3g}" for norm in (*norms.of_mean, *norms.mean)),
            f"{norms.score.cost:.4f}",
            f"{100 * norms.score.count / N_IMAGES:.1f} %",
        ]
        for norms in _landmarks(steps, first=0)
    ]
    columns = ["step", *heads, "cost", "right"]
    paper.table(columns, rows, numbers=columns)
    paper.line()
    if source is not None:
        paper.line(f"The author's norms are those of {source}.")
    paper.line("Ranges: 95 % of 300 seeds at the start, so that one seed in 20 falls outside each.")
    show_figures(paper, figures, ours=OURS, book=BOOKS)


def show_lost_digit(paper: Paper, epochs: Sequence[Outputs], figures: Sequence[Figure]) -> None:
    """Write the ten outputs after the last epoch, then the figures of each."""
    last = epochs[-1]
    paper.line(
        "The lost digit (ch. 1): [784, 30, 10], quadratic cost, seed 3; test images after "
        f"{count(last.epoch, 'epoch')}."
    )
    paper.line()
    columns = ("output", "recall", "headroom", "mean |δ|")
    triples = zip(last.recall, last.headroom, last.influence, strict=True)
    rows = [
        (str(digit), f"{recall:.4f}", f"{headroom:.4g}", f"{influence:.3g}")
        for digit, (recall, headroom, influence) in enumerate(triples)
    ]
    paper.table(columns, rows, numbers=columns)
    paper.line("headroom: the output's part of the cost, which a demon there could win.")
    paper.line()
    show_figures(paper, figures, ours=OURS, book=BOOKS)


def show_saturated(paper: Paper, found: Sequence[Learning], figures: Sequence[Figure]) -> None:
    """Write how the neuron learns from each start, then the figures."""
    paper.line("The saturated neuron (ch. 3): input 1, target 0, quadratic cost, η = 0.15.")
    paper.line()
    places = (0, HALF_WAY, N_STEPS)
    rows = [
        (
            _spell_start(learning),
            str(step),
            f"{learning.a[step]:.6f}",
            f"{learning.delta[step]:.6f}",
            f"{learning.cost[step]:.6f}",
        )
        for learning in found
        for step in places
    ]
    columns = ("(w, b) at the start", "step", "a", "δ", "C")
    paper.table(columns, rows, numbers=columns[1:])
    paper.line()
    show_figures(paper, figures, ours=OURS, book=BOOKS)
    paper.line("The worse start has the smaller δ: a small influence certifies no small error.")


def show_kink(paper: Paper, walks: Sequence[Walk], figures: Sequence[Figure]) -> None:
    """Write what a demon finds at each distance, then the figures."""
    paper.line("|x|: a demon walks from x to the kink, and as far again behind it.")
    paper.line()
    rows = [
        [
            f"{number:g}"
            for number in (
                walk.x,
                walk.delta,
                walk.best_dz,
                walk.headroom,
                walk.shape,
                walk.kept_to,
            )
        ]
        for walk in walks
    ]
    columns = ("x", "δ", "best Δz", "headroom", "κ", "tangent exact up to")
    paper.table(columns, rows, numbers=columns)
    paper.line()
    show_figures(paper, figures, ours=OURS, book="must be")
    paper.line("The same influence at any distance: the slope says which way, never how far.")


def show_chain(paper: Paper, found: Chain) -> None:
    """Write the chain's δ and eq. 123."""
    paper.line("A chain of four sigmoid neurons, w = 100, z = 0 (ch. 5, the exploding gradient).")
    paper.line()
    show_figures(paper, found.figures, ours=OURS, book=BOOKS)


def name_by_start(found: Sequence[Learning]) -> tuple[Figure, ...]:
    """Say of each figure of the saturated neuron from which start it is."""
    return tuple(
        replace(figure, name=f"{figure.name}, from {_spell_start(learning)}")
        for learning in found
        for figure in learning.figures
    )


def name_by_epoch(epochs: Sequence[Outputs]) -> tuple[Figure, ...]:
    """Say of each figure of the lost digit after which epoch it is."""
    return tuple(
        replace(figure, name=f"{figure.name}, epoch {outputs.epoch}")
        for outputs in epochs
        for figure in outputs.figures
    )


def _spell_start(learning: Learning) -> str:
    """Spell (w, b)."""
    return f"({learning.start[0]:g}, {learning.start[1]:g})"


def _show_step(paper: Paper, step: Step) -> None:
    """Write one equation: the formula, what goes in, what comes out."""
    paper.line(f"  {step.formula}")
    for symbol, numbers in (*step.given, (step.symbol, step.result)):
        sign = "→" if symbol == step.symbol else " "
        paper.line(f"    {sign} {symbol} = {spell_numbers(numbers)}")


def spell_numbers(numbers: NDArray[np.float64]) -> str:
    """Spell a number, a vector or a matrix on one line; the middle of a long one is left out.

    Args:
        numbers: the array.

    Returns:
        The text.

    Example:
        >>> spell_numbers(np.array([[0.5, -1.0], [2.0, 1e-9]]))
        '[[0.5, -1], [2, 1e-09]]'
    """
    return np.array2string(
        numbers,
        separator=", ",
        threshold=MOST_NUMBERS,
        max_line_width=10**9,
        formatter={"float_kind": lambda value: f"{value:.6g}"},
    ).replace("\n", "")


def _show_curves(paper: Paper, curves: Curves) -> None:
    """Write the scores after some epochs."""
    epochs = zip(
        curves.training_cost,
        curves.training_count,
        curves.test_cost,
        curves.test_count,
        strict=True,
    )
    rows = [
        (
            str(number),
            f"{training_cost:.10g}",
            str(training_count),
            f"{test_cost:.10g}",
            str(test_count),
        )
        for number, (training_cost, training_count, test_cost, test_count) in _landmarks(
            list(enumerate(epochs, start=1)), first=1
        )
    ]
    columns = ("epoch", "training cost", "training count", "test cost", "test count")
    paper.table(columns, rows, numbers=columns)


def _landmarks(items: Sequence[Any], *, first: int) -> Iterable[Any]:
    """Take the first items, some in between, and the last."""
    places = {0, len(items) - 1, *(mark - first for mark in LANDMARKS)}
    return [items[place] for place in sorted(places) if 0 <= place < len(items)]


def _spell_recipe(recipe: Recipe) -> str:
    """Spell what is replayed."""
    sgd = recipe.sgd
    return (
        f"{list(recipe.sizes)}, {recipe.n_images} images, {sgd.cost.name}, η = {sgd.eta:g}, "
        f"λ = {sgd.lmbda:g}, mini-batches of {sgd.mini_batch}, {recipe.initialisation} start, "
        f"seed {recipe.seed}"
    )
