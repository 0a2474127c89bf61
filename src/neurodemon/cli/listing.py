"""Report what there is to study and whether it can be: sites and certificates."""

import sys

from neurodemon.cli.as_json import print_json
from neurodemon.cli.render import Paper
from neurodemon.jobs.selecting import COLUMNS, SiteTable
from neurodemon.terms.certificates import Certificate


def report_sites(found: SiteTable, *, as_json: bool) -> None:
    """Report the sites of a subject.

    Args:
        found: the sites, and what is none.
        as_json: whether to print JSON instead.
    """
    if as_json:
        print_json({"sites": found.rows(), "refused": found.refused, "notes": list(found.notes)})
        return
    paper = Paper()
    rows = found.rows()
    names = [name for name in COLUMNS if name != "heads" or any(row[name] for row in rows)]
    spelled = (["" if row[name] is None else str(row[name]) for name in names] for row in rows)
    paper.table(names, spelled, numbers={"units", "heads"})
    for name, reason in found.refused.items():
        paper.line(f"no site: {name} ({reason})")
    for note in found.notes:
        paper.line(f"note: {note}")
    sys.stdout.flush()


def report_certificate(certificate: Certificate, *, as_json: bool) -> None:
    """Report what a check found.

    Args:
        certificate: what was probed.
        as_json: whether to print JSON instead.
    """
    if as_json:
        print_json(certificate.to_dict())
        return
    paper = Paper()
    paper.line(f"Check of {certificate.subject}")
    paper.line()
    rows = [
        (probe.name, "ok" if probe.passed else "WARNING", probe.detail)
        for probe in certificate.probes
    ]
    paper.table(("probe", "result", "detail"), rows, numbers=())
    for note in certificate.notes:
        paper.line(f"note: {note}")
    passed = sum(probe.passed for probe in certificate.probes)
    paper.line(f"{passed} of {len(rows)} probes passed.")
    sys.stdout.flush()
