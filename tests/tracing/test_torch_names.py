"""Names of torch's functions: one that stands for an elementwise operation must be elementwise."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurodemon.engine.operations import POINTWISE
from neurodemon.tracing.torch_names import torch_name

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 2 + 0.25
DRAWING = {"dropout", "alpha_dropout", "feature_dropout"}


def is_elementwise(function: Callable[..., Any]) -> bool | None:
    """Whether a change of one element changes no other; None if it takes more than a tensor."""
    try:
        before = function(X.clone())
        changed = X.clone()
        changed[1, 2] += 0.1
        after = function(changed)
    except Exception:  # noqa: BLE001  # torch raises of many kinds where arguments are missing
        return None
    if not isinstance(before, Tensor) or before.shape != X.shape or before.dtype == torch.bool:
        return None
    off = (before != after) & ~(before.isnan() & after.isnan())
    off[1, 2] = False
    return not bool(off.any())


FUNCTIONS = {
    f"{place}.{name}": getattr(owner, name)
    for place, owner in (("torch", torch), ("functional", functional), ("Tensor", Tensor))
    for name in sorted(dir(owner))
    if callable(getattr(owner, name)) and torch_name(getattr(owner, name)) in POINTWISE - DRAWING
}


@pytest.mark.filterwarnings("ignore")  # some of them are deprecated
def test_what_is_named_as_an_elementwise_operation_is_one() -> None:
    found = {name: is_elementwise(function) for name, function in FUNCTIONS.items()}
    assert [name for name, holds in found.items() if holds is False] == []
    assert sum(holds is True for holds in found.values()) > 60


CONTROLS: dict[Callable[..., Any], Callable[[Tensor], Tensor]] = {
    functional.normalize: lambda x: functional.normalize(x, dim=1),
    torch.cumsum: lambda x: torch.cumsum(x, 1),
    Tensor.flip: lambda x: x.flip(1),
}


@pytest.mark.parametrize("function", CONTROLS)
def test_what_reads_other_elements_is_seen_to(function: Callable[..., Any]) -> None:
    assert is_elementwise(CONTROLS[function]) is False
    assert torch_name(function) not in POINTWISE
