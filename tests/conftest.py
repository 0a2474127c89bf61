"""What all tests share: random examples drawn alike each time, one core each, no one's cache.

Nothing here may import neurodemon: the shape checks are laid on as it is imported.
"""

import os
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("neurodemon", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("neurodemon")

os.environ["HF_HUB_OFFLINE"] = "1"  # no test downloads: models come from configs and packages

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core of its own
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _cache_for_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep trained weights away from the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODEMON_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
