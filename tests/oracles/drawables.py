"""Results built by hand, to be drawn: every number of them is known."""

from dataclasses import replace
from typing import Any

import numpy as np

from neurodemon.terms.audits import Agreement, Audit, AuditCertificate, Work
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Layer, Question

PREDICTORS = ("tangent", "first_order", "link", "linear_logits")
VERDICTS = ("DEAD", "CONVERGED", "SATURATED", "KINK", "CURVED", "AGREES")


def make_curve(**changed: Any) -> Curve:
    """Make a parabola C = 1 + Δz² − 2·Δz, least at Δz = 1, and its tangent."""
    dz = np.linspace(-2, 2, 9)
    measured = 1 + dz**2 - 2 * dz
    tangent = 1 - 2 * dz
    curve = Curve(
        unit="fc1[3]",
        scope="shared",
        radius=2.0,
        radius_text="4·std",
        radius_from="unit",
        dz=dz,
        measured=measured,
        tangent=tangent,
        predicted={"tangent": tangent, "link": measured + 0.1 * dz},
        per_example=measured[:, None],
        cost=1.0,
        slope=-2.0,
    )
    return replace(curve, **changed)


def make_headroom(n_units: int = 12, **changed: Any) -> Effects:
    """Make headroom of one verdict after the other, κ = 1 everywhere."""
    delta = -np.geomspace(1e-4, 1, n_units)
    columns = {
        "site": ["fc1"] * n_units,
        "unit": range(n_units),
        "delta": delta,
        "best_dz": np.full(n_units, 2.0),
        "headroom": 2.0 * np.abs(delta),
        "verdict": [VERDICTS[place % len(VERDICTS)] for place in range(n_units)],
    }
    return Effects.of(**{**columns, **changed})


def make_effects(n_sites: int = 2, n_units: int = 5, **changed: Any) -> Effects:
    """Make effects of all sizes and both signs at some sites, predicted 10 % too large."""
    n_rows = n_sites * n_units
    measured = np.geomspace(1e-3, 1, n_rows) * np.where(np.arange(n_rows) % 2, -1, 1)
    columns = {
        "site": [f"fc{row // n_units + 1}" for row in range(n_rows)],
        "unit": [row % n_units for row in range(n_rows)],
        "perturbation": ["zero"] * n_rows,
        "predictor": ["link"] * n_rows,
        "measured": measured,
        "predicted": 1.1 * measured,
        "se": np.full(n_rows, 0.01),
    }
    return Effects.of(**{**columns, **changed})


def make_audit(**changed: Any) -> Audit:
    """Make an audit of two sites by four predictors, each so much too large."""
    effects = make_effects(**changed)
    measured = effects.array("measured")
    said = {word: (1 + place) * measured for place, word in enumerate(PREDICTORS)}
    ranks = dict(zip(PREDICTORS, (0.5, 0.75, 0.9, None), strict=True))
    agreement = tuple(
        Agreement(site, word, 5, None, ranks[word], None, None, None, 0.0)
        for site in ("fc1", "fc2", None)
        for word in PREDICTORS
    )
    return Audit(
        effects=effects.with_columns(said),
        agreement=agreement,
        certificate=AuditCertificate("exact", "All were measured."),
        work=Work(10, 1.0, 10.0, 1, 0.1),
        verdicts={},
        answers=(),
        question="What does a demon do to the cost of toy?",
    )


def make_layer(**changed: Any) -> Layer:
    """Make one row of a question."""
    shares = dict(zip(VERDICTS, (0.1, 0.2, 0.1, 0.0, 0.25, 0.35), strict=True))
    row: dict[str, Any] = {
        "step": 0,
        "site": "fc1",
        "scope": "each",
        "n_units": 32,
        "n_examples": 100,
        "cost": 0.5,
        "rank_gain": 0.8,
        "rank_gain_within": 0.9,
        "rank_distance": 0.1,
        "rank_distance_within": 0.2,
        "norm_of_mean": 0.01,
        "mean_of_norms": 0.1,
        "cancellation": 0.1,
        "influence": 0.1,
        "headroom": 0.1,
        "distance": 1.0,
        "trust_radius": 0.3,
        "verdicts": shares,
        "false_negatives": 0.0,
        "censored": 0.0,
        "zero": 0.0,
        "non_finite": 0.0,
        "output_slope": 0.7,
        "unit_slope": 0.4,
        "flatness": {"0.25": 0.99, "0.5": 0.9, "1.0": 0.8, "2.0": 0.5, "4.0": None},
        "law": None,
        "split": None,
    }
    return Layer(**{**row, **changed})


def make_question(
    steps: tuple[int, ...] = (0, 10, 100), sites: tuple[str, ...] = ("fc1", "fc2")
) -> Question:
    """Make a question in both scopes; the numbers tell step, site and scope apart."""
    layers = tuple(
        make_layer(
            step=step,
            site=site,
            scope=scope,
            rank_gain=0.9 - 0.1 * place - 0.01 * time,
            rank_gain_within=None if scope == "shared" else 0.5 - 0.1 * place,
            norm_of_mean=0.01 / (1 + time),
            output_slope=0.7 / (1 + time),
            unit_slope=0.4 + 0.1 * place,
        )
        for time, step in enumerate(steps)
        for place, site in enumerate(sites)
        for scope in ("shared", "each")
    )
    return Question("Is influence error?", (), layers, (), steps)


def caption_of(drawing: Any) -> str:
    """Take what stands under a figure, its lines joined."""
    return " ".join(drawing.get_supxlabel().split())
