"""Checkpoints: ordered as people count, loaded strictly, the user's model untouched."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from neurodemon.errors import StoreError, SubjectError
from neurodemon.subjects.checkpoints import find_checkpoints, load_weights


def make(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def keep(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(make(seed).state_dict(), path)
    return path


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def test_steps_are_the_last_numbers_of_the_names_in_the_order_of_counting(tmp_path: Path) -> None:
    for name in ("v2-step-10", "v2-step-9", "v2-step-100"):
        keep(tmp_path / f"{name}.safetensors", 1)
    (tmp_path / "notes.txt").write_text("not one of them")
    found = find_checkpoints(make(0), tmp_path)
    assert list(found.paths) == [9, 10, 100]
    assert found.steps(None) == (9, 10, 100)
    assert found.steps([100, 9]) == (9, 100)


def test_folders_with_numbers_are_found_too(tmp_path: Path) -> None:
    for step in (1000, 500):
        keep(tmp_path / f"checkpoint-{step}" / "model.safetensors", step)
    assert list(find_checkpoints(make(0), tmp_path).paths) == [500, 1000]


def test_names_without_a_number_of_their_own_are_counted_in_natural_order(tmp_path: Path) -> None:
    paths = [keep(tmp_path / f"{name}.safetensors", 1) for name in ("b", "a10x1", "a9x1")]
    found = find_checkpoints(make(0), paths)
    assert [path.name[:3] for path in found.paths.values()] == ["a9x", "a10", "b.s"]
    assert list(found.paths) == [0, 1, 2]


def test_each_stage_is_a_copy_with_the_weights_of_its_file(tmp_path: Path) -> None:
    mine = make(0)
    before = [value.clone() for value in mine.state_dict().values()]
    keep(tmp_path / "3.safetensors", 3)
    keep(tmp_path / "5.safetensors", 5)
    heard: list[tuple[str, int, int]] = []
    stages = find_checkpoints(mine, str(tmp_path))
    for step, model in stages.models((3, 5), lambda *said: heard.append(said)):
        theirs = make(step).state_dict()
        assert all(torch.equal(theirs[name], value) for name, value in model.state_dict().items())
    assert heard == [("load", place, 2) for place in range(3)]
    now = mine.state_dict().values()
    assert all(torch.equal(one, two) for one, two in zip(before, now, strict=True))


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    one, two, same = (
        find_checkpoints(make(0), [keep(tmp_path / str(place) / "1.safetensors", seed)])
        for place, seed in enumerate((1, 2, 1))
    )
    assert one.fingerprint() == same.fingerprint() != two.fingerprint()


def test_tied_weights_may_be_kept_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    save_model(model, str(tmp_path / "1.safetensors"))
    loaded = load_weights(model, tmp_path / "1.safetensors")
    assert torch.equal(loaded[1].weight, model[0].weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("2.bias"), r"lacks 2\.bias \(1 in all\)"),
        (lambda state: state.update(more=torch.ones(1)), r"has more \(1 in all\)"),
        (
            lambda state: state.update({"0.weight": torch.ones(4, 5)}),
            r"has other shapes: 0\.weight \(4, 5\) for \(4, 3\)",
        ),
    ],
)
def test_other_tensors_than_the_models_are_refused(tmp_path: Path, change, message: str) -> None:
    state = make(1).state_dict()
    change(state)
    save_file(state, tmp_path / "1.safetensors")
    with pytest.raises(SubjectError, match=message):
        load_weights(make(0), tmp_path / "1.safetensors")


class Trap:
    """Running this is what unpickling would do."""

    def __reduce__(self):
        return (Path("/nowhere").joinpath, ("sprung",))


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "1.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(StoreError, match=r"no safetensors file .* nothing is unpickled"):
        load_weights(make(0), path)


def test_a_folder_without_checkpoints_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no checkpoint"):
        find_checkpoints(make(0), tmp_path)
    with pytest.raises(StoreError, match=r"'.*gone\.safetensors' is not there"):
        find_checkpoints(make(0), [tmp_path / "gone.safetensors"])


def test_steps_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    keep(tmp_path / "3.safetensors", 3)
    for wrong in ([4], []):
        with pytest.raises(SubjectError, match=r"there are checkpoints of: \[3\]"):
            find_checkpoints(make(0), tmp_path).steps(wrong)


def test_weights_that_are_not_finite_are_refused_by_the_files_name(tmp_path: Path) -> None:
    state = make(1).state_dict()
    state["2.bias"][0] = float("nan")
    save_file(state, tmp_path / "step-5.safetensors")
    message = r"step-5.safetensors' holds NaN or inf in 2.bias; .* Leave its step out"
    with pytest.raises(SubjectError, match=message):
        load_weights(make(0), tmp_path / "step-5.safetensors")


def test_digits_that_are_no_numbers_are_letters(tmp_path: Path) -> None:
    paths = [keep(tmp_path / f"{name}.safetensors", 1) for name in ("3²2", "1²2")]
    assert [path.name[0] for path in find_checkpoints(make(0), paths).paths.values()] == ["1", "3"]
