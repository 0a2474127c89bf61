"""The figures of a replay: with the author's file, without it, and for other recipes."""

from dataclasses import replace

import pytest

from neurodemon.book.printed import (
    BEST_TEST_COUNT,
    FIRST_TEST_COUNT,
    FIRST_TRAINING_COST,
    FIRST_TRAINING_COUNT,
    LAST_TEST_COUNT,
    REGULARISED,
    replay_figures,
)
from neurodemon.book.replay import BOOK_EPOCHS, Curves, Recipe, Replay


def curves(n: int) -> Curves:
    """Curves that begin and end as the author's."""
    rest = n - 3
    counts = [*FIRST_TEST_COUNT, *[8000] * rest]
    if n == BOOK_EPOCHS:
        counts[-2:] = [int(BEST_TEST_COUNT), int(LAST_TEST_COUNT)]
    return Curves(
        (*FIRST_TRAINING_COST, *[0.1] * rest),
        (*FIRST_TRAINING_COUNT, *[1000] * rest),
        (2.0,) * n,
        tuple(counts),
    )


def names_that_disagree(recipe: Recipe, found: Replay) -> list[str]:
    return [figure.name for figure in replay_figures(recipe, found) if not figure.agrees]


@pytest.mark.parametrize(("n", "n_figures"), [(3, 9), (30, 9), (BOOK_EPOCHS, 11)])
def test_without_the_file_the_printed_numbers_are_compared(n: int, n_figures: int):
    figures = replay_figures(Recipe(), Replay(curves(n), None))
    assert len(figures) == n_figures
    assert all(figure.agrees for figure in figures)


def test_each_printed_number_is_compared():
    right = curves(BOOK_EPOCHS)
    wrong = Curves(
        tuple(cost + 2e-9 for cost in right.training_cost),
        tuple(count + 1 for count in right.training_count),
        right.test_cost,
        tuple(count + 1 for count in right.test_count),
    )
    assert len(names_that_disagree(Recipe(), Replay(wrong, None))) == 11


def test_the_file_is_compared_at_sight_and_as_a_whole():
    found = Replay(curves(30), curves(30))
    figures = replay_figures(Recipe(), found)
    assert len(figures) == 4 * 4 + 3
    assert all(figure.agrees for figure in figures)
    assert [figure.name for figure in figures[-2:]] == [
        "counts that differ, of 60",
        "largest gap of 60 costs",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"training_count": 7}, "counts that differ, of 60"),
        ({"test_cost": 2.0 + 2e-9}, "largest gap of 60 costs"),
        ({"test_cost": float("nan")}, "largest gap of 60 costs"),
    ],
    ids=str,
)
def test_one_wrong_number_in_the_middle_is_seen(change: dict[str, float], expected: str):
    right = curves(30)
    [(name, value)] = change.items()
    numbers = list(getattr(right, name))
    numbers[15] = value
    wrong = replace(right, **{name: tuple(numbers)})
    assert names_that_disagree(Recipe(), Replay(wrong, right)) == [expected]


@pytest.mark.parametrize(("best", "agrees"), [(8710, True), (8227, False)])
def test_the_regularised_run_must_peak_at_87_1_per_cent(best: int, *, agrees: bool):
    found = replace(curves(BOOK_EPOCHS), test_count=(*[8000] * (BOOK_EPOCHS - 1), best))
    [figure] = replay_figures(REGULARISED, Replay(found, None))
    assert figure.agrees is agrees


@pytest.mark.parametrize("recipe", [REGULARISED, Recipe(n_images=500)], ids=["short", "other"])
def test_what_the_book_does_not_say_is_not_compared(recipe: Recipe):
    assert replay_figures(recipe, Replay(curves(30), None)) == ()


def test_no_epoch_has_no_epochs_figures():
    empty = Curves((), (), (), ())
    names = [figure.name for figure in replay_figures(Recipe(), Replay(empty, empty))]
    assert names == ["counts that differ, of 0", "largest gap of 0 costs"]
