"""What users can meet is written down: error classes, words of status, options of commands."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurodemon import errors
from neurodemon.terms.statuses import ADVICE

ROOT = Path(__file__).parents[2]
ERRORS = sorted(
    name
    for name, thing in vars(errors).items()
    if inspect.isclass(thing) and issubclass(thing, errors.NeurodemonError)
)


def documentation() -> str:
    """Read all that users read."""
    paths = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("README.md")]
    return "\n".join(path.read_text("utf-8") for path in paths)


def mentions(text: str, word: str) -> bool:
    """Tell whether a word stands in a text as a whole word."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def command_options() -> Iterator[tuple[str, str]]:
    """Walk the command line: (command, option), such as ("audit", "--out")."""
    import typer  # noqa: PLC0415 (only this test needs it)

    app = importlib.import_module("neurodemon.cli.main").app
    yield from options_of("", typer.main.get_command(app))


def options_of(name: str, command: Any) -> Iterator[tuple[str, str]]:
    """Walk one command and those below it."""
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--"):
                yield name, option
    for below, subcommand in getattr(command, "commands", {}).items():
        yield from options_of(f"{name} {below}".strip(), subcommand)


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_is_documented(name: str):
    assert mentions(documentation(), name)


@pytest.mark.parametrize("status", ADVICE)
def test_each_status_is_documented(status: str):
    assert mentions(documentation(), f"`{status}`")


def test_the_errors_are_found():
    assert {"NeurodemonError", "StoreError"} <= set(ERRORS)


def test_a_longer_or_a_missing_word_is_no_mention():
    assert mentions("use --out DIR", "--out")
    assert not mentions("use --output DIR, or --no-out", "--out")


def test_each_option_of_each_command_is_documented():
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    missing = [pair for pair in command_options() if not mentions(page, pair[1])]
    assert missing == []


def test_each_command_is_documented():
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    commands = {name for name, _ in command_options() if name}
    assert {name for name in commands if not mentions(page, f"neurodemon {name}")} == set()


def test_the_walk_finds_the_options_of_the_commands():
    found = set(command_options())
    assert {("audit", "--out"), ("audit", "--json")} <= found
