"""The certificate on the page: its kind, its statement, what it assumes, what stays open."""

from dataclasses import replace

from oracles.reports import make_budgeted_audit, read_fragment, text_of

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
    assert "It assumes: means are normal." in said
    assert "asymptotic" in said
    assert "at least 90 % of the true top 20, with 95 % confidence" in said
    assert "4 units may still belong to the top 20" in said
    assert "at most 2 leaders" in said


def test_what_does_not_apply_is_not_said():
    said = text_of(
        read_fragment(certify(replace(CLT, n_undecided=0, missed_by_counting=None, assumes="")))
    )
    assert "Undecided" not in said
    assert "leader" not in said
    assert "assumes" not in said
