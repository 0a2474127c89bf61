"""--plot: refused early or drawn last, and standard output is left alone."""

import sys

import pytest
from oracles.drawables import make_curve, make_question

from neurodemon.cli.plotting import plot_to, require_plot
from neurodemon.errors import MissingExtraError


def test_an_audit_is_drawn_into_a_file(run, my_file, tmp_path):
    plainly = run("audit", f"{my_file}:subject", "--out", "a")
    drawn = run("audit", f"{my_file}:subject", "--out", "a", "--plot", "a.png")
    assert drawn.exit_code == 0, drawn.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert drawn.stdout.partition("Work:")[0] == plainly.stdout.partition("Work:")[0]
    assert drawn.stderr.endswith("Drawn: a.png\n")


def test_standard_output_stays_one_json_object(run_json, my_file, tmp_path):
    assert "effects" in run_json("audit", f"{my_file}:subject", "--plot", "a.svg")
    assert (tmp_path / "a.svg").is_file()


@pytest.mark.parametrize("verb", ["predict", "measure", "audit"])
def test_a_stored_run_is_drawn_into_a_folder(run, my_file, tmp_path, verb):
    assert run(verb, f"{my_file}:subject", "--out", "a").exit_code == 0
    assert run("show", "a", "--plot", "figures").exit_code == 0
    kind = "audit" if verb == "audit" else "effects"
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {f"{kind}.png", f"{kind}.svg"}


def test_without_plot_nothing_is_drawn(run, my_file, tmp_path):
    assert run("audit", f"{my_file}:subject").stderr.count("Drawn") == 0
    assert not list(tmp_path.glob("*.png"))


def test_a_path_that_will_not_do_is_refused_before_the_work(run, my_file):
    my_file.write_text("raise AssertionError('the file was run')")
    result = run("audit", f"{my_file}:subject", "--plot", "a.pdf")
    assert result.exit_code == 1
    assert "ends in '.pdf'; expected .png or .svg" in result.stderr
    assert result.stdout == ""


def test_missing_matplotlib_is_said_before_the_work(run, my_file, monkeypatch):
    my_file.write_text("raise AssertionError('the file was run')")
    for name in [name for name in sys.modules if name.startswith("neurodemon.report.figures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError):
        require_plot(my_file.with_suffix(".png"))
    result = run("audit", f"{my_file}:subject", "--plot", "a.png")
    assert result.exit_code == 1
    assert "pip install 'neurodemon[plot]'" in result.stderr


def test_a_run_that_was_stored_is_shown_and_drawn_without_torch(run, my_file, runs_anew, tmp_path):
    assert run("audit", f"{my_file}:subject", "--out", "a").exit_code == 0
    statements = """
import sys
from neurodemon.cli.main import app
try:
    app(["show", "a", "--plot", "a.svg"])
except SystemExit as end:
    print("code", end.code)
print("torch" in sys.modules)
"""
    assert runs_anew(statements, cwd=tmp_path).endswith("code 0\nFalse\n")


def test_what_cannot_be_drawn_is_shown_all_the_same(run):
    result = run("audit", "kink", "-p", "scale=1e308", "--plot", "a.png")
    assert result.exit_code == 1
    assert "kink" in result.stdout
    assert "None of the 1 row of this audit has a finite" in result.stderr


def test_a_curve_and_a_question_are_drawn_where_it_was_said(tmp_path, capsys):
    plot_to(make_curve(), tmp_path / "c.png")
    require_plot(tmp_path / "q", is_for_several=True)
    plot_to(make_question(), tmp_path / "q")
    assert len(list((tmp_path / "q").iterdir())) == 10
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("Drawn: ") == 2


def test_nothing_is_asked_nothing_is_done():
    require_plot(None)
    plot_to(make_curve(), None)
