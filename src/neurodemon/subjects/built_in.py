"""The built-in subjects by name."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from neurodemon.errors import SubjectError
from neurodemon.subjects.cache import Note
from neurodemon.subjects.digits import digits
from neurodemon.subjects.mnist import mnist as make_mnist
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import kink, saturated

TOYS: Mapping[str, Callable[[], Subject]] = {"saturated": saturated, "kink": kink}
NAMES = ("digits", "mnist", *TOYS)


def keep_quiet(_message: str) -> None:
    """Take a note and show it to nobody."""


def built_in(
    name: str,
    *,
    mnist: Path | None = None,
    examples: int | None = None,
    seed: int = 0,
    note: Note = keep_quiet,
) -> Subject:
    """Make a built-in subject.

    Args:
        name: one of `NAMES`.
        mnist: the folder of MNIST's files; only for `mnist`.
        examples: how many test images; only for `digits` and `mnist`.
        seed: of the training; the toys have none.
        note: told what takes time or could not be kept.

    Returns:
        The subject.

    Raises:
        SubjectError: there is no such subject, or an option that it does not have.

    Example:
        >>> built_in("kink")
        Subject('kink')
    """
    if name not in NAMES:
        nearest = difflib.get_close_matches(name, NAMES, n=3, cutoff=0)
        raise SubjectError(
            f"Subject {name!r} not found. Nearest built-in: {', '.join(map(repr, nearest))}. A "
            "subject of your own is file.py:factory or package.module:factory."
        )
    if mnist is not None and name != "mnist":
        raise SubjectError(_unused("mnist", str(mnist), name, "'mnist'"))
    if examples is not None and name in TOYS:
        raise SubjectError(_unused("examples", str(examples), name, "'digits' and 'mnist'"))
    if isinstance(seed, bool) or seed < 0:
        raise SubjectError(f"seed is {seed!r}; expected a whole number from 0 on.")
    if name in TOYS:
        return TOYS[name]()
    if name == "mnist":
        return make_mnist(mnist, examples=examples, seed=seed, note=note)
    return digits(examples=examples, seed=seed, note=note)


def _unused(option: str, value: str, name: str, owners: str) -> str:
    """Tell of an option that would be passed over in silence."""
    return (
        f"{option} is {value!r}, but subject {name!r} has no such option; it belongs to "
        f"{owners}. Leave it out."
    )
