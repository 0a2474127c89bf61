"""Results with everything a page can show, built by hand, and a strict reader of pages."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from neurodemon.terms.audits import (
    Agreement,
    Audit,
    AuditCertificate,
    Coverage,
    FalseNegative,
    Work,
)
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest

EVIDENCE = ("exact", "sampled", "predicted")
N_MEASURED = {"exact": 500, "sampled": 120, "predicted": 0}
PREDICTORS = ("tangent", "first_order", "linear_logits")


def make_manifest(**changed: Any) -> Manifest:
    """Make the manifest of an audit of digits."""
    made = Manifest(
        verb="audit",
        subject="digits",
        perturbation="zero",
        plan="p" * 32,
        weights="w" * 32,
        batches="b" * 32,
        dtype="float32",
        device="cpu",
        seed=0,
        chunks=(("fc1", 0, 30),),
        numbers_per_pass=64,
        versions={"neurodemon": "0.1.0", "torch": "2.13.0"},
        created="2026-01-01T00:00:00+00:00",
        cost="0.5",
    )
    return replace(made, **changed)


def make_budgeted_effects(
    n_sites: int = 2, n_units: int = 15, name: str = "fc", **changed: Any
) -> Effects:
    """Make effects of all sizes, signs and kinds of evidence, those not exact with intervals."""
    n_rows = n_sites * n_units
    measured = np.geomspace(1, 1e-4, n_rows) * np.where(np.arange(n_rows) % 3, 1, -1)
    evidence = [EVIDENCE[3 * row // n_rows] for row in range(n_rows)]
    width = np.array([0.0 if word == "exact" else 0.01 for word in evidence])
    columns = {
        "site": [f"{name}{row // n_units + 1}" for row in range(n_rows)],
        "kind": ["neuron"] * n_rows,
        "unit": [row % n_units for row in range(n_rows)],
        "perturbation": ["zero"] * n_rows,
        "predictor": ["linear_logits"] * n_rows,
        "predicted": 0.9 * measured,
        "measured": measured,
        "gap": 0.1 * measured,
        "n_examples": [500] * n_rows,
        "status": ["ok"] * n_rows,
        "engine": ["exported"] * n_rows,
        "tangent": 0.2 * measured,
        "first_order": 0.3 * measured,
        "linear_logits": 0.9 * measured,
        "low": measured - width,
        "high": measured + width,
        "evidence": evidence,
        "n_measured": [N_MEASURED[word] for word in evidence],
        "is_random": [row % 5 == 0 for row in range(n_rows)],
    }
    return replace(Effects.of(**{**columns, **changed}), manifest=make_manifest())


def make_budgeted_audit(effects: Effects | None = None, **changed: Any) -> Audit:
    """Make an audit that measured a part, with all that such an audit can say."""
    rows = make_budgeted_effects() if effects is None else effects
    sites = list(dict.fromkeys(rows["site"]))
    agreement = tuple(
        Agreement(site, word, 6, 0.9, 0.93, 0.95, 1.1, 0.12, 0.05, 0.8, 0.88, 0.97)
        for site in (*sites, None)
        for word in PREDICTORS
    )
    made = Audit(
        effects=rows,
        agreement=agreement,
        certificate=AuditCertificate(
            "clt", "Of the true top 20, 90 % were found.", "means are normal.", 20, 0.95, 0.9,
            "elimination", 4, 2,
        ),
        work=Work(1400, 3.5, 30.0, 11, 1.3, 15000, 1500, "budget spent"),
        verdicts={site: f"{site}: trust the size of linear_logits." for site in sites},
        answers=("Is influence error? Not in general.",),
        question="What does a demon do to the cost of digits?",
        false_negatives=(FalseNegative("fc1[3]", "fc1", 0.001, -0.08, 25, 3, "saturation"),),
        calibration=(Coverage(0.9, 0.93, 12),),
        seed=7,
    )  # fmt: skip
    return replace(made, **changed)


def read_strictly(page: str) -> ET.Element:
    """Read what stands in a page as XML: every element must close, every sign be escaped."""
    found = re.search(r"<main>.*</main>", page, flags=re.DOTALL)
    assert found, "the page has no main part"
    return ET.fromstring(found.group())  # noqa: S314  # our own page


def read_fragment(markup: str) -> ET.Element:
    """Read a piece of a page as XML."""
    return ET.fromstring(f"<div>{markup}</div>")  # noqa: S314


def text_of(node: ET.Element) -> str:
    """Take the text of an element, its spaces as one."""
    return " ".join(" ".join(node.itertext()).split())


def rows_of(node: ET.Element) -> list[list[str]]:
    """Take the text of all cells in the bodies of an element's tables, row by row."""
    return [[text_of(cell) for cell in row] for row in node.iterfind(".//tbody/tr")]


def heads_of(node: ET.Element) -> list[str]:
    """Take the heads of all columns of an element's tables."""
    return [text_of(head) for head in node.iterfind(".//thead/tr/th")]
