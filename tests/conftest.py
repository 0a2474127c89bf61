"""What all tests share: random examples drawn alike each time, one core each, no one's cache.

Nothing here may import neurodemon: the shape checks are laid on as it is imported.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import settings

settings.register_profile("neurodemon", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("neurodemon")

os.environ["HF_HUB_OFFLINE"] = "1"  # no test downloads: models come from configs and packages

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core of its own
    torch.set_num_threads(1)

# The rooms that have lines which run inside an export: their own tests count these.
WITHIN_AN_EXPORT = ("tests/tracing/", "tests/subjects/")


def _untraced(function: Callable[..., Any], traced_in: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Keep coverage out of torch's own Python, which it would make twice as slow."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if os.environ.get("PYTEST_CURRENT_TEST", "").startswith(traced_in):
            return function(*args, **kwargs)
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(tracer)

    return run


torch.export.export = _untraced(torch.export.export, WITHIN_AN_EXPORT)
program = torch.export.ExportedProgram
program.run_decompositions = _untraced(program.run_decompositions)  # runs none of our lines


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests of the engine run on another device (tests/engine/test_devices.py)."""
    parser.addoption("--device", default="cpu", help="where to run them: cpu, cuda, cuda:1, …")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the lines that a room's own tests reach; laws, the longest tests, run uncounted."""
    for item in items:
        if "laws" in item.path.parts:
            item.add_marker("no_cover")


@pytest.fixture(autouse=True, scope="session")
def _cache_for_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep trained weights away from the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODEMON_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
