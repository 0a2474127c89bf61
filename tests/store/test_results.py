"""Saving what is in memory, and loading a folder as the result it holds."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.layers import PARTING, PLAIN, asked

from neurodemon.errors import StoreError
from neurodemon.store.layout import part_path, read_manifest, summary_path
from neurodemon.store.results import AUDIT_KEYS, load_result, save_result
from neurodemon.store.writer import open_run
from neurodemon.terms.audits import Agreement, Audit, AuditCertificate, Work
from neurodemon.terms.effects import Effects, concatenate
from neurodemon.terms.questions import Question


@pytest.fixture
def effects(parts, manifest):
    """Six units of two sites, as a verb would return them."""
    return replace(concatenate(parts), notes=("by hooks",), manifest=manifest)


@pytest.fixture
def audit(effects):
    """An audit of these units."""
    return Audit(
        effects=effects.with_columns({"link": [0.1, 0.2, float("nan"), None, 0.5, 0.6]}),
        agreement=(Agreement("fc1", "link", 4, 0.9, None, 1.0, 1.1, 0.05, 0.25),),
        certificate=AuditCertificate("exact", "All 6 units on all 5 examples."),
        work=Work(30, 2.5, 6.0, 1, 0.125),
        verdicts={"fc1": "fc1: trust the size of link."},
        answers=("Where they agree: …", "Is influence error? No."),
        question="What if each neuron were 0?",
    )


def files_of(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# Round trips


def test_effects_come_back_bit_for_bit(tmp_path, effects, assert_same):
    save_result(effects, tmp_path / "a")
    back = load_result(tmp_path / "a")
    assert isinstance(back, Effects)
    assert_same(back, effects)


def test_an_audit_comes_back_bit_for_bit(tmp_path, audit, assert_same):
    save_result(audit, tmp_path / "a")
    back = load_result(tmp_path / "a")
    assert isinstance(back, Audit)
    assert_same(back.effects, audit.effects)
    assert back.summary() == audit.summary()
    assert back.agreement == audit.agreement


def test_a_folder_may_be_given_as_text(tmp_path, effects, assert_same):
    save_result(effects, f"{tmp_path}/a")
    assert_same(load_result(f"{tmp_path}/a"), effects)


def test_units_without_a_row_are_saved_as_none(tmp_path, assert_same):
    effects = Effects.of(per_example=np.zeros((3, 0)), unit=[])
    save_result(effects, tmp_path / "a")
    assert_same(load_result(tmp_path / "a"), effects)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.lists(st.tuples(st.text(), st.none() | st.floats()), min_size=1, max_size=4))
def test_names_in_any_script_come_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    sites, measured = [list(column) for column in zip(*rows, strict=True)]
    save_result(Effects.of(site=sites, measured=measured), folder)
    back = load_result(folder)
    assert back["site"] == sites
    assert list(map(repr, back["measured"])) == list(map(repr, measured))


def test_the_manifest_is_kept_with_one_chunk_for_the_one_part(tmp_path, effects, manifest):
    save_result(effects, tmp_path / "a")
    assert load_result(tmp_path / "a").manifest == replace(manifest, chunks=(("*", 0, 6),))


def test_a_result_without_a_manifest_gets_one_that_says_unknown(tmp_path):
    save_result(Effects.of(unit=[1, 2]), tmp_path / "a")
    manifest = read_manifest(tmp_path / "a")
    assert manifest.chunks == (("*", 0, 2),)
    assert {manifest.verb, manifest.plan, manifest.weights, manifest.created} == {"unknown"}
    assert manifest.seed is None


def test_results_are_read_without_torch(tmp_path, effects):
    save_result(effects, tmp_path / "a")
    script = (
        "import sys; from neurodemon.store.results import load_result; "
        "load_result(sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a")], check=False)
    assert ended.returncode == 0


# Refusals


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path, effects):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(StoreError, match=r"is taken: it is not empty.*Give another folder"):
        save_result(effects, tmp_path)
    with pytest.raises(StoreError, match="or is a file"):
        save_result(effects, tmp_path / "thesis.tex")
    assert files_of(tmp_path) == ["thesis.tex"]


def test_a_result_is_never_saved_over_another(tmp_path, effects, assert_same):
    save_result(effects, tmp_path / "a")
    with pytest.raises(StoreError, match="nothing is overwritten"):
        save_result(effects.top(1), tmp_path / "a")
    assert_same(load_result(tmp_path / "a"), effects)


def test_a_result_that_cannot_be_saved_whole_leaves_nothing(tmp_path, audit):
    with pytest.raises(StoreError, match="cannot hold these values as JSON"):
        save_result(replace(audit, work=replace(audit.work, seconds=float("nan"))), tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_saving_that_is_stopped_leaves_nothing(tmp_path, effects, monkeypatch, step):
    def stop(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, stop)
    with pytest.raises(KeyboardInterrupt):
        save_result(effects, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_loading_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(StoreError, match="there is no such folder"):
        load_result(tmp_path / "no")


# Runs that are not what they seem


def test_an_audit_that_was_interrupted_loads_as_effects_that_say_so(tmp_path, manifest, parts):
    run = open_run(tmp_path, replace(manifest, verb="audit"))
    run.write(0, parts[0])
    run.write(2, parts[2])
    back = load_result(tmp_path)
    assert isinstance(back, Effects)
    assert back["unit"] == [0, 1, 0, 1]
    assert "2 of 3 parts are there" in back.notes[-1]


def test_an_audit_with_a_damaged_part_loads_as_effects_that_say_so(
    tmp_path, manifest, parts, audit
):
    run = open_run(tmp_path, replace(manifest, verb="audit"))
    for index, part in enumerate(parts):
        run.write(index, part)
    run.finish(audit.summary())
    assert isinstance(load_result(tmp_path), Audit)  # negative control
    part_path(tmp_path, 1).write_bytes(b"")
    back = load_result(tmp_path)
    assert isinstance(back, Effects)
    assert "2 of 3 parts are there" in back.notes[-1]


def test_a_complete_run_has_no_note_about_parts(tmp_path, effects):
    """Negative control of the two tests above."""
    save_result(effects, tmp_path / "a")
    assert load_result(tmp_path / "a").notes == ("by hooks",)


@pytest.mark.parametrize("name", sorted(AUDIT_KEYS))
def test_a_summary_that_lacks_a_key_is_not_an_audits(tmp_path, audit, name):
    save_result(audit, tmp_path / "a")
    summary = audit.summary()
    del summary[name]
    summary_path(tmp_path / "a").write_text(json.dumps(summary))
    assert isinstance(load_result(tmp_path / "a"), Effects)


@pytest.mark.parametrize("change", [{"agreement": 3}, {"work": {}}, {"verdicts": ["fc1"]}])
def test_a_summary_that_is_not_what_an_audit_concludes_is_refused(tmp_path, audit, change):
    save_result(audit, tmp_path / "a")
    summary_path(tmp_path / "a").write_text(json.dumps({**audit.summary(), **change}))
    with pytest.raises(StoreError, match=r"does not hold what an audit concludes .*are whole"):
        load_result(tmp_path / "a")


def test_an_audit_of_an_older_version_still_loads(tmp_path, audit, manifest):
    run = open_run(tmp_path / "a", replace(manifest, chunks=(("fc1", 0, len(audit.effects)),)))
    run.write(0, audit.effects)
    later = {"false_negatives", "calibration", "seed"}
    run.finish({name: value for name, value in audit.summary().items() if name not in later})
    loaded = load_result(tmp_path / "a")
    assert loaded.verdicts == audit.verdicts
    assert (loaded.false_negatives, loaded.calibration, loaded.seed) == ((), (), 0)


def test_a_question_without_rows_is_saved_and_comes_back(tmp_path):
    question = asked(("Yes.",), [PLAIN], [PARTING])
    save_result(question, tmp_path / "a")
    back = load_result(tmp_path / "a")
    assert isinstance(back, Question)
    assert back.to_dict() == question.to_dict()
    assert len(back.effects) == 0


def test_a_question_that_was_edited_is_refused(tmp_path):
    question = asked(("Yes.",), [PLAIN], [PARTING])
    save_result(question, tmp_path / "a")
    summary_path(tmp_path / "a").write_text(json.dumps({**question.to_dict(), "layers": [{}]}))
    with pytest.raises(StoreError, match="does not hold what a question concludes"):
        load_result(tmp_path / "a")
