"""The way from a result to its figure: `effects.plot()` is `nd.plot(effects)`."""

import importlib
from os import PathLike
from typing import Any


def plot(result: object, path: str | PathLike[str] | None) -> Any:
    """Hand a result to the job that draws it."""
    # By name and only when called: results are read in places where nothing can be drawn, and
    # this room must not depend on those above it. What would need them is the call, not the file.
    return importlib.import_module("neurodemon.jobs.plotting").plot(result, path)
