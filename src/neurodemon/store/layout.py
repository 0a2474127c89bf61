"""What lies where in a run folder, and how its manifest and its parts are read.

manifest.json               what made the run; written first
effects/part-00000.parquet  one per chunk of work, in the manifest's order
summary.json                what was concluded; written last: the run is complete
"""

from dataclasses import fields, replace
from pathlib import Path

from neurodemon.errors import StoreError
from neurodemon.store.files import read_json, read_whole, temporary_of
from neurodemon.store.parts import from_parquet
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import FORMAT, Manifest


def manifest_path(folder: Path) -> Path:
    """Name the file that says what made the run."""
    return folder / "manifest.json"


def summary_path(folder: Path) -> Path:
    """Name the file whose presence says that the run is complete."""
    return folder / "summary.json"


def effects_folder(folder: Path) -> Path:
    """Name the folder of the parts."""
    return folder / "effects"


def part_path(folder: Path, index: int) -> Path:
    """Name the file of one part."""
    return effects_folder(folder) / f"part-{index:05d}.parquet"


def is_free(folder: Path) -> bool:
    """Whether a run may begin here: nothing is there, or a writer was stopped at once."""
    if not folder.is_dir():
        return not folder.exists()
    ours = temporary_of(manifest_path(folder))
    return all(path == ours for path in folder.iterdir())


def read_manifest(folder: Path) -> Manifest:
    """Read what made a run.

    Args:
        folder: the run's folder.

    Returns:
        The manifest, its chunks as they were fixed when the run began.

    Raises:
        StoreError: there is no run, or none that this version can read.
    """
    path = manifest_path(folder)
    if not folder.is_dir():
        raise StoreError(
            f"No run at '{folder}': there is no such folder; expected one made by --out or "
            "nd.save. Check the path."
        )
    if not path.is_file():
        raise StoreError(
            f"No run at '{folder}': there is no manifest.json in it; expected a folder made by "
            "--out or nd.save. Give the folder that holds manifest.json."
        )
    values = read_json(path)
    found = values.get("format", FORMAT)
    if not isinstance(found, int) or found > FORMAT:
        raise StoreError(
            f"'{path}' has format {found!r}; this neurodemon reads formats up to {FORMAT}. Read "
            "the run with the version that made it, or a newer one: pip install -U neurodemon"
        )
    names = [field.name for field in fields(Manifest)]
    if missing := [name for name in names if name not in values]:
        raise StoreError(
            f"'{path}' lacks {', '.join(missing)}; expected all of {', '.join(names)}. It was "
            "edited, or is not neurodemon's: put the right one back, or make the run again."
        )
    try:
        # Fields that a later version of the same format adds are passed over.
        return Manifest.from_dict({name: values[name] for name in names})
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"'{path}' has a field of the wrong kind ({error}); expected a manifest that "
            "neurodemon wrote. Put the right one back, or make the run again elsewhere."
        ) from error


def read_part(folder: Path, index: int, manifest: Manifest) -> Effects | None:
    """Read one part.

    Args:
        folder: the run's folder.
        index: the part's number.
        manifest: the run's, to go with the effects.

    Returns:
        Its effects; None where it is not there, or not whole.
    """
    path = part_path(folder, index)
    effects = from_parquet(read_whole(path)) if path.is_file() else None
    return None if effects is None else replace(effects, manifest=manifest)
