"""The page of an audit: the answer first, and every section that it has something for."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.reports import (
    make_budgeted_audit,
    make_budgeted_effects,
    read_fragment,
    text_of,
)

from neurodemon.report.html.audit import audit_sections
from neurodemon.terms.effects import Effects


def sections_of(audit):
    return read_fragment(audit_sections(audit, 50))


def test_the_answer_comes_first():
    made = sections_of(make_budgeted_audit())
    assert [text_of(one) for one in made.iter("h2")] == [
        "The answer",
        "The units that matter most",
        "Predicted against measured",
        "What may be trusted, site by site",
        "What the prediction missed",
        "How well the intervals hold",
        "What it cost",
        "Is influence error?",
    ]


def test_an_older_audit_has_no_section_without_numbers():
    made = sections_of(make_budgeted_audit(calibration=(), answers=()))
    heads = [text_of(one) for one in made.iter("h2")]
    assert "How well the intervals hold" not in heads
    assert "Is influence error?" not in heads


def test_the_cards_are_the_answer_in_numbers():
    made = sections_of(make_budgeted_audit())
    values = [text_of(one) for one in made.iterfind(".//dd[@class='value']")]
    assert values == ["−1.000", "0.930", "≥ 90 %", "88 %"]


def test_without_agreement_the_card_has_a_dash():
    made = sections_of(make_budgeted_audit(agreement=()))
    values = [text_of(one) for one in made.iterfind(".//dd[@class='value']")]
    assert values[1] == "–"


def test_the_first_units_are_said_in_sentences_with_what_they_rest_on():
    ends = {"low": [0.4, -0.3, None], "high": [0.6, -0.1, 0.1]}
    effects = make_budgeted_effects(1, 3, measured=[0.5, -0.2, 0.0], **ends)
    made = sections_of(make_budgeted_audit(effects))
    on_some = "estimated from 120 of 500 examples"
    assert [text_of(one) for one in made.find(".//ol")] == [
        "fc1[0] set to zero: the cost rises by 0.5000 (measured on all 500 examples).",
        f"fc1[1] set to zero: the cost falls by 0.2000 ({on_some}, between −0.3000 and −0.1000).",
        "fc1[2] set to zero: the cost stays as it is (predicted only).",
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_audit_without_a_finite_number_is_still_a_page(value):
    rows = make_budgeted_effects(1, 2)
    none = np.full(2, value)
    effects = rows.with_columns({"measured": none, "predicted": none, "low": none, "high": none})
    made = sections_of(make_budgeted_audit(effects))
    assert list(made.find(".//ol")) == []
    assert "Not drawn: 2 units without finite numbers." in text_of(made)


def test_an_audit_without_the_newer_columns_is_still_a_page():
    audit = make_budgeted_audit()
    newer = ["low", "high", "evidence", "n_measured", "is_random"]
    old = Effects(audit.effects.table.drop_columns(newer))
    said = text_of(sections_of(replace(audit, effects=old, false_negatives=())))
    assert "measured on all 500 examples" in said
    assert "before audits looked for them" in said
