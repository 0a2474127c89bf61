"""One page of a stored run: complete or not, and never over another file."""

import pytest
from oracles.drawables import make_effects, make_question
from oracles.reports import make_budgeted_audit, make_manifest

from neurodemon.errors import StoreError
from neurodemon.jobs.reporting import report
from neurodemon.store.results import save_result
from neurodemon.store.writer import open_run
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects


@pytest.mark.parametrize("make", [make_effects, make_budgeted_audit, make_question])
def test_a_run_gets_its_page_in_its_folder(tmp_path, make):
    save_result(make(), tmp_path / "a")
    written = report(tmp_path / "a")
    assert written.path == tmp_path / "a" / "report.html"
    assert written.is_complete
    assert "This run is not complete" not in written.path.read_text("utf-8")


def test_the_page_may_lie_elsewhere_and_list_fewer_units(tmp_path):
    save_result(make_budgeted_audit(), tmp_path / "a")
    written = report(str(tmp_path / "a"), str(tmp_path / "b.html"), top=3)
    assert isinstance(written.result, Audit)
    assert "The 3 units with the largest effects, of 30" in written.path.read_text("utf-8")


def test_a_run_with_its_page_is_still_a_run(tmp_path):
    save_result(make_budgeted_audit(), tmp_path / "a")
    report(tmp_path / "a")
    assert report(tmp_path / "a").is_complete


@pytest.mark.parametrize(
    ("verb", "column", "said"),
    [("measure", {}, "2 of 4 units are done"), ("question", {"step": [0, 0]}, "1 of 4 stages are")],
)
def test_an_interrupted_run_says_how_far_it_came(tmp_path, verb, column, said):
    manifest = make_manifest(verb=verb, chunks=(("fc1", 0, 2), ("fc1", 2, 4)))
    run = open_run(tmp_path / "a", manifest)
    run.write(0, Effects.of(site=["fc1"] * 2, unit=[0, 1], measured=[1.0, 2.0], **column))
    written = report(tmp_path / "a")
    assert not written.is_complete
    page = written.path.read_text("utf-8")
    assert said in page
    assert "(1 of 2 parts)" in page


def test_where_there_is_no_run_nothing_is_written(tmp_path):
    with pytest.raises(StoreError, match=r"there is no manifest\.json"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_not_written_over(tmp_path):
    save_result(make_effects(), tmp_path / "a")
    (tmp_path / "b.html").write_text("mine")
    with pytest.raises(StoreError, match="is no report of neurodemon"):
        report(tmp_path / "a", tmp_path / "b.html")
