"""Stored runs: shown without torch, and refused politely where there is none."""

import pytest

from neurodemon.cli.kept import count_kept
from neurodemon.store.results import save_result
from neurodemon.store.writer import open_run
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest

SHOW = """
import sys
from neurodemon.cli.main import app
try:
    app(["show", "a"])
except SystemExit as end:
    print("code", end.code)
print("torch" in sys.modules)
"""


def part(first):
    """Make the effects of two units."""
    return Effects.of(site=["fc1", "fc1"], unit=[first, first + 1], measured=[0.5, -1.0])


@pytest.fixture
def half(tmp_path):
    """A run of which one of two parts is done."""
    manifest = Manifest(
        verb="measure",
        subject="digits",
        perturbation="zero",
        plan="p",
        weights="w",
        batches="b",
        dtype="float32",
        device="cpu",
        seed=0,
        chunks=(("fc1", 0, 2), ("fc1", 2, 4)),
        numbers_per_pass=64,
        versions={},
        created="2026-01-01T00:00:00+00:00",
    )
    run = open_run(tmp_path / "half", manifest)
    run.write(0, part(0))
    return run


def test_a_saved_result_is_shown_without_torch(tmp_path, runs_anew):
    save_result(part(0), tmp_path / "a")
    printed = runs_anew(SHOW, cwd=tmp_path)
    assert "(unknown: 2 units, measured)?" in printed
    assert "fc1[1]    -1.000\nfc1[0]    +0.500\n" in printed
    assert printed.endswith("code 0\nFalse\n")


def test_a_run_is_complete_only_when_it_was_finished(half, run_json):
    assert run_json("show", "half")["complete"] is False
    half.write(1, part(2))
    assert run_json("show", "half")["complete"] is False
    half.finish({})
    assert run_json("show", "half")["complete"] is True


def test_an_incomplete_run_says_so_twice(half, run):
    del half
    shown = run("show", "half").stdout
    assert "Not complete: 2 units of this run are not done yet." in shown
    assert "note: This run is not complete: 1 of 2 parts are there." in shown


def test_a_folder_without_a_run_is_refused(run, tmp_path):
    result = run("show", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no manifest.json in it" in result.stderr


def test_what_is_kept_is_counted_in_units(half, tmp_path):
    assert count_kept(tmp_path / "half") == (2, 4)
    half.write(1, part(2))
    assert count_kept(tmp_path / "half") == (4, 4)


def test_nothing_is_counted_where_there_is_no_run(tmp_path):
    assert count_kept(tmp_path) is None
