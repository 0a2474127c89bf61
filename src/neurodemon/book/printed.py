"""What a replay must come to: the author's file where it is, else the few figures he prints.

Source of the short lists: `fig/overfitting.json` of mnielsen/neural-networks-and-deep-learning
(MIT, © 2012–2022 Michael Nielsen) and Nielsen ch. 3, "Overfitting and regularization".
"""

from collections.abc import Iterator
from dataclasses import replace

from neurodemon.book.figures import Figure, as_printed, within
from neurodemon.book.replay import BOOK_EPOCHS, COST_TOLERANCE, SGD, Curves, Recipe, Replay

FIRST_TRAINING_COST = (1.8433647860328504, 1.4777434227600235, 1.2072861295975754)
FIRST_TRAINING_COUNT = (690, 749, 812)
FIRST_TEST_COUNT = (5887, 6505, 6970)
LAST_TEST_COUNT = 8223.0  # after all 400 epochs
BEST_TEST_COUNT = 8227.0
REGULARISED = Recipe(sgd=replace(SGD, lmbda=0.1))
REGULARISED_BEST = 87.1  # per cent, somewhere in 400 epochs
N_TEST = 10_000


def replay_figures(recipe: Recipe, found: Replay) -> tuple[Figure, ...]:
    """Put a replay beside the book's figures.

    Args:
        recipe: what was replayed.
        found: ours, and the author's where his file is at hand.

    Returns:
        The figures; none where the book has nothing to say about this recipe.
    """
    if found.book is not None:
        return tuple(_beside_the_file(found, found.book))
    if recipe.is_the_books:
        return tuple(_beside_the_print(found.ours))
    if recipe == REGULARISED and len(found.ours.test_count) >= BOOK_EPOCHS:
        best = 100 * max(found.ours.test_count[:BOOK_EPOCHS]) / N_TEST
        return (as_printed("best test accuracy, per cent", best, REGULARISED_BEST, decimals=1),)
    return ()


def _beside_the_file(found: Replay, book: Curves) -> Iterator[Figure]:
    """Compare the first epochs and the last one at sight, and all of them in two numbers."""
    ours = found.ours
    n = len(ours.test_count)
    for epoch in sorted({*range(1, min(n, len(FIRST_TEST_COUNT)) + 1), n} - {0}):
        place = epoch - 1
        yield _cost(f"training cost, epoch {epoch}", ours.training_cost, book.training_cost, place)
        yield _count(
            f"training count, epoch {epoch}", ours.training_count, book.training_count, place
        )
        yield _cost(f"test cost, epoch {epoch}", ours.test_cost, book.test_cost, place)
        yield _count(f"test count, epoch {epoch}", ours.test_count, book.test_count, place)
    if n:
        yield within(
            "best test count", float(max(ours.test_count)), float(max(book.test_count)), slack=0.0
        )
    unequal, gap = float(found.n_unequal_counts or 0), found.largest_cost_gap or 0.0
    yield within(f"counts that differ, of {2 * n}", unequal, 0.0, slack=0.0)
    yield within(f"largest gap of {2 * n} costs", gap, 0.0, slack=COST_TOLERANCE)


def _beside_the_print(ours: Curves) -> Iterator[Figure]:
    """Compare what is printed of the author's run."""
    n = len(ours.test_count)
    for place in range(min(n, len(FIRST_TEST_COUNT))):
        epoch = place + 1
        yield _cost(f"training cost, epoch {epoch}", ours.training_cost, FIRST_TRAINING_COST, place)
        yield _count(
            f"training count, epoch {epoch}", ours.training_count, FIRST_TRAINING_COUNT, place
        )
        yield _count(f"test count, epoch {epoch}", ours.test_count, FIRST_TEST_COUNT, place)
    if n >= BOOK_EPOCHS:
        counts = ours.test_count[:BOOK_EPOCHS]
        yield within(
            f"test count, epoch {BOOK_EPOCHS}", float(counts[-1]), LAST_TEST_COUNT, slack=0.0
        )
        yield within("best test count", float(max(counts)), BEST_TEST_COUNT, slack=0.0)


def _cost(name: str, ours: tuple[float, ...], book: tuple[float, ...], place: int) -> Figure:
    """Compare one cost."""
    return within(name, ours[place], book[place], slack=COST_TOLERANCE)


def _count(name: str, ours: tuple[int, ...], book: tuple[int, ...], place: int) -> Figure:
    """Compare one count."""
    return within(name, float(ours[place]), float(book[place]), slack=0.0)
