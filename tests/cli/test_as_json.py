"""JSON is strict, on one line, and the same in any encoding."""

import json

import pytest

from neurodemon.cli.as_json import print_json, spell_result
from neurodemon.terms.effects import Effects

ODD = {"a": [float("nan"), (float("inf"), 1.5)], "b": {"c": float("-inf")}, "d": "δ", "e": None}


def test_what_is_no_number_is_null(capsys):
    print_json(ODD)
    assert capsys.readouterr().out == (
        '{"a": [null, [null, 1.5]], "b": {"c": null}, "d": "\\u03b4", "e": null}\n'
    )


def test_plain_json_would_not_be_strict():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json.dumps(ODD, allow_nan=False)


def test_effects_without_a_manifest_are_spelled():
    values = spell_result(Effects.of(site=["fc1"], unit=[3]), out=None, is_complete=True)
    assert values["effects"][0]["site"] == "fc1"
    assert values["manifest"] is None
