"""What a run folder holds so far, without reading its numbers: units, or stages of training."""

from pathlib import Path

from neurodemon.errors import StoreError
from neurodemon.store.layout import part_path, read_manifest
from neurodemon.store.rounds import rounds_folder

QUESTION = "question"  # the verb whose parts are stages


def name_kept(folder: Path) -> str:
    """Name what a run's parts hold: stages of a question, else units."""
    return "stages" if read_manifest(folder).verb == QUESTION else "units"


def has_rounds(folder: Path) -> bool:
    """Whether a run is measured in rounds, as an audit with a budget is."""
    return rounds_folder(folder).is_dir()


def count_kept(folder: Path) -> tuple[int, int] | None:
    """Count the units, or the stages of a question, that a run folder holds.

    Args:
        folder: the run's folder.

    Returns:
        How many units are there, of how many; None where there is no run.
    """
    try:
        chunks = read_manifest(folder).chunks
    except StoreError:
        return None
    sizes = [last - first for _, first, last in chunks]
    is_there = [part_path(folder, index).is_file() for index in range(len(chunks))]
    return sum(size for size, there in zip(sizes, is_there, strict=True) if there), sum(sizes)
