"""Where numbers come from: the command that is shown makes them again."""

import shlex
from dataclasses import replace

import pytest
from oracles.drawables import make_effects
from oracles.reports import (
    make_budgeted_audit,
    make_budgeted_effects,
    make_manifest,
    read_fragment,
    text_of,
)

from neurodemon.report.html import origin as ours
from neurodemon.report.html.origin import LONGEST, audit_options, command_of, origin
from neurodemon.subjects import built_in
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import parse_perturbation
from neurodemon.terms.radii import settle_radius


def words_of(effects=None, options=(), **changed):
    return shlex.split(command_of(make_manifest(**changed), effects, options).replace("\\\n", ""))


def test_an_audit_of_digits_is_spelled_whole():
    assert command_of(make_manifest(), make_budgeted_effects()) == (
        "neurodemon audit digits 'fc1[0:15], fc2[0:15]' \\\n"
        "    --perturbation=zero \\\n"
        "    --predictor=linear_logits \\\n"
        "    --examples=500 \\\n"
        "    --seed=0"
    )


def test_an_audit_within_a_budget_names_it():
    audit = make_budgeted_audit()
    options = ["--budget=1500", "--top=20", "--confidence=0.95", "--sampling-seed=7"]
    assert audit_options(audit) == options
    assert words_of(audit.effects, options=options)[-4:] == options
    of_time = make_budgeted_audit(work=replace(audit.work, budget=15000))
    assert audit_options(of_time)[0] == "--budget=1400"
    exact = replace(audit.certificate, kind="exact")
    assert audit_options(make_budgeted_audit(certificate=exact)) == []


@pytest.mark.parametrize(
    "text",
    [
        "zero", "mean", "add=-1", "add=0.5std", "scale=0.5", "set=1", "noise=0.1:3",
        "noise=1std:0", "resample=7",
    ],
)  # fmt: skip
def test_every_perturbation_is_spelled_as_the_command_line_reads_it(text):
    wanted = parse_perturbation(text)
    (option,) = [word for word in words_of(perturbation=str(wanted)) if "perturbation" in word]
    assert parse_perturbation(option.removeprefix("--perturbation=")) == wanted


@pytest.mark.parametrize(("scope", "option"), [("each", "each"), ("shared and each", "both")])
@pytest.mark.parametrize("radius", ["4std", "2"])
def test_a_search_is_spelled_by_its_radius_and_its_scope(radius, scope, option):
    wanted = settle_radius(radius)
    words = words_of(verb="headroom", perturbation=f"best Δz within {wanted}, {scope}")
    (given,) = [word.removeprefix("--radius=") for word in words if "radius" in word]
    assert settle_radius(given) == wanted
    assert f"--scope={option}" in words


def test_a_toy_has_neither_seed_nor_number_of_examples():
    words = words_of(make_budgeted_effects(), subject="kink:0.5,2")
    assert words[2] == "kink:0.5,2"
    assert not [word for word in words if "seed" in word or "examples" in word]


def test_a_subject_of_ones_own_is_left_to_the_reader():
    assert words_of(subject="mine")[2] == "file.py:factory"
    said = text_of(read_fragment(origin(make_manifest(subject="<mine>"), None)))
    assert "The subject “<mine>” is somebody's own" in said


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"unit": [0, 1, 3], "position": [None] * 3}, "fc1[0:2], fc1[3]"),
        ({"unit": [0, 1, 1], "position": [None, 5, 6]}, "fc1[0], fc1[1]@5, fc1[1]@6"),
        ({"unit": [4, 4, 5], "position": [None] * 3}, "fc1[4:6]"),
    ],
)
def test_neighbours_are_spelled_as_a_run(columns, expected):
    effects = Effects.of(site=["fc1"] * 3, kind=["neuron"] * 3, **columns)
    assert words_of(effects)[3] == expected


def test_too_many_units_are_spelled_by_their_sites():
    units = list(range(0, 2 * LONGEST, 2))
    effects = Effects.of(site=["fc1"] * LONGEST, kind=["neuron"] * LONGEST, unit=units)
    assert words_of(effects)[3] == "fc1"


def test_what_made_the_numbers_is_listed():
    manifest = make_manifest(source={"licence": "Apache-2.0"}, seed=None)
    said = text_of(read_fragment(origin(manifest, make_effects())))
    for part in ("w" * 32, "float32", "neurodemon 0.1.0, torch 2.13.0", "source: licence"):
        assert part in said
    assert "The versions were neurodemon==0.1.0" in said
    assert "seed " not in said


def test_a_patch_and_unknown_versions_are_said():
    said = text_of(read_fragment(origin(make_manifest(perturbation="patch", versions={}), None)))
    assert "only Python can do that" in said
    assert "The versions were" not in said


@pytest.mark.parametrize("manifest", [None, make_manifest(verb="unknown")])
def test_without_a_manifest_it_says_so(manifest):
    said = text_of(read_fragment(origin(manifest, None)))
    assert "does not say what made it" in said


def test_the_built_in_subjects_are_those_of_the_subjects():
    assert set(ours.BUILT_IN) == set(built_in.NAMES)
    assert set(ours.WITH_SEED) == set(built_in.OWNERS["seed"])
    assert set(ours.WITH_EXAMPLES) == set(built_in.OWNERS["examples"])
