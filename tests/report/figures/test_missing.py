"""Without matplotlib the room says how to get it, and the rest of the house stands."""

import subprocess
import sys

WITHOUT = """
import sys
sys.modules["matplotlib"] = None
import neurodemon as nd
plot = nd.plot
curve = nd.Effects.of(site=["a"], measured=[1.0])
try:
    plot(curve)
except nd.NeurodemonError as error:
    print(type(error).__name__, error)
"""


def run(statements):
    """Run statements in a new process and give what they print."""
    command = [sys.executable, "-c", statements]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_plotting_without_matplotlib_names_the_pip_command():
    printed = run(WITHOUT)
    assert printed.startswith("MissingExtraError matplotlib")
    assert "pip install 'neurodemon[plot]'" in printed


def test_with_matplotlib_nothing_is_missed():
    assert run(WITHOUT.replace('sys.modules["matplotlib"] = None', "")) == ""
