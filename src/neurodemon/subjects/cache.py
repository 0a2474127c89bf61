"""Trained weights, kept in the user's cache folder so that they are trained only once.

A file's name carries the recipe, the data and the seed; its content carries a hash of the
weights. What is damaged is trained and written again; what cannot be written costs a note,
never a failure. Files are safetensors: nothing is unpickled.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from neurodemon.subjects.extras import load_safetensors

Note = Callable[[str], None]


@runtime_checkable
class Making(Protocol):
    """What decides a network, its data aside: a recipe."""

    @property
    def fingerprint(self) -> str:
        """A short hash of all settings."""

    @property
    def seed(self) -> int:
        """The seed, for the file's name."""

    def blank(self) -> nn.Sequential:
        """Build a network of the right shape, to read weights into."""


def cached(
    name: str, recipe: Making, data: str, *, train: Callable[[], nn.Sequential], note: Note
) -> nn.Sequential:
    """Take a trained network from the cache, or train it and put it there.

    Args:
        name: of the built-in subject.
        recipe: what the network is made by.
        data: a hash of the data it is made for.
        train: trains it, if it is not there.
        note: told of the training, of damage and of a folder that cannot be written.

    Returns:
        The network in evaluation mode.
    """
    folder = cache_folder()
    path = folder / f"{name}-{recipe.fingerprint}-{data[:12]}-seed{recipe.seed}.safetensors"
    try:
        return _read(path, recipe)
    except FileNotFoundError:
        note(f"Training {name} once; its weights are kept in {folder}.")
    except (OSError, ValueError) as error:
        note(f"The weights in {path} cannot be used ({error}); training {name} again.")
    model = train()
    try:
        _write(path, model.state_dict())
    except OSError as error:
        note(
            f"The weights of {name} could not be kept in {folder} ({error}); they are trained "
            "anew each time. Set NEURODEMON_CACHE to a folder that can be written."
        )
    return model


def cache_folder() -> Path:
    """Say where weights are kept.

    Returns:
        `NEURODEMON_CACHE`, else the system's own place for caches.
    """
    chosen = os.environ.get("NEURODEMON_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):  # the latter is Windows' own
        folder = Path(os.environ.get(variable, ""))
        if folder.is_absolute():
            return folder / "neurodemon"
    return Path(os.path.expanduser("~/.cache")) / "neurodemon"  # noqa: PTH111  # never raises


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hash tensors by name, type, shape and content.

    Args:
        tensors: CPU tensors by name, in any order.

    Returns:
        The hash, in hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}:{tensor.dtype}{tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, recipe: Making) -> nn.Sequential:
    """Read a network back; a file that is not what it should be is a `ValueError`."""
    safetensors = load_safetensors()
    model = recipe.blank()
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            expected = (file.metadata() or {}).get("hash")
    except safetensors.SafetensorError as error:
        raise ValueError(f"no safetensors file: {error}") from error
    if hash_tensors(state) != expected:
        raise ValueError("its content is not what was written")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"other weights than expected: {error}") from error
    return model.eval()


def _write(path: Path, state: dict[str, Tensor]) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    content = load_safetensors().torch.save(state, {"hash": hash_tensors(state)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        beside = Path(folder) / path.name
        beside.write_bytes(content)
        beside.replace(path)
