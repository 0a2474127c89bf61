"""What all tests share: the same random examples each time, and no fight for the cores.

Nothing here may import neurodemon: the shape checks are laid on as it is imported.
"""

import os

import torch
from hypothesis import settings

settings.register_profile("neurodemon", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("neurodemon")

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core of its own
    torch.set_num_threads(1)
