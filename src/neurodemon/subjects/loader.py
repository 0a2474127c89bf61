"""Load a subject by its name: a built-in one, or a factory in someone's own file or package.

The user's code runs as it is: it is trusted like a script that one starts. Its folder can be
imported from while it loads; `sys.path` is put back after.
"""

import contextlib
import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from neurodemon.errors import NeurodemonError, SubjectError
from neurodemon.subjects.built_in import NAMES, built_in, keep_quiet
from neurodemon.subjects.cache import Note
from neurodemon.subjects.subject import Subject

FORMS = "a built-in name, file.py:factory or package.module:factory"


def load_subject(
    text: str,
    *,
    mnist: Path | None = None,
    examples: int | None = None,
    seed: int = 0,
    note: Note = keep_quiet,
) -> Subject:
    """Load a subject.

    Args:
        text: the name of a built-in subject (of a toy with its numbers, `saturated:0.6,0.9`),
            `file.py:factory` or `package.module:factory`.
            A factory is called without arguments and returns a `Subject`, or a tuple (model,
            batches, cost); a `Subject` itself will do, too.
        mnist: the folder of MNIST's files; only for the built-in `mnist` and `lost-digit`.
        examples: how many examples; only for these and the built-in `digits` and `minilm`.
        seed: of the training of a built-in subject, or of its sentences.
        note: told what takes time or could not be kept.

    Returns:
        The subject.

    Raises:
        SubjectError: nothing is found under this name, it makes no subject, or its code fails.

    Example:
        >>> load_subject("saturated")
        Subject('saturated')
    """
    place, colon, attribute = text.rpartition(":")
    is_plain = not colon and not text.endswith(".py")
    if is_plain or text.partition(":")[0] in NAMES:
        return built_in(text, mnist=mnist, examples=examples, seed=seed, note=note)
    if mnist is not None or examples is not None:
        raise SubjectError(
            f"mnist and examples are options of built-in subjects ({', '.join(NAMES)}), and "
            f"{text!r} is not one. Leave them out, and let the factory decide."
        )
    if not place or not attribute.isidentifier():
        raise SubjectError(
            f"Subject {text!r} names no factory; expected {FORMS}. Write the factory's name "
            f"behind a colon, as in {'my.py:subject'!r}."
        )
    if place.endswith(".py"):
        return _load_from_file(Path(place).expanduser(), attribute)
    return _load_from_module(place, attribute)


def _load_from_file(path: Path, attribute: str) -> Subject:
    """Run a file as a module of its own, and its factory."""
    if not path.is_file():
        raise SubjectError(
            f"The file {str(path)!r} is not there; expected {FORMS}. Looked from "
            f"{str(Path.cwd())!r}."
        )
    path = path.resolve()
    name = f"_neurodemon_subject_{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}"
    loader = SourceFileLoader(name, str(path))
    spec = ModuleSpec(name, loader, origin=str(path))
    spec.has_location = True  # so that the module knows its __file__
    with _importable(path.parent):
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickling look there
        try:
            _run_theirs(lambda: loader.exec_module(module), str(path))
        except BaseException:
            del sys.modules[name]
            raise
        return _make(module, attribute, str(path))


def _load_from_module(name: str, attribute: str) -> Subject:
    """Import a module, also from the current folder, and run its factory."""
    with _importable(Path.cwd()):
        spec = _find_module(name)
        if spec is None:
            raise SubjectError(
                f"The module {name!r} is not found; expected {FORMS}. Start where it can be "
                "imported, or install it."
            )
        source = spec.origin or name
        return _make(_run_theirs(lambda: importlib.import_module(name), source), attribute, source)


def _find_module(name: str) -> ModuleSpec | None:
    """Find a module, which runs the packages around it; None if it is not there."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        spec: ModuleSpec | None = _run_theirs(lambda: importlib.util.find_spec(name), name)
    except SubjectError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}."):
            return None
        raise
    return spec


def _make(module: ModuleType, attribute: str, source: str) -> Subject:
    """Call the factory and see that it made a subject."""
    factory = getattr(module, attribute, None)
    if isinstance(factory, Subject):
        return factory
    if not callable(factory):
        raise SubjectError(_no_factory(module, attribute, source))
    wanted = _required_parameters(factory)
    if wanted:
        raise SubjectError(
            f"{source}:{attribute} wants arguments ({', '.join(wanted)}); expected a factory "
            "that can be called without. Give them defaults."
        )
    made = _run_theirs(factory, source)
    if isinstance(made, Subject):
        return made
    if isinstance(made, tuple) and len(made) == 3:
        return Subject(*made, name=f"{Path(source).name}:{attribute}")
    found = f"tuple of {len(made)}" if isinstance(made, tuple) else type(made).__name__
    raise SubjectError(
        f"{source}:{attribute} returned a {found}; expected a Subject or a tuple (model, "
        "batches, cost). Return one of them."
    )


def _no_factory(module: ModuleType, attribute: str, source: str) -> str:
    """Say which factories there are instead."""
    callables = [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]
    found = "is not callable" if hasattr(module, attribute) else "is not there"
    nearest = difflib.get_close_matches(attribute, callables, n=len(callables) or 1, cutoff=0)
    return (
        f"{attribute!r} {found} in {source}; expected a factory of a subject. Callables found: "
        f"{', '.join(map(repr, nearest)) or 'none'}."
    )


def _required_parameters(factory: Callable[..., Any]) -> list[str]:
    """List the parameters that a factory cannot be called without."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # some callables written in C do not tell
        return []
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]


def _run_theirs(run: Callable[[], Any], source: str) -> Any:
    """Run the user's code; its failure becomes ours, with file and line."""
    try:
        return run()
    except NeurodemonError:
        raise
    # the user's code may raise anything, and a script may even leave by sys.exit
    except (Exception, SystemExit) as error:
        raise SubjectError(
            f"{_where(error, source)} raised {type(error).__name__}: {error}. Expected code "
            "that runs and makes a subject. Mend it, or run the file by itself to see more."
        ) from error


def _where(error: BaseException, source: str) -> str:
    """Find the last line of the user's own file that an error came through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno},"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename == source] or [
        frame for frame in frames if not frame.filename.startswith(("<", __file__))
    ]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}," if theirs else source


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder for a while."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
