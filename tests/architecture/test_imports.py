"""The contracts of pyproject.toml hold, and each one breaks when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# contract → a file, and the line to plant in it that the contract must refuse
PLANTED = {
    "Each room imports only rooms below it": ("graph/node.py", "import neurodemon.jobs"),
    "Inside the engine, maths flows one way": (
        "engine/nudge.py",
        "import neurodemon.engine.replay",
    ),
    "No cycles inside a room": ("terms/radii.py", "import neurodemon.terms.perturbations"),
    "Pure rooms know no heavy library": ("planner/plan.py", "import torch"),
    "Results can be read and judged without torch": ("judge/agreement.py", "import torch"),
    "Shell libraries stay in the shell": ("tracing/axes.py", "import rich"),
    "Only the printer knows matplotlib": ("jobs/plotting.py", "import matplotlib.figure"),
    "A page is made without torch and without matplotlib": (
        "report/html/page.py",
        "import matplotlib",
    ),
    "No room imports the front door": ("terms/text.py", "import neurodemon"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lint-imports on the project in a folder."""
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    return tmp_path


def test_every_contract_is_kept():
    run = lint(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Contracts: {len(PLANTED)} kept, 0 broken" in run.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(contract: str, copied_project: Path):
    path, line = PLANTED[contract]
    file = copied_project / "src" / "neurodemon" / path
    file.write_text(f"{file.read_text('utf-8')}\n{line}\n", "utf-8")
    run = lint(copied_project)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{contract} BROKEN" in run.stdout


def test_a_room_that_nobody_declared_breaks_the_contract(copied_project: Path):
    room = copied_project / "src" / "neurodemon" / "attic"
    room.mkdir()
    (room / "__init__.py").write_text('"""A room without a place."""\n', "utf-8")
    run = lint(copied_project)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "neurodemon.attic" in run.stdout
