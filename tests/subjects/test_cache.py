"""The cache: what was trained once is read back; what is damaged is trained again."""

import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file
from torch import nn

from neurodemon.errors import MissingExtraError
from neurodemon.subjects.cache import cache_folder, cached, hash_tensors
from neurodemon.subjects.training import Recipe, build

RECIPE = Recipe((4, 3, 2), epochs=1)


class Trainer:
    """Builds other weights each time, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> nn.Sequential:
        self.calls += 1
        return build(RECIPE, torch.Generator().manual_seed(self.calls))


@pytest.fixture
def trainer() -> Trainer:
    return Trainer()


def take(trainer: Trainer, note: Callable[[str], None], recipe: Recipe = RECIPE) -> float:
    return cached("toy", recipe, "abc", train=trainer, note=note)[0].weight[0, 0].item()


def test_a_network_is_trained_only_once(cache: Path, trainer: Trainer, note: list[str]) -> None:
    assert take(trainer, note) == take(trainer, note)
    assert trainer.calls == 1
    assert note == [f"Training toy once; its weights are kept in {cache}."]


def test_what_is_read_back_is_in_evaluation_mode(
    cache: Path, trainer: Trainer, note: list[str]
) -> None:
    take(trainer, note)
    model = cached("toy", RECIPE, "abc", train=trainer, note=note)
    assert not any(module.training for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    assert cache.is_dir()


def test_the_file_is_named_by_recipe_data_and_seed(
    cache: Path, trainer: Trainer, note: list[str]
) -> None:
    take(trainer, note)
    take(trainer, note, replace(RECIPE, seed=1))
    take(trainer, note, replace(RECIPE, epochs=2))
    cached("toy", RECIPE, "abd", train=trainer, note=note)
    names = sorted(path.name for path in cache.iterdir())
    assert trainer.calls == len(names) == 4
    assert f"toy-{RECIPE.fingerprint}-abc-seed0.safetensors" in names


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_a_hash(path: Path) -> None:
    save_file(load_file(path), path)


def of_another_network(path: Path) -> None:
    state = build(Recipe((4, 3), epochs=1), torch.Generator()).state_dict()
    path.write_bytes(save(state, {"hash": hash_tensors(state)}))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [truncated, flipped, emptied, without_a_hash, of_another_network, a_folder]
)
def test_a_damaged_file_is_trained_again(
    cache: Path, trainer: Trainer, note: list[str], damage: Callable[[Path], None]
) -> None:
    first = take(trainer, note)
    [path] = cache.iterdir()
    damage(path)
    assert take(trainer, note) != first
    assert trainer.calls == 2
    assert "cannot be used" in note[1]


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, without_a_hash])
def test_a_damaged_file_is_written_again(
    cache: Path, trainer: Trainer, note: list[str], damage: Callable[[Path], None]
) -> None:
    take(trainer, note)
    [path] = cache.iterdir()
    damage(path)
    second = take(trainer, note)
    assert take(trainer, note) == second
    assert list(cache.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_costs_a_note(
    tmp_path: Path, trainer: Trainer, note: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv("NEURODEMON_CACHE", str(blocked / "cache"))
    assert take(trainer, note) != take(trainer, note)
    assert "Set NEURODEMON_CACHE to a folder that can be written" in note[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean something else there")
def test_the_file_can_be_read_by_those_the_umask_allows(
    cache: Path, trainer: Trainer, note: list[str]
) -> None:
    take(trainer, note)
    ordinary = cache / "ordinary"
    ordinary.touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()}
    assert len(modes) == 1


def test_a_missing_safetensors_is_told_before_training(
    cache: Path, trainer: Trainer, note: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match=r"safetensors.*pip install 'neurodemon\[data\]'"):
        take(trainer, note)
    assert trainer.calls == 0
    assert not cache.exists()


def test_the_cache_folder_is_the_chosen_one_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODEMON_CACHE", "~/mine")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder() == Path("~/mine").expanduser()


@pytest.mark.skipif(sys.platform == "win32", reason="a path from a root is not absolute there")
@pytest.mark.parametrize(
    ("xdg", "expected"), [("/caches", "/caches"), ("not/absolute", "~/.cache"), ("", "~/.cache")]
)
def test_the_cache_folder_follows_the_system(
    xdg: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEURODEMON_CACHE", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache_folder() == Path(expected).expanduser() / "neurodemon"


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.tensor([1.0, 3.0])},
        {"b": torch.tensor([1.0, 2.0])},
        {"a": torch.tensor([[1.0, 2.0]])},
        {"a": torch.tensor([1.0, 2.0], dtype=torch.float64)},
    ],
    ids=["content", "name", "shape", "type"],
)
def test_the_hash_tells_tensors_apart(other: dict[str, torch.Tensor]) -> None:
    same = {"a": torch.tensor([1.0, 2.0])}
    assert hash_tensors(same) == hash_tensors({"a": torch.tensor([1.0, 2.0])})
    assert hash_tensors(same) != hash_tensors(other)
