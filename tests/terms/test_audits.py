"""Audits: printed whole, and there and back through JSON."""

import json
from dataclasses import replace

import pytest

from neurodemon.terms.audits import (
    Agreement,
    Audit,
    AuditCertificate,
    Coverage,
    FalseNegative,
    Work,
)
from neurodemon.terms.effects import Effects

EFFECTS = Effects.of(
    site=["fc1"] * 12, unit=range(12), predicted=[0.0] * 12, measured=[float(n) for n in range(12)]
)
ROW = Agreement("fc1", "link", 12, 0.99, 0.95, 1.0, 1.02, 0.03, 0.0)
POOLED = Agreement(None, "link", 12, None, None, None, None, None, 1.0)
AUDIT = Audit(
    effects=EFFECTS,
    agreement=(ROW, POOLED),
    certificate=AuditCertificate("exact", "Every unit was measured on every example."),
    work=Work(1200, 3.5, 12.0, 1, 0.25),
    verdicts={"fc1": "In fc1 the slope <tells> the truth."},
    answers=("No & yes.", "Yes."),
    question="What if each unit were zeroed?",
)


def test_an_audit_survives_json_with_its_effects_beside_it():
    read = Audit.from_summary(EFFECTS, json.loads(json.dumps(AUDIT.summary())))
    assert read == AUDIT
    assert read.effects is EFFECTS


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "Another?"},
        {"answers": ("No.",)},
        {"verdicts": {}},
        {"agreement": (ROW,)},
        {"certificate": AuditCertificate("clt", "Some were measured.")},
        {"work": Work(0, 0.0, 0.0, 0, 0.0)},
        {"false_negatives": (FalseNegative("fc1[0]", "fc1", 0.0, 1.0, 9, 1, "saturation"),)},
        {"calibration": (Coverage(0.9, 0.85, 20),)},
        {"seed": 3},
    ],
)
def test_each_field_is_in_the_summary(changed):
    other = replace(AUDIT, **changed)
    assert other.summary() != AUDIT.summary()
    assert Audit.from_summary(EFFECTS, other.summary()) == other != AUDIT


def test_a_summary_leaves_the_effects_out():
    assert "effects" not in AUDIT.summary()


def test_an_audit_prints_question_units_agreement_verdicts_and_answers_in_order():
    text = str(AUDIT)
    parts = [
        "What if each unit were zeroed?",
        str(EFFECTS.top(10)),
        "site  predictor",
        "In fc1 the slope <tells> the truth.",
        "Every unit was measured on every example.",
        "No & yes.\nYes.",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert repr(AUDIT) == text


def test_the_agreement_over_all_sites_is_called_all_and_what_is_unknown_a_dash():
    pooled = next(line for line in str(AUDIT).splitlines() if line.startswith("all "))
    assert pooled.split() == ["all", "link", "12", *"–––––", "1"]


def test_intervals_of_the_agreement_have_columns_where_there_are_any():
    row = replace(ROW, spearman_low=0.81, spearman_high=0.99)
    lines = str(replace(AUDIT, agreement=(row, POOLED))).splitlines()
    head = next(line for line in lines if line.startswith("site  predictor"))
    assert head.split()[-2:] == ["spearman_low", "spearman_high"]
    assert "spearman_within" not in head  # nobody has one
    pooled = next(line for line in lines if line.startswith("all "))
    assert pooled.split()[-2:] == ["–", "–"]


def test_a_notebook_shows_ten_units_and_escapes_what_it_says():
    html = AUDIT._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 11
    assert "<p>In fc1 the slope &lt;tells&gt; the truth.</p>" in html
    assert "<p>No &amp; yes.</p>" in html
    assert "<tells>" not in html
