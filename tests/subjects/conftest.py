"""What the tests of the subjects share: a cache of their own, and where MNIST is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from oracles.small_mnist import write_small

BESIDE_THE_PROJECT = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for one test; not there yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NEURODEMON_CACHE", str(folder))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Files like MNIST's, of a few random images."""
    return write_small(tmp_path / "mnist")


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    """The folder with MNIST's own files."""
    folder = Path(os.environ.get("NEURODEMON_MNIST", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"MNIST's files are not in {folder}; set NEURODEMON_MNIST")
    return folder


class Notes(list[str]):
    """A list that takes notes."""

    def __call__(self, message: str) -> None:
        self.append(message)


@pytest.fixture
def note() -> Callable[[str], None]:
    """Where notes go; the list itself holds what was noted."""
    return Notes()
