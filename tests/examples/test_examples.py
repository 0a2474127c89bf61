"""The examples run as they stand, and find what they say they look for."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def load(name: str) -> ModuleType:
    """Import an example without running it."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_example_is_tested():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(NAMES) <= tested
    assert len(NAMES) == 4


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_at_its_top_what_it_asks(name: str):
    first = (FOLDER / f"{name}.py").read_text("utf-8").splitlines()[0]
    assert first.startswith('"""')
    assert first.endswith("?")


@pytest.mark.parametrize("name", NAMES)
def test_each_example_stands_in_the_readme(name: str):
    assert f"(examples/{name}.py)" in (FOLDER.parent / "README.md").read_text("utf-8")


def test_your_own_cnn(capsys: pytest.CaptureFixture[str]):
    audit = load("your_own_cnn").main()
    assert set(audit.effects["site"]) == {"1", "4"}
    assert len(audit.effects) == 8 + 16
    measured = audit.effects.array("measured")
    assert measured.max() > 0.05  # some channel matters: the network has learnt something
    printed = capsys.readouterr().out
    best = audit.effects.top(1).to_arrow().to_pylist()[0]
    assert f"  channel {best['unit']:2} at {best['site']}: cost {best['measured']:+.3f}" in printed


def test_gpt2_logit_difference(capsys: pytest.CaptureFixture[str]):
    found = load("gpt2_logit_difference").main()
    assert list(found) == ["denoising", "noising"]
    for effects in found.values():
        scores = effects.array("pair_score").reshape(3, 6)
        assert scores[0, 2] == pytest.approx(1, abs=0.01)  # embedded, the changed word is all
        assert scores[0, [0, 1, 3, 4, 5]] == pytest.approx(0, abs=0.01)
        assert scores[2, 5] == pytest.approx(1, abs=0.01)  # in the end the last word is
        assert scores[2, :5] == pytest.approx(0, abs=0.01)
    printed = capsys.readouterr().out
    assert "denoising: 0 is as in the corrupt run" in printed
    assert "noising: 0 is as in the clean run" in printed


def test_minilm_heads(capsys: pytest.CaptureFixture[str]):
    one_layer = "encoder.layer.5.attention.output.dense:in/head"
    audit = load("minilm_heads").main(examples=2, heads=one_layer)
    assert audit.effects["kind"] == ["head"] * 12
    assert audit.effects["unit"] == list(range(12))
    assert all(math.isfinite(effect) for effect in audit.effects["measured"])
    assert abs(audit.effects.array("measured")).max() > 1e-4
    assert "The heads that matter most:\n  encoder.layer.5" in capsys.readouterr().out


def test_unet(capsys: pytest.CaptureFixture[str]):
    found = load("unet").main()
    assert set(found) == {"skip connection", "bottleneck"}
    assert found["bottleneck"] > found["skip connection"] > 0
    assert f"bottleneck flattened: {found['bottleneck']:+.4f} on the cost" in (
        capsys.readouterr().out
    )
