"""What an audit proves, in words that claim no more than it does."""

from neurodemon.report.html.cards import Card
from neurodemon.report.html.markup import Markup, joined, paragraphs
from neurodemon.report.html.numbers import share
from neurodemon.report.html.tables import facts
from neurodemon.terms.audits import AuditCertificate
from neurodemon.terms.text import count

KINDS = {
    "exact": "exact: every unit was measured on every example, and nothing is estimated",
    "eb": "empirical Bernstein: it holds for any distribution within a range that is known",
    "clt": "asymptotic: the error is judged by samples, and it holds as far as what it assumes",
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
        Paragraphs, and a table of its bounds.
    """
    assumes = certificate.assumes
    is_said = assumes in certificate.statement
    return joined([
        paragraphs([
            certificate.statement,
            "" if is_said else assumes,
            f"Its kind is {KINDS.get(certificate.kind, certificate.kind)}.",
        ]),
        Markup("") if certificate.kind == "exact" else facts(_bounds(certificate)),
    ])


def _bounds(certificate: AuditCertificate) -> list[tuple[str, str]]:
    """Spell the numbers of an audit that did not measure all."""
    top, missed = certificate.top, certificate.missed_by_counting
    return [
        ("recall bound", f"at least {share(certificate.recall_bound)} of the true top {top}"),
        ("confidence", share(certificate.confidence)),
        ("undecided", f"{count(certificate.n_undecided, 'unit')} that may still belong to them"),
        (
            "by counting alone",
            "" if missed is None else f"at most {count(missed, 'leader')} missed",
        ),
    ]
