"""The outermost shell: what goes wrong inside a command becomes a message and an exit code.

0 it went well; 1 it failed; 2 it was called in a wrong way (typer says that); 130 it was
interrupted. A user's mistake never shows a traceback unless --traceback asks for it.
"""

import contextlib
import shlex
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

import typer

from neurodemon.errors import NeurodemonError, SiteNotFoundError

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells count
LONGEST_MESSAGE = 300  # of an unexpected error, in letters
OURS = Path(__file__).parents[1]
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
LIBRARIES = {"site-packages", "dist-packages"}


@contextlib.contextmanager
def guarded(
    *, with_traceback: bool, out: Path | None = None, resumes: bool = False
) -> Iterator[None]:
    """Run a command; turn what goes wrong into a message on standard error and an exit code.

    Args:
        with_traceback: whether to show the whole traceback.
        out: the run's folder, if one was given.
        resumes: whether the command writes its run as it goes, and can go on with it.

    Yields:
        Once, to run it.

    Raises:
        Exit: with the exit code.
        BrokenPipeError: who read our output has gone; typer leaves quietly.
    """
    try:
        yield
    except KeyboardInterrupt:
        _say(f"interrupted: {_what_is_kept(out) if resumes else 'nothing was saved.'}")
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  # the outermost shell: STYLE, rule 27
        if with_traceback:
            _say("".join(traceback.format_exception(error)).rstrip())
        _say(f"error: {_explain(error)}")
        raise typer.Exit(FAILED) from None


def _what_is_kept(out: Path | None) -> str:
    """Say what an interrupted run has left, and how to go on."""
    if out is None:
        return "nothing was saved. With --out DIR, what is done is kept and can be gone on with."
    from neurodemon.cli.kept import count_kept, has_rounds, name_kept

    counted = count_kept(out)
    if counted is not None and has_rounds(out):
        return (
            f"what was measured up to the last round is in {out}. The same command with --out "
            f"{shlex.quote(str(out))} goes on from there."
        )
    if counted is None:
        return f"nothing was done yet, so that nothing is in {out}."
    return (
        f"{counted[0]} of {counted[1]} {name_kept(out)} are in {out}. The same command with --out "
        f"{shlex.quote(str(out))} goes on from there."
    )


def _explain(error: Exception) -> str:
    """Put an error into words: ours as it is, others with where they come from."""
    if isinstance(error, SiteNotFoundError):
        return f"{error}\nOn the command line: neurodemon sites SUBJECT"
    if isinstance(error, NeurodemonError):
        return str(error)
    message = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_MESSAGE]
    notes = getattr(error, "__notes__", [])  # what was being done, where we know
    theirs = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)
    ]
    if theirs:
        message = (
            f"{theirs[-1].filename}, line {theirs[-1].lineno}, raised {message}. This is in your "
            "own code; --traceback shows how it was reached."
        )
    elif isinstance(error, OSError):  # a full disk, a closed terminal
        message = f"the system refused: {error}"
    elif not notes:
        message += ". This is a bug: run it again with --traceback and report what that prints."
    return "\n".join([message, *notes])


def _is_theirs(filename: str) -> bool:
    """Whether a file is the user's own: not ours, not Python's, nothing installed."""
    path = Path(filename)
    return (
        path.is_absolute()
        and not path.is_relative_to(OURS)
        and not path.is_relative_to(STANDARD_LIBRARY)
        and not LIBRARIES & set(path.parts)
    )


def _say(text: str) -> None:
    """Write to standard error."""
    print(text, file=sys.stderr)
