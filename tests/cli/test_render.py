"""Tables on a terminal and in a pipe."""

import io
import sys

from neurodemon.cli.render import Paper

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
