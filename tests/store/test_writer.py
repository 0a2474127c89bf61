"""Writing a run: stopped at every step it goes on, bit for bit, and nothing is ever torn."""

import errno
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.dataset as pds
import pyarrow.parquet as pq
import pytest

from neurodemon.errors import StoreError
from neurodemon.store.layout import manifest_path, part_path, summary_path
from neurodemon.store.reader import read_run
from neurodemon.store.writer import SAME_RUN, SPELLED, open_run

SUMMARY = {"answers": ["yes", "no"]}


class Killed(BaseException):
    """Stands for a process that ends here: nothing of it runs any more."""


def make(folder, manifest, parts):
    """Make a run, or go on with it; return which parts were written."""
    run = open_run(folder, manifest)
    todo = sorted(set(range(len(run.manifest.chunks))) - run.done())
    for index in todo:
        run.write(index, parts[index])
    run.finish(SUMMARY)
    return todo


def content(folder):
    """Everything in a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def kill_at(monkeypatch):
    """End the writer at the n-th step on the disk, cleaning up included; return the revival."""

    def arm(n):
        steps = []

        def stop_or(real):
            def step(*args):
                steps.append(real)
                if len(steps) == n:
                    raise Killed
                return real(*args)

            return step

        real_unlink = Path.unlink

        def unlink(path, missing_ok=False):  # noqa: FBT002 (the signature of pathlib)
            if len(steps) < n:
                real_unlink(path, missing_ok=missing_ok)

        monkeypatch.setattr(os, "fsync", stop_or(os.fsync))
        monkeypatch.setattr(os, "replace", stop_or(os.replace))
        monkeypatch.setattr(Path, "unlink", unlink)
        return monkeypatch.undo

    return arm


# A run from its beginning to its end


def test_a_run_is_a_folder_of_known_files(tmp_path, manifest, parts):
    folder = tmp_path / "runs" / "a"
    make(folder, manifest, parts)
    assert sorted(content(folder)) == [
        "effects/part-00000.parquet",
        "effects/part-00001.parquet",
        "effects/part-00002.parquet",
        "manifest.json",
        "summary.json",
    ]


def test_any_parquet_reader_opens_the_parts_as_one_table(tmp_path, manifest, parts):
    folder = tmp_path / "lr=0.1"
    make(folder, manifest, parts)
    table = pds.dataset(folder / "effects").to_table()
    assert table.num_rows == 6
    assert table.column("site").to_pylist() == ["fc1"] * 4 + ["fc2"] * 2
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(folder / "effects")
    assert frame["unit"].tolist() == [0, 1, 2, 3, 0, 1]
    assert [len(examples) for examples in frame["per_example"]] == [5] * 6


def test_parquet_readers_pass_over_what_a_killed_writer_left(tmp_path, manifest, parts):
    make(tmp_path, manifest, parts)
    (tmp_path / "effects" / ".part-00001.parquet.tmp").write_bytes(b"half")
    assert pds.dataset(tmp_path / "effects").to_table().num_rows == 6


def test_two_runs_of_the_same_effects_are_the_same_bytes(tmp_path, manifest, parts):
    make(tmp_path / "a", manifest, parts)
    make(tmp_path / "b", manifest, parts)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_part_is_read_back(tmp_path, manifest, parts, assert_same):
    run = open_run(tmp_path, manifest)
    run.write(2, parts[2])
    assert run.done() == {2}
    assert run.read(2).manifest == manifest
    assert_same(run.read(2), parts[2])


@pytest.mark.parametrize("damage", [None, b"PAR1"])
def test_reading_a_part_that_is_missing_or_damaged_is_refused(tmp_path, manifest, damage):
    run = open_run(tmp_path, manifest)
    if damage is not None:
        part_path(tmp_path, 1).write_bytes(damage)
    with pytest.raises(StoreError, match=r"Part 1 of .* is missing or damaged; .* does\."):
        run.read(1)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_part_that_the_run_does_not_have_is_refused(tmp_path, manifest, parts, index):
    run = open_run(tmp_path, manifest)
    with pytest.raises(StoreError, match=f"has no part {index}; expected one of its 3"):
        run.write(index, parts[0])


def test_a_run_with_missing_parts_cannot_be_finished(tmp_path, manifest, parts):
    run = open_run(tmp_path, manifest)
    run.write(1, parts[1])
    with pytest.raises(StoreError, match=r"lacks 2 of 3 parts, the first part-00000\.parquet"):
        run.finish(SUMMARY)
    assert not summary_path(tmp_path).exists()


def test_a_summary_that_is_no_json_is_refused_and_leaves_the_parts(tmp_path, manifest, parts):
    run = open_run(tmp_path, replace(manifest, chunks=(("fc1", 0, 2),)))
    run.write(0, parts[0])
    with pytest.raises(StoreError, match="cannot hold these values as JSON"):
        run.finish({"seconds": float("nan")})
    assert run.done() == {0}
    assert not summary_path(tmp_path).exists()


# Beginning and going on


def test_parents_are_made(tmp_path, manifest):
    open_run(tmp_path / "a" / "b" / "c", manifest)
    assert manifest_path(tmp_path / "a" / "b" / "c").is_file()


def test_an_empty_folder_is_taken(tmp_path, manifest):
    assert open_run(tmp_path, manifest).done() == frozenset()


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path, manifest):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(StoreError, match=r"is taken: .* no run .*Give another --out folder"):
        open_run(tmp_path, manifest)
    assert content(tmp_path) == {"thesis.tex": b"years"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, manifest):
    (tmp_path / "a").write_text("years")
    with pytest.raises(StoreError, match="or is a file itself"):
        open_run(tmp_path / "a", manifest)


def test_a_file_in_place_of_a_parent_is_a_disk_error(tmp_path, manifest):
    (tmp_path / "a").write_text("years")
    with pytest.raises(StoreError, match=r"The disk refused at '.*b' \(.*give another --out"):
        open_run(tmp_path / "a" / "b", manifest)


@pytest.mark.parametrize("name", SAME_RUN)
def test_another_run_is_refused_with_what_differs(tmp_path, manifest, parts, name):
    make(tmp_path, manifest, parts)
    before = content(tmp_path)
    stored, other = getattr(manifest, name), "another"
    said = f"is '{stored}', now it is 'another'" if name != "plan" else r"is another \(units, .*\)"
    pattern = rf"another run: its {SPELLED.get(name, name)} {said}; .* another --out"
    with pytest.raises(StoreError, match=pattern):
        open_run(tmp_path, replace(manifest, **{name: other}))
    assert content(tmp_path) == before


def test_all_differences_are_named(tmp_path, manifest):
    open_run(tmp_path, manifest)
    with pytest.raises(StoreError, match=r"its plan is .*, its weights is .*; expected the same"):
        open_run(tmp_path, replace(manifest, plan="another", weights="others"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"perturbation": "mean"}, "perturbation is 'zero', now it is 'mean'"),
        ({"allowed": {"budget": "20%", "top": 5}}, "budget is 'all', now it is '20%'"),
        ({"chunks": (("fc1", 0, 2),)}, "number of units is 6, now it is 2"),
        ({"chunks": (("fc2", 0, 6),)}, "sites is 'fc1, fc2', now it is 'fc2'"),
        ({}, "units, perturbation, predictor"),
    ],
)
def test_what_differs_between_two_plans_is_named(tmp_path, manifest, change, said):
    open_run(tmp_path, manifest)
    with pytest.raises(StoreError, match=r"its plan is another \(" + re.escape(said)):
        open_run(tmp_path, replace(manifest, plan="another", **change))


def test_a_run_goes_on_with_the_chunks_it_began_with(tmp_path, manifest):
    """Negative control of the test above: what does not make another run may differ."""
    open_run(tmp_path, manifest)
    now = replace(manifest, chunks=(("fc1", 0, 6),), device="cuda", created="later", seed=9)
    assert open_run(tmp_path, now).manifest == manifest


def test_a_run_whose_manifest_cannot_be_read_is_refused(tmp_path, manifest):
    manifest_path(tmp_path).write_text("{")
    with pytest.raises(StoreError, match="is not JSON"):
        open_run(tmp_path, manifest)


def test_writing_a_part_again_takes_the_summary_away(tmp_path, manifest, parts):
    make(tmp_path, manifest, parts)
    open_run(tmp_path, manifest).write(1, parts[1])
    assert not summary_path(tmp_path).exists()


def test_going_on_with_a_complete_run_changes_nothing(tmp_path, manifest, parts):
    make(tmp_path, manifest, parts)
    before = content(tmp_path)
    assert make(tmp_path, manifest, parts) == []
    assert content(tmp_path) == before


# Interrupted anywhere

FILES = 5  # the manifest, three parts, the summary
STEPS = 3  # content to the disk, rename, name to the disk


@pytest.mark.parametrize("n", range(1, FILES * STEPS + 1))
def test_a_run_killed_at_any_step_is_whole_as_far_as_it_goes_and_goes_on(
    tmp_path, manifest, parts, kill_at, n
):
    make(tmp_path / "undisturbed", manifest, parts)
    folder = tmp_path / "killed"
    revive = kill_at(n)
    with pytest.raises(Killed):
        make(folder, manifest, parts)
    revive()

    renamed = n // STEPS  # files in place when the n-th step did not happen
    whole = range(min(max(renamed - 1, 0), 3))
    if whole:
        run = read_run(folder)
        assert (run.parts, run.parts_expected) == (len(whole), 3)
        assert run.is_complete == (renamed == FILES)
        assert run.effects["unit"] == [unit for index in whole for unit in parts[index]["unit"]]
    else:
        with pytest.raises(StoreError, match=r"No part of the run|No run at"):
            read_run(folder)
    for path in folder.glob("effects/part-*.parquet"):
        assert pq.read_table(path).num_rows == 2

    assert make(folder, manifest, parts) == sorted(set(range(3)) - set(whole))
    assert content(folder) == content(tmp_path / "undisturbed")


def test_a_run_that_is_not_killed_takes_no_further_step(tmp_path, manifest, parts, kill_at):
    """Negative control of the test above: all steps were tried."""
    kill_at(FILES * STEPS + 1)
    make(tmp_path, manifest, parts)


def test_a_killed_process_leaves_what_was_done(tmp_path, manifest, parts, assert_same):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from neurodemon.store.writer import open_run\n"
        "from neurodemon.store.layout import read_manifest\n"
        "folder = Path(sys.argv[1])\n"
        "run = open_run(folder, read_manifest(folder))\n"
        "os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run.write(1, run.read(0))\n"
    )
    open_run(tmp_path, manifest).write(0, parts[0])
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "effects" / ".part-00001.parquet.tmp").is_file()
    run = open_run(tmp_path, manifest)
    assert run.done() == {0}
    assert_same(run.read(0), parts[0])
    assert sorted(content(tmp_path)) == ["effects/part-00000.parquet", "manifest.json"]


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_truncated_part_is_made_again_and_no_other(tmp_path, manifest, parts, length):
    make(tmp_path, manifest, parts)
    before = content(tmp_path)
    path = part_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:length])
    assert open_run(tmp_path, manifest).done() == {0, 2}
    assert make(tmp_path, manifest, parts) == [1]
    assert content(tmp_path) == before


def test_files_of_others_in_a_run_are_left_alone(tmp_path, manifest, parts):
    make(tmp_path, manifest, parts)
    others = [tmp_path / ".mine.tmp", tmp_path / "effects" / "part-00007.parquet.bak"]
    for path in others:
        path.write_text("mine")
    assert open_run(tmp_path, manifest).done() == {0, 1, 2}
    assert [path.read_text() for path in others] == ["mine", "mine"]


def test_a_full_disk_keeps_what_was_done(tmp_path, manifest, parts, monkeypatch):
    run = open_run(tmp_path, manifest)
    run.write(0, parts[0])

    def refuse(*_paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="No space left on device"):
        run.write(1, parts[1])
    assert run.done() == {0}
    assert sorted(content(tmp_path)) == ["effects/part-00000.parquet", "manifest.json"]
