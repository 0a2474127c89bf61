"""What the tests of the command line share: someone's own file, and two ways to run a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neurodemon.cli.main import app

MY_FILE = '''
import torch
from torch import nn

import neurodemon as nd

print("hello from my file")


def subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return nd.Subject(model, [(torch.randn(5, 3), torch.randn(5, 2))], "squared_error", name="mine")


def wide():
    """Three chunks of work: 64, 64 and 2 units."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 130), nn.Tanh(), nn.Linear(130, 2))
    return nd.Subject(model, [(torch.randn(5, 3), torch.randn(5, 2))], "squared_error", name="wide")


def failing_cost(output, target):
    raise ZeroDivisionError("no such cost")


def broken():
    return nd.Subject(nn.Linear(3, 2), [(torch.ones(5, 3), torch.ones(5, 2))], failing_cost)


def unfinished():
    raise RuntimeError("not written yet")
'''


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep the user's own cache out of it."""
    monkeypatch.setenv("NEURODEMON_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NEURODEMON_MNIST", raising=False)


@pytest.fixture
def my_file(tmp_path):
    """Someone's own file of subjects, in the folder where the command runs."""
    path = tmp_path / "my.py"
    path.write_text(MY_FILE, "utf-8")
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command here, its words given one by one."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def run_json(run):
    """Run a command that must print one strict JSON object, and read that."""

    def run_and_read(*words):
        result = run(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return read_strictly(result.stdout)

    return run_and_read


@pytest.fixture
def strict_json():
    """Read JSON that holds one object and neither NaN nor infinity."""
    return read_strictly


def read_strictly(text):
    """Read one JSON object; NaN and infinity are none of JSON's words."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    values = json.loads(text, parse_constant=refuse)
    assert isinstance(values, dict)
    return values


@pytest.fixture
def spawn(tmp_path):
    """Run a command in a new process, its output in pipes."""

    def run_process(*words, **environment):
        return subprocess.run(
            [sys.executable, "-m", "neurodemon", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
            encoding="utf-8",
        )

    return run_process


@pytest.fixture
def runs_anew():
    """Run Python statements in a new process and give what they print."""

    def run_statements(statements: str, cwd: Path | None = None) -> str:
        return subprocess.run(
            [sys.executable, "-c", statements],
            capture_output=True,
            check=True,
            cwd=cwd,
            encoding="utf-8",
        ).stdout

    return run_statements
