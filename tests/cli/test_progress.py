"""Bars where someone looks on, notes everywhere, and nothing of either among the results."""

import contextlib
import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from neurodemon.cli.progress import Bars, watched


def bars_on(*, is_terminal: bool):
    """Make bars on a paper of our own."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=70, markup=False)
    return Bars(console), written


def test_bars_show_how_far_it_is_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    bars, written = bars_on(is_terminal=True)
    bars.progress("measure", 0, 130)
    bars.progress("measure", 64, 130)
    bars.stop()
    assert "measure" in written.getvalue()
    assert "64/130" in written.getvalue()
    assert "left" in written.getvalue()


def test_there_are_no_bars_in_a_pipe():
    bars, written = bars_on(is_terminal=False)
    bars.progress("measure", 0, 130)
    bars.progress("measure", 64, 130)
    bars.stop()
    assert written.getvalue() == ""


def test_a_log_is_told_once_a_minute_how_far_it_is():
    now, written = [0.0], io.StringIO()
    bars = Bars(Console(file=written, force_terminal=False, width=70), clock=lambda: now[0])
    for now[0], done in ((1.0, 64), (59.0, 128), (61.0, 1920), (119.0, 1984), (122.0, 2048)):
        bars.progress("measure", done, 9216)
    bars.stop()
    assert written.getvalue() == "measure: 1,920 of 9,216\nmeasure: 2,048 of 9,216\n"


def test_notes_are_said_in_a_pipe_on_one_line():
    bars, written = bars_on(is_terminal=False)
    bars.note("[out=1] " + 50 * "word ")
    assert written.getvalue() == f"note: [out=1] {50 * 'word '}\n"


def test_bars_that_never_began_can_be_stopped(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    bars, written = bars_on(is_terminal=True)
    bars.stop()
    assert written.getvalue() == ""


def test_what_others_print_goes_to_standard_error(capsys):
    with watched():
        print("from someone's file")  # noqa: T201
    print("result")  # noqa: T201
    assert capsys.readouterr() == ("result\n", "from someone's file\n")


def test_bars_are_taken_away_when_work_fails(capsys):
    with pytest.raises(ValueError, match="halfway"), watched() as bars:  # noqa: PT012
        bars.progress("measure", 1, 2)
        raise ValueError("halfway")
    print("standard output is back")  # noqa: T201
    assert capsys.readouterr().out == "standard output is back\n"


def test_nothing_but_json_is_on_standard_output(spawn, my_file, strict_json):
    result = spawn("audit", f"{my_file}:subject", "--json", FORCE_COLOR="1")
    assert result.returncode == 0
    assert strict_json(result.stdout)["effects"]
    assert result.stderr == "hello from my file\n"


def test_a_pipe_gets_no_control_characters_and_whole_columns(spawn, my_file):
    result = spawn("audit", f"{my_file}:subject", "--top", "2", FORCE_COLOR="1", COLUMNS="20")
    assert result.returncode == 0
    assert not {letter for letter in result.stdout if ord(letter) < 32} - {"\n"}
    heads = ["unit", "tangent", "first_order", "link", "linear_logits", "measured", "gap", "status"]
    lines = [line.split() for line in result.stdout.splitlines()]
    assert heads in lines
    assert not any(line.endswith(" ") for line in result.stdout.splitlines())


def test_a_terminal_gets_bars_on_standard_error_alone(my_file):
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "neurodemon", "measure", f"{my_file}:subject", "--json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    seen = b""
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while part := terminal.read(1024):
                seen += part
        printed = process.stdout.read()
    assert b"\x1b[" in seen
    assert b"measure" in seen
    assert b"4/4" in seen
    assert b"\x1b" not in printed
    assert printed.startswith(b'{"effects"')
