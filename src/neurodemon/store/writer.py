"""Write a run part by part, so that it can be stopped anywhere and gone on with.

A folder belongs to one plan, one set of weights, one set of batches. Parts that are there
and whole are never written again; which units a part holds was fixed when the run began,
so that going on gives the same bits as never having stopped.
"""

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from neurodemon.errors import StoreError
from neurodemon.store.files import explain_disk_errors, json_bytes, temporary_of, write_whole
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
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest

SAME_RUN = (
    "verb",
    "plan",
    "weights",
    "batches",
    "dtype",
    "cost",
    "judged",
    "engine",
)  # what two runs of a folder share

SPELLED = {"judged": "cost of moved outputs"}
PLAN_DIFFERS = "units, perturbation, predictor, or the sizes of passes"  # if nothing is named


def open_run(folder: Path, manifest: Manifest) -> "RunWriter":
    """Begin a run in a folder, or go on with the one that is there.

    Args:
        folder: an empty one, one that is not there yet (it is made, its parents too), or
            that of the same run.
        manifest: what is about to make the numbers.

    Returns:
        The writer. Its manifest is the stored one: where the run goes on, its chunks hold,
        not those of the manifest given.

    Raises:
        StoreError: the folder holds another run or other files, or cannot be written.

    Example:
        >>> import tempfile
        >>> from neurodemon.terms.manifests import Manifest
        >>> manifest = Manifest(
        ...     verb="measure", subject="digits", perturbation="zero", plan="p", weights="w",
        ...     batches="b", dtype="float32", device="cpu", seed=0, chunks=(("fc1", 0, 2),),
        ...     numbers_per_pass=64, versions={}, created="2026-01-01T00:00:00Z",
        ... )
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     run = open_run(Path(parent) / "a", manifest)
        ...     run.write(0, Effects.of(site=["fc1", "fc1"], unit=[0, 1]))
        ...     sorted(open_run(Path(parent) / "a", manifest).done())
        [0]
    """
    with explain_disk_errors(folder):
        if not manifest_path(folder).is_file():
            _begin(folder, manifest)
        stored = read_manifest(folder)
        if differences := _differences(stored, manifest):
            shared = ", ".join(SPELLED.get(name, name) for name in SAME_RUN)
            raise StoreError(
                f"'{folder}' holds another run: {differences}; expected the same {shared} to go on "
                "with it. Give another --out folder."
            )
        effects_folder(folder).mkdir(exist_ok=True)
    return RunWriter(folder, stored)


@dataclass(frozen=True)
class RunWriter:
    """A run folder that is being written.

    Attributes:
        folder: where.
        manifest: as stored; part i holds the units of `manifest.chunks[i]`.
    """

    folder: Path
    manifest: Manifest

    def done(self) -> frozenset[int]:
        """Tell which parts are there and whole, and remove what was left half written."""
        places = range(len(self.manifest.chunks))
        paths = [part_path(self.folder, index) for index in places]
        with explain_disk_errors(self.folder):
            for path in (manifest_path(self.folder), summary_path(self.folder), *paths):
                temporary_of(path).unlink(missing_ok=True)
            return frozenset(
                index
                for index in places
                if read_part(self.folder, index, self.manifest) is not None
            )

    def read(self, index: int) -> Effects:
        """Read a part that is done.

        Args:
            index: its number.

        Returns:
            Its effects.

        Raises:
            StoreError: it is not there, or damaged.
        """
        part = read_part(self.folder, index, self.manifest)
        if part is None:
            raise StoreError(
                f"Part {index} of the run at '{self.folder}' is missing or damaged; expected one "
                "that is done. Measure it again: the same command with the same --out does."
            )
        return part

    def write(self, index: int, effects: Effects) -> None:
        """Write a part, whole or not at all; the run is not complete until `finish`.

        Args:
            index: its number.
            effects: its rows, and what was kept beside them.

        Raises:
            StoreError: the run has no such part, or the disk refused.
        """
        count = len(self.manifest.chunks)
        if not 0 <= index < count:
            raise StoreError(
                f"The run at '{self.folder}' has no part {index}; expected one of its {count}, "
                "counted from 0. Take the chunks from the writer's manifest."
            )
        content = to_parquet(effects)
        with explain_disk_errors(self.folder):
            summary_path(self.folder).unlink(missing_ok=True)
        write_whole(part_path(self.folder, index), content)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary: the run is complete.

        Args:
            summary: what was concluded, as plain values; notes under `notes`.

        Raises:
            StoreError: a part is missing, the summary is no JSON, or the disk refused.
        """
        path = summary_path(self.folder)
        content = json_bytes(path, summary)
        paths = [part_path(self.folder, index) for index in range(len(self.manifest.chunks))]
        with explain_disk_errors(self.folder):
            missing = [part.name for part in paths if not part.is_file()]
        if missing:
            raise StoreError(
                f"The run at '{self.folder}' lacks {len(missing)} of {len(paths)} parts, the first "
                f"{missing[0]}; expected all before it is finished. Write them first."
            )
        write_whole(path, content)


def _begin(folder: Path, manifest: Manifest) -> None:
    """Make the folder of a new run."""
    if not is_free(folder):
        raise StoreError(
            f"'{folder}' is taken: it holds other files and no run (no manifest.json), or is a "
            "file itself; expected an empty or a new folder, as nothing is overwritten. Give "
            "another --out folder."
        )
    content = json_bytes(manifest_path(folder), manifest.to_dict())
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(manifest_path(folder), content)


def _differences(stored: Manifest, manifest: Manifest) -> str:
    """Spell what keeps two manifests from being of one run; nothing if they are."""
    names = [name for name in SAME_RUN if getattr(stored, name) != getattr(manifest, name)]
    spelled = (
        f"its plan is another ({_parts_of_plan(stored, manifest) or PLAN_DIFFERS})"
        if name == "plan"
        else _change(
            f"its {SPELLED.get(name, name)}", getattr(stored, name), getattr(manifest, name)
        )
        for name in names
    )
    return ", ".join(spelled)


def _parts_of_plan(stored: Manifest, manifest: Manifest) -> str:
    """Spell which parts of two plans differ, of those that a manifest holds."""
    before, now = stored.allowed or {"budget": "all"}, manifest.allowed or {"budget": "all"}
    pairs = {
        "perturbation": (stored.perturbation, manifest.perturbation),
        "number of units": (_count_units(stored), _count_units(manifest)),
        "sites": (_sites(stored), _sites(manifest)),
        **{name: (before[name], now[name]) for name in before if name in now},
    }
    changed = [_change(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]
    return ", ".join(changed)


def _change(name: str, before: object, now: object) -> str:
    """Spell one difference."""
    return f"{name} is {before!r}, now it is {now!r}"


def _count_units(manifest: Manifest) -> int:
    """Count the units of a plan."""
    return sum(last - first for _, first, last in manifest.chunks)


def _sites(manifest: Manifest) -> str:
    """Name the sites of a plan, a few of them."""
    names = dict.fromkeys(site for site, _, _ in manifest.chunks)
    return shorten(", ".join(names), width=80, placeholder=", …")
