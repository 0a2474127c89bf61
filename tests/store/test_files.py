"""Whole files or none: written beside and renamed, wherever the writer is stopped."""

import contextlib
import errno
import json
import math
import os

import pytest

from neurodemon.errors import StoreError
from neurodemon.store.files import (
    explain_disk_errors,
    json_bytes,
    read_json,
    read_whole,
    temporary_of,
    write_whole,
)


def stop(error):
    """Make a function that stops its caller."""

    def stopped(*_args):
        raise error

    return stopped


def test_what_is_written_is_read_back(tmp_path):
    write_whole(tmp_path / "a", b"\x00\r\nb")
    assert read_whole(tmp_path / "a") == b"\x00\r\nb"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_is_replaced(tmp_path):
    write_whole(tmp_path / "a", b"a longer content")
    write_whole(tmp_path / "a", b"new")
    assert read_whole(tmp_path / "a") == b"new"


def test_the_file_beside_is_one_that_parquet_readers_pass_over(tmp_path):
    assert temporary_of(tmp_path / "part-00000.parquet").name == ".part-00000.parquet.tmp"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writer_that_is_stopped_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    write_whole(tmp_path / "a", b"old")
    monkeypatch.setattr(os, step, stop(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_writer_that_writes_in_place_would_leave_half_a_file(tmp_path):
    """Negative control of the test above."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt), path.open("wb") as file:
        file.write(b"n")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"n"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_says_what_to_do_and_leaves_nothing(tmp_path, monkeypatch, step):
    monkeypatch.setattr(os, step, stop(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(StoreError, match=r"'.*a' \(.*No space left.*give another --out folder"):
        write_whole(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_disk_error(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        write_whole(tmp_path / "no" / "a", b"new")


def test_content_reaches_the_disk_before_the_name_does(tmp_path, monkeypatch):
    steps = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        monkeypatch.setattr(
            os, step, lambda *args, step=step, real=real: (steps.append(step), real(*args))
        )
    write_whole(tmp_path / "a", b"new")
    assert steps == ["fsync", "replace", "fsync"]


def test_a_system_that_opens_no_folders_writes_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", stop(PermissionError(errno.EACCES, "Windows")))
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_json_keeps_names_in_any_script_readable(tmp_path):
    content = json_bytes(tmp_path / "a", {"Schicht-ä": ["層", 1, 0.5, None, True]})
    assert "Schicht-ä".encode() in content
    write_whole(tmp_path / "a", content)
    assert read_json(tmp_path / "a") == {"Schicht-ä": ["層", 1, 0.5, None, True]}


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"bytes", "\ud800"])
def test_what_has_no_place_in_json_is_refused(tmp_path, value):
    with pytest.raises(StoreError, match=r"cannot hold these values as JSON .*or spell it as text"):
        json_bytes(tmp_path / "a", {"value": value})


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"{'a': 1}"])
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(StoreError, match=r"a' is not JSON .*damaged or edited"):
        read_json(tmp_path / "a")


@pytest.mark.parametrize(("value", "kind"), [([1], "list"), (None, "NoneType"), (3, "int")])
def test_json_that_is_no_object_is_refused(tmp_path, value, kind):
    (tmp_path / "a").write_text(json.dumps(value))
    with pytest.raises(StoreError, match=f"a' holds a {kind}; expected a JSON object"):
        read_json(tmp_path / "a")


def test_a_file_that_is_not_there_is_a_disk_error(tmp_path):
    with pytest.raises(StoreError, match=r"The disk refused at .*No such file"):
        read_whole(tmp_path / "a")


def test_other_errors_pass_through(tmp_path):
    with pytest.raises(KeyError), explain_disk_errors(tmp_path):
        raise KeyError
