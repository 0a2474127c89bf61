"""The run folder: names any system takes, and manifests that cannot be read."""

import json

import pytest

from neurodemon.errors import StoreError
from neurodemon.store import layout
from neurodemon.store.layout import (
    effects_folder,
    is_free,
    manifest_path,
    part_path,
    read_manifest,
    read_part,
    summary_path,
)
from neurodemon.store.parts import to_parquet
from neurodemon.terms.manifests import FORMAT

FORBIDDEN_ON_WINDOWS = set('<>:"/\\|?*') | {chr(code) for code in range(32)}


@pytest.fixture
def store_values(tmp_path, manifest):
    """Write a manifest with some values changed, and give its folder."""

    def store(**changes):
        values = {**manifest.to_dict(), **changes}
        manifest_path(tmp_path).write_text(json.dumps(values))
        return tmp_path

    return store


def test_names_in_a_run_folder_are_taken_by_any_system(tmp_path):
    paths = [manifest_path(tmp_path), summary_path(tmp_path), part_path(tmp_path, 123456)]
    names = [part for path in paths for part in path.relative_to(tmp_path).parts]
    assert all(not FORBIDDEN_ON_WINDOWS & set(name) and name[-1] not in ". " for name in names)
    assert all(name == name.lower() for name in names)


def test_parts_lie_in_order_of_their_number(tmp_path):
    names = [part_path(tmp_path, index).name for index in (0, 9, 10, 99_999)]
    assert names == sorted(names)
    assert part_path(tmp_path, 0) == tmp_path / "effects" / "part-00000.parquet"


def test_a_run_may_begin_where_nothing_is(tmp_path):
    assert is_free(tmp_path)
    assert is_free(tmp_path / "new")


def test_a_run_may_begin_where_a_writer_was_stopped_at_its_first_file(tmp_path):
    (tmp_path / ".manifest.json.tmp").write_text("{")
    assert is_free(tmp_path)


@pytest.mark.parametrize("name", [".hidden", "manifest.json", "notes.txt"])
def test_a_run_may_not_begin_where_something_is(tmp_path, name):
    (tmp_path / name).write_text("")
    assert not is_free(tmp_path)
    assert not is_free(tmp_path / name)


def test_a_manifest_comes_back_as_it_was(store_values, manifest):
    assert read_manifest(store_values()) == manifest


def test_a_field_that_a_later_version_adds_is_passed_over(store_values, manifest):
    assert read_manifest(store_values(host="laptop")) == manifest


def test_a_folder_that_is_not_there_is_no_run(tmp_path):
    with pytest.raises(StoreError, match=r"No run at '.*no': there is no such folder"):
        read_manifest(tmp_path / "no")


def test_a_folder_without_a_manifest_is_no_run(tmp_path):
    with pytest.raises(StoreError, match=r"there is no manifest\.json in it; .* Give the folder"):
        read_manifest(tmp_path)


def test_a_manifest_that_is_no_json_is_refused(tmp_path):
    manifest_path(tmp_path).write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json' is not JSON"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("found", [FORMAT + 1, "1", None])
def test_a_newer_format_is_refused(store_values, found):
    folder = store_values(format=found)
    with pytest.raises(StoreError, match=rf"format {found!r}; .* up to {FORMAT}\. .*newer one"):
        read_manifest(folder)


def test_an_older_format_is_read(store_values):
    """Negative control of the test above."""
    assert read_manifest(store_values(format=FORMAT - 1)).format == FORMAT - 1


@pytest.mark.parametrize("name", ["plan", "chunks", "format"])
def test_a_missing_field_is_named(tmp_path, manifest, name):
    values = manifest.to_dict()
    del values[name]
    manifest_path(tmp_path).write_text(json.dumps(values))
    with pytest.raises(StoreError, match=f"manifest.json' lacks {name}; expected all of verb"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("chunks", [3, [["fc1", 0]], [["fc1", "a", "b"]], [7]])
def test_chunks_of_the_wrong_kind_are_refused(store_values, chunks):
    folder = store_values(chunks=chunks)
    with pytest.raises(StoreError, match="has a field of the wrong kind"):
        read_manifest(folder)


def test_a_part_comes_with_the_manifest(tmp_path, manifest, parts, assert_same):
    effects_folder(tmp_path).mkdir()
    part_path(tmp_path, 1).write_bytes(to_parquet(parts[1]))
    part = read_part(tmp_path, 1, manifest)
    assert part.manifest is manifest
    assert_same(part, parts[1])


def test_a_part_that_is_not_there_is_none(tmp_path, manifest):
    assert read_part(tmp_path, 1, manifest) is None


def test_a_part_that_is_not_whole_is_none(tmp_path, manifest, parts):
    effects_folder(tmp_path).mkdir()
    part_path(tmp_path, 1).write_bytes(to_parquet(parts[1])[:-1])
    assert read_part(tmp_path, 1, manifest) is None


def test_a_part_that_the_disk_does_not_give_is_an_error(tmp_path, manifest, parts, monkeypatch):
    """A part that cannot be read just now must not be taken for one to be made again."""
    effects_folder(tmp_path).mkdir()
    part_path(tmp_path, 1).write_bytes(to_parquet(parts[1]))

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(layout.Path, "read_bytes", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        read_part(tmp_path, 1, manifest)
