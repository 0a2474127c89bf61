"""The commands of docs/is-influence-error.md that train a network print what stands below them."""

import pytest
from oracles.pages import BLOCKS, TRAINING, lines_missed

COMMANDS = dict.fromkeys(command for command, _ in BLOCKS if TRAINING in command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_trains_prints_what_stands_below_it(command):
    assert lines_missed(command) == []
