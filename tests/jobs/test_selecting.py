"""Selecting: default units stand at their activation, once each, outputs left out."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodemon.errors import SelectionError
from neurodemon.jobs.selecting import hidden_sites, sites, units, weighted_inputs
from neurodemon.subjects.subject import Subject
from neurodemon.terms.units import Unit, UnitSet


def subject_of(model: nn.Module, *shape: int) -> Subject:
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    return Subject(model, [(inputs, None)], lambda output, _: output.square().flatten(1).sum(1))


def default_units(model: nn.Module, *shape: int) -> dict[str, int]:
    return {block.site.name: len(block) for block in units(subject_of(model, *shape)).blocks}


class Tail(nn.Module):
    """A functional activation, a residual sum and an activation at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.first(x))
        hidden = functional.gelu(hidden + self.second(hidden))
        return torch.sigmoid(self.head(hidden)).squeeze(-1)


class Gated(nn.Module):
    """SwiGLU: the hidden unit is the product that the output projection reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(6, 8)
        self.up = nn.Linear(6, 8)
        self.down = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Skipping(nn.Module):
    """The neuron is the activation, not the residual stream it is added to."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(6, 8)
        self.fc = nn.Linear(8, 8)
        self.act = nn.GELU()
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.start(x)
        return self.head(hidden + self.act(self.fc(hidden)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


CASES = {
    "activations": (
        nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)),
        (6,),
        {"1": 4, "3": 5},
    ),
    "dropout changes nothing": (
        nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)),
        (6,),
        {"1": 4},
    ),
    "no activation between": (nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2)), (6,), {"0": 4}),
    "channels": (
        nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)
        ),
        (1, 6, 6),
        {"2": 3},
    ),
    "functional": (Tail(), (6,), {":relu": 6, ":gelu": 6}),
    "gated": (Gated(), (6,), {"down:in": 8}),
    "a skip connection after the activation": (Skipping(), (6,), {"act": 8}),
    "recurrent": (Recurrent(), (7, 6), {"lstm": 5}),
    "nothing hidden": (nn.Sequential(nn.Linear(6, 2), nn.Sigmoid()), (6,), {"0": 2}),
    "nothing but an output": (nn.Softmax(1), (6,), {":out": 6}),
}


@pytest.mark.parametrize("name", CASES)
def test_default_units_are_each_hidden_unit_once(name: str) -> None:
    model, shape, expected = CASES[name]
    assert default_units(model, *shape) == expected


def test_units_pass_through_and_add() -> None:
    subject = subject_of(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), 6)
    some = units(subject, "1[2]")
    (one,) = some
    assert units(subject, some) == some
    assert units(subject, one) == some
    assert len(units(subject, some + units(subject, "1"))) == 4


def test_units_of_another_subject_are_refused() -> None:
    one = subject_of(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), 6)
    other = subject_of(nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 2)), 6)
    with pytest.raises(SelectionError, match="not the one of Subject"):
        units(one, units(other, "1"))


def test_an_empty_set_is_refused() -> None:
    subject = subject_of(nn.Sequential(nn.Linear(6, 2)), 6)
    with pytest.raises(SelectionError, match="holds no unit"):
        units(subject, UnitSet(()))


def test_site_table_prints_names_shapes_and_refusals() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Linear(6, 4)
            self.places = nn.Embedding(9, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.words(x) + self.places(torch.arange(x.shape[1]))

    table = sites(subject_of(Positions(), 5, 6))
    assert "N×5×4" in str(table)
    assert "no site: places (it has no axis of its own for the examples)" in repr(table)
    assert table["words"].axes == ("example", "position", "unit")
    assert len(table) == len(list(table)) == len(table.rows())
    with pytest.raises(KeyError, match="No site is named 'nowhere'"):
        table["nowhere"]


def test_a_unit_spells_a_selection_that_finds_it() -> None:
    subject = subject_of(nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Conv1d(3, 1, 3)), 2, 8)
    for text in ("1[2]", "1[2]@4", "1/position[3]"):
        (unit,) = units(subject, text)
        assert isinstance(unit, Unit)
        assert str(unit) == text


def weighted(model: nn.Module, *shape: int) -> list[str]:
    return [site.name for site in weighted_inputs(subject_of(model, *shape).recording(0))]


def test_weighted_inputs_are_the_linear_and_conv_layers_before_the_activations():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 2))
    assert weighted(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), *flat), 1, 4, 4) == ["0", "3"]


class Rolled(nn.Module):
    """An LSTM, read at its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x)[0][:, -1])


def test_without_a_linear_before_it_the_hidden_site_itself_is_a_weighted_input():
    recording = subject_of(Rolled(), 4, 3).recording(0)
    assert weighted_inputs(recording) == hidden_sites(recording)
