"""Manifests: there and back through JSON, nothing lost."""

import json
from dataclasses import replace

import pytest

from neurodemon.terms.manifests import FORMAT, Manifest

MANIFEST = Manifest(
    verb="measure",
    subject="digits",
    perturbation="zero",
    plan="0123",
    weights="4567",
    batches="89ab",
    dtype="float32",
    device="cpu",
    seed=0,
    chunks=(("fc1", 0, 16), ("fc1", 16, 32), ("fc2", 0, 8)),
    numbers_per_pass=256,
    versions={"neurodemon": "0.1.0", "torch": "2.13.0"},
    created="2026-01-01T00:00:00+00:00",
)


@pytest.mark.parametrize(
    "manifest",
    [
        MANIFEST,
        replace(MANIFEST, seed=None, chunks=()),
        replace(MANIFEST, source={"package": "p", "weights": "cdef"}),
    ],
)
def test_a_manifest_survives_json(manifest):
    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


@pytest.mark.parametrize(
    "changed",
    [{"plan": "other"}, {"chunks": [["fc1", 0, 15]]}, {"versions": {}}, {"format": FORMAT + 1}],
)
def test_a_changed_manifest_is_another(changed):
    assert Manifest.from_dict({**MANIFEST.to_dict(), **changed}) != MANIFEST


def test_a_manifest_carries_the_format_of_its_folder():
    assert MANIFEST.to_dict()["format"] == FORMAT


def test_chunks_read_back_as_tuples():
    read = Manifest.from_dict(json.loads(json.dumps(MANIFEST.to_dict())))
    assert read.chunks[1] == ("fc1", 16, 32)


def test_a_manifest_of_before_there_was_a_source_is_read():
    values = MANIFEST.to_dict()
    del values["source"]
    assert Manifest.from_dict(values).source is None
