"""Checkpoints: weights that someone kept while training, as safetensors files.

Each is loaded into a copy of the model, tensor for tensor: what is missing, left over or of
another shape is refused. Nothing is unpickled.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from neurodemon.errors import StoreError, SubjectError
from neurodemon.subjects.cache import hash_tensors
from neurodemon.subjects.extras import load_safetensors
from neurodemon.subjects.stages import Progress
from neurodemon.subjects.training import Images

ENDING = ".safetensors"
NAMES_SHOWN = 4  # of tensors, in a message
Folder = str | PathLike[str]


@dataclass(frozen=True, eq=False)
class Checkpoints:
    """The weights of one model along its training.

    Attributes:
        model: what they are loaded into copies of.
        paths: the file of each step, steps ascending.
    """

    model: nn.Module
    paths: dict[int, Path]

    def fingerprint(self) -> str:
        """A hash of all weights."""
        return "|".join(hash_tensors(_read(path)) for path in self.paths.values())

    def trained_on(self) -> Images | None:
        """Not known."""
        return None

    def steps(self, wanted: Sequence[int] | None) -> tuple[int, ...]:
        """Settle which steps are looked at.

        Args:
            wanted: some of those that there are, in any order; None for all.

        Returns:
            The steps in ascending order, each once.

        Raises:
            SubjectError: there is no checkpoint of such a step.
        """
        known = list(self.paths)
        if wanted is None:
            return tuple(known)
        if not wanted or not set(wanted) <= set(known):
            raise SubjectError(
                f"steps are {list(wanted)}; expected some of those that there are checkpoints "
                f"of: {known}. Leave steps out for all."
            )
        return tuple(sorted(set(wanted)))

    def models(self, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, nn.Module]]:
        """Load the checkpoints of some steps, one after the other.

        Args:
            steps: as `steps` settled them.
            progress: called as files are read.

        Yields:
            Each step, and a copy of the model with its weights.
        """
        for place, step in enumerate(steps):
            progress("load", place, len(steps))
            yield step, load_weights(self.model, self.paths[step])
        progress("load", len(steps), len(steps))


def find_checkpoints(model: nn.Module, where: Folder | Iterable[Folder]) -> Checkpoints:
    """Find checkpoints, and the step of training that each is of.

    Args:
        model: what they are weights of.
        where: a folder of safetensors files (or of folders with one each, as some trainers
            keep them), or the files themselves.

    Returns:
        The checkpoints. A file's step is the last number in its name, else in its folder's
        name; where some have none, or the same, all are counted from 0 in natural order.

    Raises:
        StoreError: there is no such file.
    """
    if isinstance(where, (str, PathLike)):
        folder = Path(where)
        found = sorted(folder.glob(f"*{ENDING}")) or sorted(folder.glob(f"*/*{ENDING}"))
    else:
        found = [Path(path) for path in where]
    missing = [str(path) for path in found if not path.is_file()]
    if missing or not found:
        what = f"{missing[0]!r} is not there" if missing else f"{str(where)!r} holds no checkpoint"
        raise StoreError(
            f"{what}; expected a folder of *{ENDING} files, or a list of such files. Save "
            "weights on the way with safetensors.torch.save_file(model.state_dict(), path)."
        )
    for names in (
        [path.name.removesuffix(ENDING) for path in found],
        [p.parent.name for p in found],
    ):
        numbers = [int(n[-1]) for name in names if (n := re.findall(r"\d+", name))]
        if len(set(numbers)) == len(found):
            return Checkpoints(model, dict(sorted(zip(numbers, found, strict=True))))
    return Checkpoints(model, dict(enumerate(sorted(found, key=_natural))))


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Load a safetensors file into a copy of a model.

    Args:
        model: stays as it is.
        path: the file.

    Returns:
        The copy, of the model's own dtype and device.

    Raises:
        SubjectError: the file has other tensors than the model, or a number that is not finite.
    """
    kept = _read(path)
    copied = copy.deepcopy(model)
    own = copied.state_dict()
    # A tensor that two modules share may be kept under one of its names.
    there = {own[name].data_ptr() for name in kept if name in own}
    missing = [n for n, value in own.items() if n not in kept and value.data_ptr() not in there]
    extra = [name for name in kept if name not in own]
    shapes = {n: (tuple(kept[n].shape), tuple(own[n].shape)) for n in kept if n in own}
    misshapen = [f"{n} {was} for {is_}" for n, (was, is_) in shapes.items() if was != is_]
    for what, names in (("lacks", missing), ("has", extra), ("has other shapes:", misshapen)):
        if names:
            raise SubjectError(
                f"{str(path)!r} {what} {', '.join(names[:NAMES_SHOWN])} ({len(names)} in all); "
                f"expected the {len(own)} tensors of the model's state_dict(). Give checkpoints "
                "of this very model."
            )
    bad = [name for name, value in kept.items() if not bool(torch.isfinite(value).all())]
    if bad:
        raise SubjectError(
            f"{str(path)!r} holds NaN or inf in {', '.join(bad[:NAMES_SHOWN])}; expected finite "
            "weights. Leave its step out: steps=[...]."
        )
    copied.load_state_dict(kept, strict=False)
    return copied


def _read(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; anything else is refused."""
    safetensors = load_safetensors()
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise StoreError(
            f"{str(path)!r} is no safetensors file ({error}); expected one, as nothing is "
            "unpickled. Convert it: safetensors.torch.save_file(model.state_dict(), path)."
        ) from error
    return tensors


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Order names as people do: 9 before 10."""
    parts = re.split(r"(\d+)", str(path))
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
