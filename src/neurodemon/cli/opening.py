"""Open what a command is asked to work on, and refuse early what would fail late."""

from pathlib import Path

from neurodemon.errors import PerturbationError, StoreError, SubjectError
from neurodemon.store.layout import is_free
from neurodemon.subjects.built_in import require_option
from neurodemon.subjects.cache import Note
from neurodemon.subjects.capturing import read_how
from neurodemon.subjects.dtypes import read_dtype
from neurodemon.subjects.loader import load_subject
from neurodemon.subjects.subject import Subject


def open_subject(
    text: str,
    mnist: Path | None,
    examples: int | None,
    seed: int | None,
    note: Note,
    *,
    dtype: str | None = None,
    capture: str | None = None,
) -> Subject:
    """Load a subject with the options that were given for it.

    Args:
        text: what stands for SUBJECT.
        mnist: the folder of MNIST's files, if given.
        examples: how many test images, if given.
        seed: of the training, if given.
        note: told what takes time.
        dtype: the precision to bring it to, if given.
        capture: the way it is captured, if given.

    Returns:
        The subject; an option that does not apply to it is refused with a `SubjectError`.
    """
    precision = None if dtype is None else read_dtype(dtype)
    how = None if capture is None else read_how(capture)
    if seed is not None:
        require_option(text, "seed", seed)
    subject = load_subject(text, mnist=mnist, examples=examples, seed=seed or 0, note=note)
    subject.how = how or subject.how
    return subject if precision is None else subject.in_dtype(precision)


def read_numbers(option: str, text: str | None) -> tuple[float, ...]:
    """Read the numbers of an option, separated by commas.

    Args:
        option: its name, for the message.
        text: what was given, if anything.

    Returns:
        The numbers.

    Raises:
        PerturbationError: one of them is no number.

    Example:
        >>> read_numbers("--at", "-1,-4")
        (-1.0, -4.0)
    """
    try:
        return tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError as error:
        raise PerturbationError(
            f"{option} is {text!r}; expected numbers separated by commas, such as {option}=-1,-4."
        ) from error


def read_steps(text: str | None) -> list[int] | None:
    """Read numbers of steps, separated by commas.

    Args:
        text: what was given, if anything.

    Returns:
        The numbers; None if nothing was given.

    Raises:
        SubjectError: one of them is no whole number.

    Example:
        >>> read_steps("0,100, 1260")
        [0, 100, 1260]
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise SubjectError(
            f"--steps is {text!r}; expected whole numbers separated by commas, such as "
            "--steps 0,100,1000."
        ) from error


def require_free(out: Path | None) -> None:
    """Refuse a folder that a new run cannot have, before any work is done."""
    if out is not None and not is_free(out):
        raise StoreError(
            f"'{out}' is taken: it is not empty, or is a file; expected an empty or a new "
            "folder, as nothing is overwritten. Give another --out folder."
        )
