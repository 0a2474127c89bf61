"""The certificate on the page: its kind, its statement, what it assumes, what stays open."""

from dataclasses import replace

from oracles.reports import make_budgeted_audit, read_fragment, rows_of, text_of

from neurodemon.report.html.certificate import certificate_card, certify
from neurodemon.terms.audits import AuditCertificate

CLT = make_budgeted_audit().certificate
EXACT = AuditCertificate("exact", "All was measured.")


def test_an_exact_certificate_assumes_nothing_and_leaves_nothing_open():
    assert certificate_card(EXACT).value == "exact"
    said = [text_of(one) for one in read_fragment(certify(EXACT))]
    assert said[0] == "All was measured."
    assert len(said) == 2


def test_a_bound_says_its_share_its_confidence_and_what_it_assumes():
    card = certificate_card(CLT)
    assert card.value == "≥ 90 %"
    assert card.meaning == "of the true top 20 found, with 95 % confidence"
    said = text_of(read_fragment(certify(CLT)))
    assert "means are normal." in said
    assert "asymptotic" in said
    assert rows_of(read_fragment(certify(CLT))) == [
        ["recall bound", "at least 90 % of the true top 20"],
        ["confidence", "95 %"],
        ["undecided", "4 units that may still belong to them"],
        ["by counting alone", "at most 2 leaders missed"],
    ]


def test_nothing_is_said_twice_and_nothing_that_does_not_apply():
    statement = "Found: means are normal."
    said = text_of(
        read_fragment(certify(replace(CLT, missed_by_counting=None, statement=statement)))
    )
    assert said.count("means are normal") == 1
    assert "counting" not in said
