"""The built-in subjects by name; a toy takes its numbers behind a colon: `kink:0.5,2`."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neurodemon.errors import SubjectError
from neurodemon.subjects.cache import Note
from neurodemon.subjects.digits import digits
from neurodemon.subjects.lost_digit import lost_digit
from neurodemon.subjects.minilm import minilm
from neurodemon.subjects.mnist import mnist as make_mnist
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import chain, kink, saturated, xor
from neurodemon.terms.text import count


@dataclass(frozen=True)
class Toy:
    """A subject that is made in no time.

    Attributes:
        make: makes it from its numbers.
        counts: how many of them it takes; none is always right.
        form: how they are written.
    """

    make: Callable[..., Subject]
    counts: range = range(0)
    form: str = ""


TOYS: Mapping[str, Toy] = {
    "saturated": Toy(saturated, range(2, 3), "saturated:0.6,0.9 (w,b)"),
    "kink": Toy(kink, range(1, 1001), "kink:0.5,2 (a distance for each example)"),
    "chain": Toy(chain, range(1, 2), "chain:100 (w)"),
    "xor": Toy(xor),
}
NAMES = ("digits", "mnist", "lost-digit", "minilm", *TOYS)
OWNERS = {  # which subjects have an option
    "mnist": ("mnist", "lost-digit"),
    "examples": ("digits", "mnist", "lost-digit", "minilm"),
    "seed": ("digits", "mnist", "minilm"),
}


def keep_quiet(_message: str) -> None:
    """Take a note and show it to nobody."""


def built_in(
    text: str,
    *,
    mnist: Path | None = None,
    examples: int | None = None,
    seed: int = 0,
    note: Note = keep_quiet,
) -> Subject:
    """Make a built-in subject.

    Args:
        text: one of `NAMES`; of a toy its numbers may follow behind a colon.
        mnist: the folder of MNIST's files; only for `mnist` and `lost-digit`.
        examples: how many test images, of `minilm` pairs of sentences; not for toys.
        seed: of the training of `digits` and `mnist`, of the sentences of `minilm`; the others
            have none.
        note: told what takes time or could not be kept.

    Returns:
        The subject.

    Raises:
        SubjectError: there is no such subject, or an option or numbers that it does not have.

    Example:
        >>> built_in("kink"), built_in("saturated:0.6,0.9")
        (Subject('kink'), Subject('saturated:0.6,0.9'))
    """
    name, colon, behind = text.partition(":")
    if name not in NAMES:
        nearest = difflib.get_close_matches(name, NAMES, n=3, cutoff=0)
        raise SubjectError(
            f"Subject {name!r} not found. Nearest built-in: {', '.join(map(repr, nearest))}. A "
            "subject of your own is file.py:factory or package.module:factory."
        )
    for option, value in (("mnist", mnist), ("examples", examples)):
        if value is not None:
            require_option(name, option, str(value))
    if isinstance(seed, bool) or seed < 0:
        raise SubjectError(f"seed is {seed!r}; expected a whole number from 0 on.")
    if name in TOYS:
        return _make_toy(name, text, behind if colon else None)
    if colon:
        raise SubjectError(_without_numbers(text, name))
    makers: dict[str, Callable[[], Subject]] = {
        "digits": lambda: digits(examples=examples, seed=seed, note=note),
        "mnist": lambda: make_mnist(mnist, examples=examples, seed=seed, note=note),
        "lost-digit": lambda: lost_digit(mnist, examples=examples, note=note),
        "minilm": lambda: minilm(examples=examples, seed=seed),
    }
    return makers[name]()


def require_option(name: str, option: str, value: object) -> None:
    """Refuse an option that would be passed over in silence.

    Args:
        name: of the subject, or any other text.
        option: its name.
        value: as given.

    Raises:
        SubjectError: the subject has no such option.
    """
    owners = OWNERS[option]
    if name not in owners:
        listed = " and ".join(filter(None, (", ".join(map(repr, owners[:-1])), repr(owners[-1]))))
        raise SubjectError(
            f"{option} is {value!r}, but subject {name!r} has no such option; it belongs to "
            f"{listed}. Leave it out."
        )


def _make_toy(name: str, text: str, behind: str | None) -> Subject:
    """Make a toy, from the numbers behind the colon if there are any."""
    toy = TOYS[name]
    if behind is None:
        return toy.make()
    if not toy.counts:
        raise SubjectError(_without_numbers(text, name))
    numbers = _read_numbers(behind)
    if numbers is None or len(numbers) not in toy.counts:
        found = "no finite numbers" if numbers is None else count(len(numbers), "number")
        raise SubjectError(
            f"Subject {text!r} has {found} behind its colon; expected {toy.form}, or {name!r} "
            f"alone. A file of your own is {name + '.py:factory'!r}."
        )
    made = toy.make(*numbers)
    made.name = text
    return made


def _read_numbers(text: str) -> tuple[float, ...] | None:
    """Read finite numbers with commas between them; None if these are none."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _without_numbers(text: str, name: str) -> str:
    """Say that nothing stands behind this name."""
    return (
        f"Subject {text!r} has something behind its colon; expected {name!r} alone. A file of "
        f"your own is {name + '.py:factory'!r}."
    )
