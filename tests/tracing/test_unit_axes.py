"""Unit axes: channels stay on their axis through what images and sequences go through."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodemon.jobs.selecting import sites
from neurodemon.subjects.subject import Subject


class Images(nn.Module):
    """What convolutional networks do between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular")
        self.place = nn.Parameter(torch.zeros(1, 4, 7, 7))
        self.shuffle = nn.PixelShuffle(2)
        self.last = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.conv(x).chunk(2, 1)
        gated = torch.tanh(first) * torch.sigmoid(second)
        hidden = torch.relu(self.place + gated)  # the table first: it must have no say
        hidden = hidden.permute(0, 2, 3, 1).permute(0, 3, 1, 2)
        hidden = torch.relu(1 - hidden)
        large = functional.interpolate(self.shuffle(hidden), scale_factor=2)
        return self.last(large).flatten(1)


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 6)
        self.conv = nn.Conv1d(6, 5, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.relu(self.conv(self.embedding(tokens).transpose(1, 2))).amax(2)


class Frozen(nn.Module):
    """A batch size that is frozen, and as many positions as examples."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.fc(x.transpose(0, 1)) * len(x)).sum(0)


class Heads(nn.Module):
    """Attention whose queries, keys and values come apart along an axis of their own."""

    def __init__(self, *, is_unbound: bool) -> None:
        super().__init__()
        self.mix, self.is_unbound = nn.Linear(4, 12), is_unbound

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        parts = self.mix(x).view(batch, tokens, 3, 2, 2).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0) if self.is_unbound else parts
        mixed = (query @ key.transpose(-1, -2)).softmax(-1) @ value
        return mixed.transpose(1, 2).reshape(batch, tokens, width)[:, -1]


def axes_of(model: nn.Module, inputs: Tensor) -> dict[str, tuple[str, ...]]:
    found = sites(Subject(model, [(inputs, None)], lambda output, _: output.square().sum(1)))
    return {site.name: site.axes for site in found}


IMAGE = ("example", "unit", "position", "position")


@pytest.mark.parametrize(
    "name", [":in", "conv", ":tanh", ":mul", ":add", ":relu", ":relu#2", "shuffle", "last:in"]
)
def test_channels_of_images_stay_on_axis_one(name: str) -> None:
    assert axes_of(Images(), torch.randn(4, 1, 7, 7))[name] == IMAGE


def test_units_follow_a_transposition() -> None:
    found = axes_of(Text(), torch.randint(0, 9, (4, 7)))
    assert found["embedding"] == ("example", "position", "unit")
    assert found["conv:in"] == ("example", "unit", "position")
    assert found[":relu"] == ("example", "unit", "position")


def test_a_frozen_batch_is_told_from_as_many_positions() -> None:
    found = axes_of(Frozen(), torch.randn(4, 4, 3))
    assert found[":in"] == ("example", "position", "unit")
    assert found["fc"] == ("position", "example", "unit")


@pytest.mark.parametrize("is_unbound", [True, False])
def test_units_stay_last_where_an_axis_is_taken_apart(*, is_unbound: bool) -> None:
    found = axes_of(Heads(is_unbound=is_unbound), torch.randn(3, 5, 4))
    assert found["mix"] == ("example", "position", "unit")
    assert found[":softmax"][-1] == "unit"
