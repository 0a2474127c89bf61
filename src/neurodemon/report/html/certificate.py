"""What an audit proves, in words that claim no more than it does."""

from neurodemon.report.html.cards import Card
from neurodemon.report.html.markup import Markup, paragraphs
from neurodemon.report.html.numbers import share
from neurodemon.terms.audits import AuditCertificate
from neurodemon.terms.text import count

KINDS = {
    "exact": "exact: every unit was measured on every example, and nothing is estimated",
    "eb": "empirical Bernstein: it holds for any distribution within a range that is known",
    "clt": "asymptotic: it holds as far as means of samples are normal",
}


def certificate_card(certificate: AuditCertificate) -> Card:
    """Say on a card how much of the true top was found."""
    if certificate.kind == "exact":
        return Card("Certificate", "exact", "every unit measured on every example")
    return Card(
        "Certificate",
        f"≥ {share(certificate.recall_bound)}",
        f"of the true top {certificate.top} found, with {share(certificate.confidence)} confidence",
    )


def certify(certificate: AuditCertificate) -> Markup:
    """Say what is proved, what it assumes, and what stays open.

    Args:
        certificate: of the audit.

    Returns:
        Paragraphs.
    """
    return paragraphs([
        certificate.statement,
        f"Its kind is {KINDS.get(certificate.kind, certificate.kind)}.",
        f"It assumes: {certificate.assumes}" if certificate.assumes else "",
        *_open_ends(certificate),
    ])


def _open_ends(certificate: AuditCertificate) -> list[str]:
    """Say what is not decided, of an audit that did not measure all."""
    if certificate.kind == "exact":
        return []
    top, n_open = certificate.top, certificate.n_undecided
    missed = certificate.missed_by_counting
    recall = (
        f"Recall bound: the top {top} found here hold at least {share(certificate.recall_bound)} "
        f"of the true top {top}, with {share(certificate.confidence)} confidence."
    )
    undecided = f"Undecided: {count(n_open, 'unit')} may still belong to the top {top}."
    counted = (
        f"By the random sample alone, at most {count(missed or 0, 'leader')} may be among the "
        "units that were not measured on all examples."
    )
    return [recall, undecided if n_open else "", "" if missed is None else counted]
