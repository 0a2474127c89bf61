"""Tables on a terminal and in a pipe, and the spelling of numbers."""

import io
import sys

import pytest

from neurodemon.cli.render import Paper, percent, rounded, speller

COLUMNS = ["unit", "first_order", "linear_logits"]
ROWS = [["block[out=1][3]", "+0.1234", "-0.5000"], [":smile:[0]", "0", "–"]]


class Terminal(io.StringIO):
    """Someone looks on."""

    def isatty(self):
        return True


def draw(monkeypatch, paper, width):
    """Draw a table and a line; give the lines, control characters and all."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", paper)
    sheet = Paper()
    sheet.table(COLUMNS, ROWS, numbers=COLUMNS[1:])
    sheet.line(20 * "word " + "end")
    return paper.getvalue().splitlines()


def test_a_pipe_gets_plain_lines_however_narrow(monkeypatch):
    lines = draw(monkeypatch, io.StringIO(), width=10)
    assert lines == [
        "unit             first_order  linear_logits",
        "block[out=1][3]      +0.1234        -0.5000",
        ":smile:[0]                 0              –",
        20 * "word " + "end",
    ]


def test_a_terminal_gets_bold_heads_and_its_own_width(monkeypatch):
    lines = draw(monkeypatch, Terminal(), width=60)
    assert "\x1b[1m" in lines[0]
    assert all(len(line) <= 60 for line in lines[1:])
    assert len(lines) == 5


def test_heads_take_two_lines_where_a_terminal_is_narrow(monkeypatch):
    lines = draw(monkeypatch, Terminal(), width=38)
    assert "first_\x1b" in lines[0]
    assert "order\x1b" in lines[1]
    assert lines[2].startswith("block[out=1][3]")


def test_cells_are_folded_only_where_nothing_else_helps(monkeypatch):
    lines = draw(monkeypatch, Terminal(), width=24)
    assert not any(line.startswith("block[out=1][3]") for line in lines)
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.2493, -0.00729, 0.0, None], ["+0.2493", "-0.0073", "0", "–"]),
        ([123.456, 0.06], ["+123.5", "+0.1"]),
        ([123.456, -0.01], ["+123.5", "-1e-02"]),
        ([1234567.0, 1.0], ["+1.235e+06", "+1.000e+00"]),
        ([2e-7, 0.0], ["+2.000e-07", "0"]),
        ([float("nan"), float("inf"), 0.5], ["nan", "inf", "+0.5000"]),
        ([0.0, None], ["0", "–"]),
        ([12345.6], ["+12346"]),
    ],
)
def test_numbers_of_a_table_are_spelled_alike(values, expected):
    spell = speller(values)
    assert [spell(value) for value in values] == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "100 %"), (0.0, "0 %"), (0.0996, "10 %"), (0.09, "9.0 %"), (float("inf"), "inf")],
)
def test_shares_are_spelled_in_percent(share, expected):
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(12345.678, "1.23e+04"), (-0.5, "-0.500"), (float("nan"), "–"), (0.0, "0.000")],
)
def test_correlations_and_slopes_are_spelled_short(value, expected):
    assert rounded(value) == expected
