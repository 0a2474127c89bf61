"""The commands of docs/is-influence-error.md run, and print what stands below them.

A line of the page must come in the command's output, in order; its words to the letter, its
numbers as nearly as another processor's rounding allows through a training.
"""

import pytest
from oracles.pages import BLOCKS, TRAINING, blocks_of, lines_missed, missing_lines

COMMANDS = dict.fromkeys(command for command, _ in BLOCKS if TRAINING not in command)


@pytest.mark.no_cover  # long, and no room's own test
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_prints_what_stands_below_it(command):
    assert lines_missed(command) == []


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
