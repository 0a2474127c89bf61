"""A subject is opened with its options; what cannot work is refused before it costs time."""

from pathlib import Path

import pytest
import torch

from neurodemon.cli.opening import open_subject, require_free
from neurodemon.errors import StoreError, SubjectError


def keep_quiet(_text):
    """Hear a note."""


def test_a_subject_is_opened_by_its_name():
    assert open_subject("kink", None, None, None, keep_quiet).name == "kink"


@pytest.mark.parametrize("text", ["kink", "lost-digit", "my.py:subject"])
def test_a_seed_that_would_be_passed_over_is_refused(text):
    with pytest.raises(SubjectError, match=r"seed is 0, but subject .* has no such option"):
        open_subject(text, None, None, 0, keep_quiet)


def test_examples_that_would_be_passed_over_are_refused():
    with pytest.raises(SubjectError, match="examples are options of built-in subjects"):
        open_subject("my.py:subject", None, 3, None, keep_quiet)


def test_a_subject_is_brought_to_the_dtype_that_was_asked_for():
    opened = open_subject("kink", None, None, None, keep_quiet, dtype="float32")
    assert opened.recording(0).cost.dtype == torch.float32


def test_a_word_that_is_no_dtype_is_refused_before_the_subject_is_looked_for():
    with pytest.raises(SubjectError, match="dtype is 'half'; expected float64, float32, bfloat16"):
        open_subject("nowhere", None, None, None, keep_quiet, dtype="half")


def test_a_new_and_an_empty_folder_are_free(tmp_path):
    require_free(None)
    require_free(tmp_path)
    require_free(tmp_path / "new" / "folder")


@pytest.mark.parametrize("name", ["a", "a/file"])
def test_a_taken_place_is_refused(tmp_path: Path, name: str):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("mine")
    with pytest.raises(StoreError, match="is taken: it is not empty, or is a file"):
        require_free(tmp_path / name)
