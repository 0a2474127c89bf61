"""Ours beside the book's: how numbers are spelled, what they come to, the exit code."""

import math

import pytest
import typer

from neurodemon.book.figures import Figure, as_printed, at_least, within
from neurodemon.cli.figures import leave, show_figures, spell_book, spell_json, spell_ours
from neurodemon.cli.render import Paper

RIGHT = as_printed("a", 0.81757449, 0.817574, decimals=6)
WRONG = as_printed("b", 0.2, 0.3, decimals=1)


@pytest.mark.parametrize(
    ("figure", "ours", "book"),
    [
        (RIGHT, "0.817574", "0.817574"),
        (as_printed("a", 0.8175756, 0.817574, decimals=6), "0.8175756", "0.817574"),
        (as_printed("a", -1.0, -1.0, decimals=3), "-1.000", "-1.000"),
        (within("a", 8223.0, 8227.0, slack=0.0), "8223", "8227"),
        (within("a", 1.84336478601, 1.84336478609, slack=1e-9), "1.843364786", "1.843364786"),
        (within("a", 2e-15, 0.0, slack=1e-9), "2e-15", "0 [-1e-09, 1e-09]"),
        (within("a", 0.0, 0.0, slack=0.0), "0", "0"),
        (at_least("a", 633.3333, 100.0), "633.3", "≥ 100"),
        (Figure("a", 0.05921, 0.06574, 0.0352, 0.0887), "0.05921", "0.06574 [0.0352, 0.0887]"),
        (Figure("a", 3.24458, None, 3.22, 3.26), "3.245", "[3.22, 3.26]"),
        (Figure("a", 0.117, None, 0.117, 0.117), "0.117", "0.117"),
        (Figure("a", math.nan, 1.0, 0.9, 1.1), "nan", "1 [0.9, 1.1]"),
    ],
)
def test_numbers_are_spelled_as_far_as_they_are_compared(figure, ours, book):
    assert (spell_ours(figure), spell_book(figure)) == (ours, book)


def test_a_table_says_which_figures_disagree(capsys):
    show_figures(Paper(), (RIGHT, WRONG), ours="ours", book="book")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["figure", "ours", "book", "agrees"],
        ["a", "0.817574", "0.817574", "yes"],
        ["b", "0.2", "0.3", "NO"],
    ]
    assert lines[-1] == "1 of 2 figures disagree: b."


@pytest.mark.parametrize(
    ("figures", "last"),
    [
        ((), "The book has no figures for this: nothing to compare."),
        ((RIGHT,), "The figure agrees."),
        ((RIGHT, RIGHT), "All 2 figures agree."),
    ],
)
def test_the_last_line_sums_up(capsys, figures, last):
    show_figures(Paper(), figures, ours="ours", book="book")
    assert capsys.readouterr().out.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("figures", "agrees"), [((RIGHT,), True), ((RIGHT, WRONG), False), ((), None)]
)
def test_json_says_whether_all_agree(figures, agrees):
    found = spell_json(figures)
    assert found["agrees"] is agrees
    assert len(found["figures"]) == len(figures)


def test_json_holds_a_figure_whole():
    [row] = spell_json((WRONG,))["figures"]
    assert (row["name"], row["ours"], row["book"], row["agrees"]) == ("b", 0.2, 0.3, False)
    assert row["low"] == pytest.approx(0.25)
    assert row["high"] == pytest.approx(0.35)


def test_what_agrees_leaves_in_peace(capsys):
    leave((RIGHT,))
    leave(())
    assert capsys.readouterr().err == ""


def test_what_disagrees_leaves_with_1(capsys):
    with pytest.raises(typer.Exit) as end:
        leave((RIGHT, WRONG))
    assert end.value.exit_code == 1
    assert capsys.readouterr().err == "error: not all figures agree with the book's.\n"


def test_an_interrupt_leaves_with_130_whatever_agrees(capsys):
    with pytest.raises(typer.Exit) as end:
        leave((WRONG,), interrupted="2 of 5 steps were done, and are shown.")
    assert end.value.exit_code == 130
    assert capsys.readouterr().err == "interrupted: 2 of 5 steps were done, and are shown.\n"
