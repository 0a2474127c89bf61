"""nd.plot: each result finds its figure, and its file."""

import subprocess
import sys

import pytest
from matplotlib.figure import Figure
from oracles.drawables import make_audit, make_curve, make_effects, make_headroom, make_question

from neurodemon.jobs.plotting import draw, plot

RESULTS = {
    "curve": make_curve,
    "headroom": make_headroom,
    "effects": make_effects,
    "audit": make_audit,
}


@pytest.mark.parametrize("kind", RESULTS)
def test_each_result_becomes_one_figure_under_its_name(kind):
    result = RESULTS[kind]()
    assert isinstance(plot(result), Figure)
    assert list(draw(result)) == [kind]


def test_a_question_becomes_five_figures():
    figures = plot(make_question())
    assert list(figures) == ["ranks", "norms", "verdicts", "flatness", "factors"]
    assert all(isinstance(figure, Figure) for figure in figures.values())


@pytest.mark.parametrize("kind", RESULTS)
def test_with_a_path_it_is_written_as_well(kind, tmp_path):
    assert isinstance(plot(RESULTS[kind](), tmp_path / "a.svg"), Figure)
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    assert isinstance(plot(RESULTS[kind](), str(tmp_path / "folder")), Figure)
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {f"{kind}.png", f"{kind}.svg"}


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot(make_curve())
    assert list(tmp_path.iterdir()) == []


def test_a_question_is_written_into_a_folder(tmp_path):
    plot(make_question(), tmp_path)
    assert len(list(tmp_path.iterdir())) == 10


def test_what_has_no_figure_is_refused():
    # in a new process, where no type checker of our tests stands before the guard
    statements = """
import neurodemon as nd
try:
    nd.plot([1, 2])
except nd.NeurodemonError as error:
    print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", statements]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("PlotError list has no figure; expected a Curve, Effects, an Audit")
