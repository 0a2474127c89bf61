"""A question prints its tables with the answer last, and comes back whole from plain values."""

import json
from dataclasses import replace

import pytest
from oracles.layers import PARTING, PLAIN, asked, layer

from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question

SHARED = layer(scope="shared", law=None, split=None, rank_gain_within=None)
QUESTION = asked(("Yes.", "And no."), [PLAIN, SHARED], [PARTING])


def test_it_prints_question_tables_notes_and_the_answer_at_the_end():
    lines = str(replace(QUESTION, notes=("mind this",))).splitlines()
    assert lines[0] == "Is influence error?"
    assert lines[-4:] == ["note: mind this", "", "Yes.", "And no."]
    assert repr(QUESTION) == str(QUESTION)


def test_tables_without_rows_are_left_out():
    bare = layer(flatness={"4": None}, law=None, split=None)
    titles = [table.title for table in asked((), [bare], []).tables()]
    assert titles == [
        "Does influence rank as error does?",
        "What does training do?",
        "What becomes of the slope's promise?",
    ]
    assert len(QUESTION.tables()) == 6


def test_cells_are_spelled_once_and_what_is_missing_is_a_dash():
    ranks, training, verdicts, flat, partings, appendix = QUESTION.tables()
    assert ranks.rows[0][:6] == ("0", "fc1", "each", "2.3", "0.8", "0.75")
    assert ranks.rows[1][5] == "–"
    assert training.rows == (("0", "fc1", "0.1", "0.4", "0.3", "0.9", "0.11"),)
    assert verdicts.columns[3:6] == ("CURVED", "DEAD", "top 5 % missed")
    assert verdicts.rows[0][3:6] == ("75 %", "25 %", "12 %")
    assert flat.rows == (("0", "fc1", "0.98", "0.97", "0.9", "0.7", "0.15"),)
    assert partings.rows[0][1:3] == ("fc1[2]", "each")
    assert appendix.rows[0][6:10] == ("0.94", "0.81", "0.79", "0.26")
    assert appendix.rows[1][3:] == ("–",) * 10


def test_the_examples_of_the_training_get_columns_where_they_are_known():
    known = layer(norm_of_mean_trained=0.02, mean_of_norms_trained=0.3)
    training = asked((), [known, layer(site="fc2")], []).tables()[1]
    assert training.columns[-2:] == ("‖mean δ‖ trained", "mean ‖δ‖ trained")
    assert [row[-2:] for row in training.rows] == [("0.02", "0.3"), ("–", "–")]


def test_it_comes_back_from_json_as_it_was():
    question = replace(QUESTION, notes=("mind this",))
    spelled = json.loads(json.dumps(question.to_dict(), allow_nan=False))
    assert Question.from_dict(spelled) == question


def test_effects_and_manifest_are_kept_beside():
    effects = Effects.of(site=["fc1"], unit=[0])
    question = replace(QUESTION, effects=effects)
    assert not {"effects", "manifest"} & question.to_dict().keys()
    assert Question.from_dict(question.to_dict(), effects=effects).effects is effects


def test_in_a_notebook_it_is_escaped_text():
    page = replace(QUESTION, question="a < b")._repr_html_()
    assert page.startswith("<pre>a &lt; b")


@pytest.mark.parametrize("missing", ["layers", "answer"])
def test_a_field_that_is_missing_is_a_key_error(missing):
    spelled = QUESTION.to_dict()
    del spelled[missing]
    with pytest.raises(KeyError, match=missing):
        Question.from_dict(spelled)
