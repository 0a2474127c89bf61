"""What a run rests on: costs that agree on the model's own outputs are told apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd


def floored(floor: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The log of the chance of each class, from a floor on: the same where no chance is small."""
    return lambda out, y: -out.softmax(1).gather(1, y[:, None])[:, 0].clamp(min=floor).log()


def words(**options: Any) -> nd.Subject:
    """A classifier of padded words."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Embedding(9, 6), nn.Linear(6, 5), nn.ReLU(), MeanOfTokens(), nn.Linear(5, 3)
    )
    ids = torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]])
    cost = options.pop("cost", floored(1e-3))
    return nd.Subject(model, [(ids, torch.arange(3))], cost, **options)


class MeanOfTokens(nn.Module):
    """The mean over the tokens."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"cost": floored(1e-9)}, "its cost of moved outputs is"),
        ({"mask": lambda ids: ids != 0}, "its batches is"),
        ({"capture": "hooked"}, "its engine is 'exported', now it is 'hooked'"),
    ],
)
def test_what_agrees_on_the_clean_pass_alone_is_another_run(
    options: dict[str, Any], what: str, tmp_path: Path
) -> None:
    nd.measure(words(), "1", nd.Add(1.0), out=tmp_path)
    nd.measure(words(), "1", nd.Add(1.0), out=tmp_path)  # the control: the same run
    with pytest.raises(nd.NeurodemonError, match=what):
        nd.measure(words(**options), "1", nd.Add(1.0), out=tmp_path)


def refusing(out: Tensor, _target: Tensor) -> Tensor:
    """A cost that takes no output but small ones."""
    if out.abs().max() > 10:
        raise ValueError("too large")
    return out.abs().sum(1)


def test_a_cost_that_refuses_moved_outputs_is_measured_all_the_same(tmp_path: Path) -> None:
    found = nd.measure(words(cost=refusing), "1[0]", nd.Add(0.1), out=tmp_path)
    assert found.manifest is not None
    assert (found.manifest.judged, found.manifest.engine) == ("refused", "exported")
