"""Reading a run: complete, interrupted, damaged, or none at all."""

from dataclasses import replace

import pytest

from neurodemon.errors import StoreError
from neurodemon.store.layout import part_path, summary_path
from neurodemon.store.reader import read_run
from neurodemon.store.writer import open_run
from neurodemon.terms.effects import concatenate


@pytest.fixture
def stored(tmp_path, manifest, parts):
    """A folder with the parts of the numbers given, in the order given."""

    def store(*indices, summary=None):
        run = open_run(tmp_path, manifest)
        for index in indices:
            run.write(index, parts[index])
        if summary is not None:
            run.finish(summary)
        return tmp_path

    return store


def test_a_complete_run_is_read_in_order(stored, manifest, parts, assert_same):
    run = read_run(stored(2, 0, 1, summary={"answers": []}))
    assert_same(run.effects, concatenate(parts))
    assert run.effects.manifest == run.manifest == manifest
    assert run.summary == {"answers": []}
    assert (run.is_complete, run.parts, run.parts_expected) == (True, 3, 3)


def test_an_interrupted_run_reads_as_what_is_done(stored, parts, assert_same):
    run = read_run(stored(2, 0))
    assert_same(run.effects, concatenate([parts[0], parts[2]]))
    assert run.summary is None
    assert (run.is_complete, run.parts, run.parts_expected) == (False, 2, 3)


def test_a_run_with_all_parts_but_no_summary_is_not_complete(stored):
    run = read_run(stored(0, 1, 2))
    assert (run.is_complete, run.parts) == (False, 3)


@pytest.mark.parametrize("damage", [b"", b"PAR1"])
def test_a_damaged_part_is_left_out_and_the_run_not_complete(stored, damage):
    folder = stored(0, 1, 2, summary={})
    part_path(folder, 1).write_bytes(damage)
    run = read_run(folder)
    assert (run.is_complete, run.parts) == (False, 2)
    assert run.effects["site"] == ["fc1", "fc1", "fc2", "fc2"]


def test_parts_beyond_the_manifest_are_not_of_the_run(stored):
    folder = stored(0, 1, 2, summary={})
    part_path(folder, 3).write_bytes(part_path(folder, 0).read_bytes())
    assert len(read_run(folder).effects) == 6


def test_reading_changes_nothing_on_the_disk(stored):
    folder = stored(0)
    (folder / "effects" / ".part-00001.parquet.tmp").write_bytes(b"half")
    before = sorted(folder.rglob("*"))
    read_run(folder)
    assert sorted(folder.rglob("*")) == before


def test_notes_of_parts_and_summary_come_back_each_once(tmp_path, manifest, parts):
    run = open_run(tmp_path, manifest)
    for index, part in enumerate(parts):
        run.write(index, replace(part, notes=("hooked", f"part {index}")))
    run.finish({"notes": ["hooked", "at the end"]})
    notes = read_run(tmp_path).effects.notes
    assert notes == ("hooked", "part 0", "part 1", "part 2", "at the end")


def test_effects_per_example_are_dropped_where_a_part_kept_none(tmp_path, manifest, parts):
    run = open_run(tmp_path, manifest)
    run.write(0, parts[0])
    run.write(1, replace(parts[1], per_example=None))
    assert read_run(tmp_path).effects.per_example is None


def test_a_run_without_any_part_is_refused(stored):
    folder = stored()
    with pytest.raises(StoreError, match=r"No part of the run at .* is done; .* --out"):
        read_run(folder)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"there is no manifest\.json"):
        read_run(tmp_path)


def test_a_summary_that_is_no_json_is_refused(stored):
    folder = stored(0, 1, 2, summary={})
    summary_path(folder).write_text("{")
    with pytest.raises(StoreError, match=r"summary\.json' is not JSON"):
        read_run(folder)


def test_parts_of_different_columns_are_refused(tmp_path, manifest, parts):
    run = open_run(tmp_path, manifest)
    run.write(0, parts[0])
    run.write(1, parts[1].with_columns({"link": ["a", "b"]}))
    run.write(2, parts[2].with_columns({"link": [1.0, 2.0]}))
    with pytest.raises(StoreError, match=r"do not fit together .*make the run again"):
        read_run(tmp_path)


def test_parts_of_different_examples_are_refused(tmp_path, manifest, parts):
    run = open_run(tmp_path, manifest)
    run.write(0, parts[0])
    run.write(1, replace(parts[1], per_example=parts[1].per_example[:3]))
    with pytest.raises(StoreError, match="do not fit together"):
        read_run(tmp_path)
