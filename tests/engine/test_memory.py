"""Too little memory is told in words; every other error passes as it is."""

import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.memory import memory_told
from neurodemon.errors import DeviceMemoryError

FAR_TOO_MUCH = 1 << 50  # bytes, which no machine has


def test_what_an_allocator_refuses_is_told_with_what_it_was_for() -> None:
    message = r"while measuring fc1 .*batches of fewer examples"
    with pytest.raises(DeviceMemoryError, match=message), memory_told("measuring fc1"):
        torch.empty(FAR_TOO_MUCH)


def test_an_accelerators_own_error_is_told_too_and_others_pass() -> None:
    with pytest.raises(DeviceMemoryError, match="CUDA out of memory"), memory_told("recording"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    with pytest.raises(RuntimeError, match="another"), memory_told("recording"):
        raise RuntimeError("another")


class Greedy(nn.Linear):
    """Wants more memory than there is."""

    def forward(self, x: Tensor) -> Tensor:
        """Project, beside a tensor of a petabyte."""
        return super().forward(x) + torch.empty(FAR_TOO_MUCH // 4)[0]


def test_a_model_that_does_not_fit_is_no_model_that_fails() -> None:
    subject = nd.Subject(Greedy(3, 2), [(torch.ones(4, 3), torch.zeros(4, 2))], "squared_error")
    with pytest.raises(DeviceMemoryError, match="while running Greedy on 4 examples"):
        nd.sites(subject)
