"""The commands of docs/is-influence-error.md run, and print what stands below them.

A line of the page must come in the command's output, in order; its words to the letter, its
numbers as nearly as another processor's rounding allows through a training.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neurodemon.cli.main import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "is-influence-error.md"
NUMBER = re.compile(r"[-+−]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
# How far a number may be off: of the number, or absolutely.
EXACT = (0.005, 1e-9)  # rounding, as printed
TRAINED = (0.1, 0.02)  # what follows a training, which another processor rounds otherwise
LEFT_OUT = "…"


def blocks_of(text: str) -> list[tuple[str, list[str]]]:
    """Read the console blocks: each command, and the lines that stand below it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip() and line.strip() != LEFT_OUT:
                found[-1][1].append(line)
    return found


def words_and_numbers(line: str) -> tuple[str, list[float]]:
    """Take a line apart."""
    numbers = [float(text.replace("−", "-").replace(",", "")) for text in NUMBER.findall(line)]
    return " ".join(NUMBER.sub("#", line).split()), numbers


def is_same(shown: str, printed: str, near: tuple[float, float] = EXACT) -> bool:
    """Whether a line begins as the other does, rounding aside."""
    (words, numbers), (their_words, their_numbers) = map(words_and_numbers, (shown, printed))
    pairs = list(zip(numbers, their_numbers, strict=False))
    return their_words.startswith(words) and all(
        abs(ours - theirs) <= max(near[1], near[0] * abs(theirs)) for ours, theirs in pairs
    )


def missing_lines(shown: list[str], printed: str, near: tuple[float, float] = EXACT) -> list[str]:
    """Which lines of the page do not come in the output, in order."""
    lines = iter(printed.splitlines())
    return [line for line in shown if not any(is_same(line, other, near) for other in lines)]


BLOCKS = blocks_of(PAGE.read_text("utf-8"))


@pytest.mark.no_cover  # long, and no room's own test
@pytest.mark.parametrize("command", dict.fromkeys(command for command, _ in BLOCKS))
def test_a_command_of_the_page_prints_what_stands_below_it(command):
    program, *words = shlex.split(command)
    assert program == "neurodemon"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    near = TRAINED if "digits" in words else EXACT
    for shown in (lines for other, lines in BLOCKS if other == command):
        assert shown, "a command without a line below it shows nothing"
        assert missing_lines(shown, result.stdout, near) == [], result.stdout


def test_a_page_is_taken_apart_into_commands_and_what_they_print():
    text = "```console\n$ neurodemon a\none 1\n…\ntwo 2\n$ neurodemon b\n```\n```python\n$ c\n```"
    assert blocks_of(text) == [("neurodemon a", ["one 1", "two 2"]), ("neurodemon b", [])]


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (["κ 1.000", "δ  +2"], "κ 1.001\nmore\nδ +2.0 and\n", []),
        (["δ +2", "κ 1.000"], "κ 1.0\nδ +2\n", ["κ 1.000"]),  # out of order
        (["κ 1.000"], "κ 1.02\n", ["κ 1.000"]),
        (["KINK 1"], "CURVED 1\n", ["KINK 1"]),
    ],
)
def test_a_line_that_differs_or_is_out_of_order_is_missed(shown, printed, missing):
    assert missing_lines(shown, printed) == missing
