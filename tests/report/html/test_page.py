"""The page: one file, escaped throughout, ours to be known by, and never half written."""

import base64
import hashlib
import itertools
import re

import pytest
from oracles.drawables import make_audit, make_effects, make_headroom, make_question
from oracles.reports import (
    make_budgeted_audit,
    make_budgeted_effects,
    make_manifest,
    read_strictly,
    text_of,
)

from neurodemon.errors import StoreError
from neurodemon.report.html.page import Shown, render_page, write_page
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question

EVIL = "<script>alert(1)</script>&\"'"
MAKERS = [make_audit, make_budgeted_audit, make_effects, make_headroom, make_question]


@pytest.mark.parametrize("make", MAKERS)
def test_every_kind_of_result_is_a_page_that_reads_strictly(make):
    main = read_strictly(render_page(Shown(make())))
    assert len(list(main.iter("h1"))) == 1
    levels = [int(node.tag[1]) for node in main.iter() if re.fullmatch("h[1-6]", node.tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("make", MAKERS)
def test_names_of_parts_are_there_once(make):
    ids = [node.get("id") for node in read_strictly(render_page(Shown(make()))).iter()]
    known = [one for one in ids if one]
    assert len(set(known)) == len(known)


def test_names_from_a_model_never_become_elements():
    effects = make_budgeted_effects(1, 6, name=EVIL, predictor=[EVIL] * 6, perturbation=[EVIL] * 6)
    notes = Effects(effects.table, None, (EVIL,), make_manifest(subject=EVIL, dtype=EVIL))
    page = render_page(
        Shown(make_budgeted_audit(notes, question=EVIL, answers=(EVIL,)), missing=EVIL)
    )
    assert page.count("<script") == 1  # our own
    assert EVIL in "".join(read_strictly(page).itertext())


def test_nothing_in_a_page_asks_for_anything_else():
    page = render_page(Shown(make_budgeted_audit()))
    assert not re.findall(r"(?:\bsrc=|\bhref=|url\(|@import|https?:)", page)


def test_the_policy_forbids_every_request_and_every_other_script():
    page = render_page(Shown(make_effects()))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith(f"script-src 'sha256-{digest}'")


@pytest.mark.parametrize(
    ("result", "title"),
    [
        (make_budgeted_audit(), "Audit of digits"),
        (make_effects(), "Effects of demons in a model"),
        (Effects(make_effects().table, manifest=make_manifest(verb="measure")), "Measurements of"),
        (Question("Is it?", (), (), (), (), (), make_manifest(verb="question")), "Is influence"),
        (Question("Is it?", (), (), (), (), (), None), "Effects of demons in a model"),
    ],
)
def test_the_page_is_named_by_what_made_it(result, title):
    page = render_page(Shown(result))
    assert text_of(read_strictly(page).find(".//h1")).startswith(title)


def test_an_interrupted_run_says_so_at_the_top():
    main = read_strictly(render_page(Shown(make_effects(), missing="1 of 2 parts.")))
    assert text_of(main.find(".//h2")) == "This run is not complete"
    assert "1 of 2 parts." in text_of(main)


def test_notes_are_shown_of_every_kind():
    effects = Effects(make_effects().table, None, ("Seen by hooks.",))
    assert "Seen by hooks." in render_page(Shown(effects))
    asked = Question("Is it?", (), (), (), (), ("One stage.",), None)
    assert "One stage." in render_page(Shown(asked))


def test_a_hundred_thousand_units_stay_under_two_megabytes():
    audit = make_budgeted_audit(make_budgeted_effects(50, 2000))
    assert len(render_page(Shown(audit)).encode()) < 2_000_000


def test_a_page_is_written_and_an_older_one_replaced(tmp_path):
    path = tmp_path / "new" / "a.html"
    write_page(Shown(make_effects()), path)
    first = path.read_text("utf-8")
    write_page(Shown(make_effects(), top=1), path)
    assert path.read_text("utf-8") != first
    assert [one.name for one in path.parent.iterdir()] == ["a.html"]


@pytest.mark.parametrize("content", ["", "<html>mine</html>", "x" * 5000])
def test_another_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "a.html"
    path.write_text(content)
    with pytest.raises(StoreError, match="is no report of neurodemon; expected a new path"):
        write_page(Shown(make_effects()), path)
    assert path.read_text() == content


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is no report of neurodemon"):
        write_page(Shown(make_effects()), tmp_path)
