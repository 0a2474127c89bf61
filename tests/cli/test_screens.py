"""What the screens say of numbers that are odd, single or missing."""

from dataclasses import replace

from neurodemon.cli.render import Paper
from neurodemon.cli.screens import show_effects, show_manifest
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest

MANIFEST = Manifest(
    verb="measure",
    subject="digits",
    perturbation="zero",
    plan="p",
    weights="w",
    batches="b",
    dtype="float32",
    device="cpu",
    seed=0,
    chunks=(("fc1", 0, 2),),
    numbers_per_pass=64,
    versions={"neurodemon": "1", "torch": "2"},
    created="2026-01-01T00:00:00+00:00",
)
COLUMNS = {
    "site": ["fc1", "fc1", "conv"],
    "kind": ["neuron", "neuron", "cell"],
    "unit": [0, 1, 2],
    "position": [None, None, 7],
    "perturbation": ["zero"] * 3,
    "measured": [0.5, 0.0, float("nan")],
    "n_examples": [4] * 3,
    "status": ["ok", "no_change", "non_finite"],
}


def test_measured_effects_are_shown_with_what_is_odd_about_them(capsys):
    effects = replace(Effects.of(**COLUMNS), notes=("2 units are constant.",), manifest=MANIFEST)
    show_effects(Paper(), effects, 2)
    assert capsys.readouterr().out.splitlines() == [
        ("What does a demon do to the cost of digits (zero: 3 units, 4 examples, measured)?"),
        "",
        "unit    measured  status",
        "fc1[0]   +0.5000  ok",
        "fc1[1]         0  no_change",
        "… 1 more; --top 3 shows all.",
        "Effects are cost after − cost before, the mean over the examples.",
        (
            "1 unit is no_change: No example's cost changed at all: the unit is off or cut off from "
            "the cost here (a dead ReLU, a unit already at the value it was set to)."
        ),
        (
            "1 unit is non_finite: The perturbed cost overflowed or became NaN on some example: use a "
            "smaller perturbation, or run the subject in float64."
        ),
        "note: 2 units are constant.",
    ]


def test_predicted_effects_name_their_predictor_and_one_is_singular(capsys):
    effects = Effects.of(
        site=["fc1"],
        unit=[3],
        perturbation=["add(1)"],
        predicted=[2.0],
        predictor=["link"],
        se=[0.25],
        n_examples=[1],
        status=["ok"],
    )
    show_effects(Paper(), effects, 10)
    assert capsys.readouterr().out.splitlines() == [
        ("What would a demon do to the cost (add(1): 1 unit, 1 example, predicted by link)?"),
        "",
        "unit    predicted     se  status",
        "fc1[3]     +2.000  0.250  ok",
        "Effects are cost after − cost before, the mean over the examples.",
    ]


def test_an_audit_that_was_interrupted_shows_its_predictors(capsys):
    columns = {**COLUMNS, "predicted": [0.25, 0.0, 0.1], "predictor": ["link"] * 3}
    added = {"first_order": [0.125, 0.0, 0.1], "link": [0.25, 0.0, 0.1]}
    effects = Effects.of(**columns, gap=[0.25, 0.0, float("nan")]).with_columns(added)
    show_effects(Paper(), effects, 1)
    printed = capsys.readouterr().out
    assert "predicted by link and measured)?" in printed
    assert "unit    first_order     link  measured      gap  status\nfc1[0]      +0.1250" in printed
    assert "gap = measured − link." in printed


def test_no_effects_at_all_are_no_reason_to_fail(capsys):
    show_effects(Paper(), Effects.of(), 10)
    assert "0 units" in capsys.readouterr().out


def test_the_manifest_is_shown_in_short(capsys):
    show_manifest(Paper(), MANIFEST, missing=0)
    assert capsys.readouterr().out.splitlines() == [
        (
            "Run: measure of digits, zero; float32 on cpu, seed 0; begun 2026-01-01T00:00:00+00:00; "
            "neurodemon 1, torch 2."
        ),
        "",
    ]


def test_what_an_audit_was_allowed_is_shown(capsys):
    show_manifest(Paper(), replace(MANIFEST, allowed={"budget": "10%", "top": 20}), missing=0)
    assert capsys.readouterr().out.splitlines()[1:] == ["Asked with --budget 10% --top 20.", ""]


def test_what_a_run_lacks_is_said(capsys):
    show_manifest(Paper(), replace(MANIFEST, seed=None, versions={}), missing=1)
    assert capsys.readouterr().out.splitlines() == [
        (
            "Run: measure of digits, zero; float32 on cpu; begun 2026-01-01T00:00:00+00:00; versions "
            "unknown."
        ),
        "Not complete: 1 unit of this run is not done yet.",
        "",
    ]
