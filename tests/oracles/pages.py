"""Commands on a page of the docs, with what they print below them."""

import re
import shlex
from pathlib import Path

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
TRAINING = "question digits"  # commands that train take minutes: tests/long runs them


def lines_missed(command: str) -> list[str]:
    """Run a command of the page, and give the lines that do not come in what it prints."""
    program, *words = shlex.split(command)
    assert program == "neurodemon"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    near = TRAINED if "digits" in words else EXACT
    shown = [lines for other, lines in BLOCKS if other == command]
    assert all(shown), "a command without a line below it shows nothing"
    return [line for lines in shown for line in missing_lines(lines, result.stdout, near)]
