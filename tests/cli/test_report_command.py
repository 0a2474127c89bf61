"""The command `report`: one page, slides if asked, and neither torch nor matplotlib without need."""

import pytest
from oracles.drawables import make_effects
from oracles.reports import make_budgeted_audit, make_manifest

from neurodemon.store.results import save_result
from neurodemon.store.writer import open_run
from neurodemon.terms.effects import Effects

REPORT = """
import sys
from neurodemon.cli.main import app
try:
    app(["report", "a"])
except SystemExit as end:
    print("code", end.code)
print([name for name in ("torch", "matplotlib") if name in sys.modules])
"""


@pytest.fixture
def stored(tmp_path):
    save_result(make_budgeted_audit(), tmp_path / "a")
    return tmp_path / "a"


def test_a_page_is_written_without_torch_and_without_matplotlib(stored, runs_anew):
    printed = runs_anew(REPORT, cwd=stored.parent)
    assert printed == "Written: a/report.html\ncode 0\n[]\n"
    assert "Audit of digits" in (stored / "report.html").read_text("utf-8")


def test_the_page_of_a_real_audit_is_written(run, my_file, tmp_path):
    assert run("audit", f"{my_file}:subject", "--out", "b").exit_code == 0
    result = run("report", "b", "--out", "pages/b.html", "--top", 2)
    assert (result.exit_code, result.stdout) == (0, "Written: pages/b.html\n")
    assert "of 4" in (tmp_path / "pages" / "b.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("place", "names"),
    [("slides", {"audit.png", "audit.svg"}), ("slides/one.png", {"one.png"})],
)
def test_slides_are_drawn_where_asked(stored, run, tmp_path, place, names):
    result = run("report", stored, "--png", place)
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (tmp_path / "slides").iterdir()} == names


def test_slides_that_could_not_be_written_are_refused_first(stored, run):
    result = run("report", stored, "--png", "a.pdf")
    assert result.exit_code == 1
    assert "expected .png or .svg" in result.stderr
    assert not (stored / "report.html").exists()


def test_an_interrupted_run_is_said_on_standard_error(tmp_path, run):
    parts = open_run(tmp_path / "half", make_manifest(chunks=(("a", 0, 1), ("a", 1, 2))))
    parts.write(0, Effects.of(site=["a"], unit=[0], measured=[1.0]))
    result = run("report", "half")
    assert result.exit_code == 0
    assert "the run is not complete; the page says so" in result.stderr


def test_what_is_no_run_or_no_report_is_refused(stored, run, tmp_path):
    assert "there is no manifest.json" in run("report", tmp_path).stderr
    (tmp_path / "mine.html").write_text("mine")
    result = run("report", stored, "--out", "mine.html")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is no report of neurodemon" in result.stderr


def test_plain_effects_get_a_page(tmp_path, run):
    save_result(make_effects(), tmp_path / "e")
    assert run("report", "e").exit_code == 0
