"""Sites and certificates on paper and as JSON."""

from neurodemon.cli.listing import report_certificate, report_sites
from neurodemon.jobs.selecting import SiteTable
from neurodemon.terms.certificates import Certificate, Probe
from neurodemon.terms.sites import Site

SITES = SiteTable(
    (Site("fc1", "linear", "linear", ("example", "unit"), (0, 32), aliases=("relu:in",)),),
    {"embed": "no example axis"},
    ("captured twice",),
)
CERTIFICATE = Certificate(
    "mine",
    (Probe("no-op", passed=True, detail="fine"), Probe("slope", passed=False, detail="mind it")),
    ("in float32",),
)


def test_sites_are_shown_with_what_is_none(capsys):
    report_sites(SITES, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "name  kind    shape  axes           units  aliases",
        "fc1   linear  N×32   example, unit     32  relu:in",
        "no site: embed (no example axis)",
        "note: captured twice",
    ]


def test_sites_in_json_say_what_is_none(capsys, strict_json):
    report_sites(SITES, as_json=True)
    found = strict_json(capsys.readouterr().out)
    assert found["sites"] == SITES.rows()
    assert found["refused"] == {"embed": "no example axis"}
    assert found["notes"] == ["captured twice"]


def test_a_probe_that_warns_is_seen(capsys):
    report_certificate(CERTIFICATE, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "Check of mine",
        "",
        "probe  result   detail",
        "no-op  ok       fine",
        "slope  WARNING  mind it",
        "note: in float32",
        "1 of 2 probes passed.",
    ]


def test_a_certificate_in_json_is_its_dict(capsys, strict_json):
    report_certificate(CERTIFICATE, as_json=True)
    found = strict_json(capsys.readouterr().out)
    assert found["passed"] is False
    assert found["probes"][1] == {"name": "slope", "passed": False, "detail": "mind it"}
