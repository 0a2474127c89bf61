"""The front door opens fast, and its names are a promise."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "neurodemon"
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()}

# A name that leaves this list breaks somebody's code: docs/versioning.md says how.
PUBLIC = {
    "Absolute",
    "Add",
    "Audit",
    "Curve",
    "Direction",
    "Effects",
    "Group",
    "Mean",
    "NeurodemonError",
    "Noise",
    "Patch",
    "Question",
    "Resample",
    "Scale",
    "Set",
    "Site",
    "Std",
    "Subject",
    "Unit",
    "UnitSet",
    "Zero",
    "audit",
    "check",
    "curve",
    "delta",
    "headroom",
    "load",
    "logit_difference",
    "measure",
    "pair_score",
    "plot",
    "predict",
    "question",
    "save",
    "sites",
    "units",
}


def loads_torch(statement: str) -> bool:
    """Run a statement in a new Python and see whether torch came along."""
    probe = f"import sys\n{statement}\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return run.stdout.strip() == "True"


def names_for_type_checkers() -> set[str]:
    """Name what the front door imports under `if TYPE_CHECKING`."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    branches = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imports = [
        node for branch in branches for node in branch.body if isinstance(node, ast.ImportFrom)
    ]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_importing_neurodemon_loads_no_torch():
    assert not loads_torch("import neurodemon")


def test_the_probe_sees_torch_where_it_is_loaded():
    assert loads_torch("import neurodemon, torch")


def test_the_public_names_are_the_promised_ones():
    assert sorted(importlib.import_module("neurodemon").__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_resolves(name: str):
    thing = getattr(importlib.import_module("neurodemon"), name)
    assert thing.__name__ == name
    assert thing.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'neurodemon' has no attribute 'exorcise'"):
        importlib.import_module("neurodemon").exorcise  # noqa: B018 (the look-up is the test)


def test_dir_lists_the_public_names():
    assert set(dir(importlib.import_module("neurodemon"))) >= PUBLIC


def test_type_checkers_see_the_same_names():
    assert names_for_type_checkers() == PUBLIC


def test_no_public_name_is_the_name_of_a_room():
    assert "terms" in ROOMS
    assert PUBLIC.isdisjoint(ROOMS)
