"""The author's files: looked for in two places, and refused when they are something else."""

import json
from pathlib import Path

import pytest

from neurodemon.errors import DatasetError
from neurodemon.subjects.book_files import find_lists, read_lists, read_text


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with nothing beside it."""
    monkeypatch.delenv("NEURODEMON_BOOK", raising=False)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def put(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "a.json"
    path.write_text("[[1.0]]", "utf-8")
    return path


def test_a_file_that_is_nowhere_is_not_found() -> None:
    assert find_lists("a.json") is None


def test_a_file_is_found_beside_the_project(tmp_path: Path) -> None:
    path = put(tmp_path / "shared" / "book")
    found = find_lists("a.json")
    assert found is not None
    assert found.resolve() == path


def test_the_variable_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "shared" / "book")
    path = put(tmp_path / "mine")
    monkeypatch.setenv("NEURODEMON_BOOK", str(path.parent))
    assert find_lists("a.json") == path
    assert find_lists("b.json") is None


def test_a_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODEMON_BOOK", "gone")
    with pytest.raises(DatasetError, match="'gone' that NEURODEMON_BOOK names is not there"):
        find_lists("a.json")


def test_lists_are_read(tmp_path: Path) -> None:
    assert read_lists(put(tmp_path)) == [[1.0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "holds no JSON"),
        ("[]", "holds no lists of numbers"),
        ("[[]]", "holds no lists of numbers"),
        ("[[1], 2]", "holds no lists of numbers"),
        ('[["a"]]', "holds no lists of numbers"),
        ("[[true]]", "holds no lists of numbers"),
        (json.dumps({"a": [1.0]}), "holds no lists of numbers"),
        ("[" * 100_000, "holds no JSON"),
    ],
    ids=lambda text: text[:12],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, "utf-8")
    with pytest.raises(DatasetError, match=f"{message}.*Expected a file of the book's fig/ folder"):
        read_lists(path)


def test_a_text_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"a\.json' cannot be read: .*Expected a JSON file"):
        read_text(path)
    with pytest.raises(DatasetError, match=r"gone\.json' cannot be read: .*looked from"):
        read_text(Path("gone.json"))
