"""Names: exact at every module, aliases for one tensor, operations from a closed list."""

from typing import Any

import pytest
import torch
from oracles.comparing import UNCALLED, hookable
from oracles.hooks import clean_values
from oracles.models import ZOO, Case, classes, seeded
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.errors import SiteNotFoundError

# (name, aliases) of every site, written by hand from the model's source.
EXPECTED = {
    "relu mlp": {
        ":in": ["0:in"], "0": ["1:in"], "1": ["2:in"], "2": ["3:in"], "3": ["4:in"],
        "4": [":out"],
    },
    "functional mlp": {
        ":in": ["fc1:in"], "fc1": [], "first": ["first:in", "fc2:in"], "fc2": [],
        "second": ["second:in", "fc3:in"], "fc3": [], "third": ["third:in", "head:in"],
        "head": [":out"],
    },
    "residual cnn": {
        ":in": ["conv1:in"], "conv1": ["bn1:in"], "bn1": ["relu:in"], "relu": ["conv2:in"],
        "conv2": ["bn2:in"], "bn2": [], ":add": [], ":relu": ["pool:in"], "pool": [],
        "fc:in": [], "fc": [":out"],
    },
    "reused": {
        ":in": ["stem:in"], "stem": ["act:in"], "act": ["cell:in"], "cell": ["act:in#2"],
        "act#2": ["cell:in#2"], "cell#2": ["act:in#3"], "act#3": ["head:in"], "head": [":out"],
    },
    "tuple and dict": {
        ":in": ["pair:in", "pair.left:in", "pair.right:in"], "pair.left": [], "pair": [],
        "pair.right": [], "pair[out=1]": [], "keyed:in": ["keyed.mix:in", ":mul"],
        "keyed.mix": [], "keyed": [], "keyed[out=1]": [], "head:in": [":div"],
        "head": [":out"],
    },
    "lstm": {"embed": ["rnn:in"], "rnn": [], ":tanh": ["head:in"], "head": [":out"]},
    "nested output": {
        ":in": ["stem:in"], "stem": [], ":tanh": ["one:in", "two:in", ":out[out=2]"],
        "one": [":out"], "two": [":out[out=1]"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def subjects() -> dict[str, nd.Subject]:
    """A subject of each kind of network."""
    made = {}
    for name in {*EXPECTED, "gru", "position major", "conv3d", "encoder, batch first, dict"}:
        case = ZOO[name]()
        made[name] = nd.Subject(case.model, case.batches, case.cost)
    return made


@pytest.mark.parametrize("name", EXPECTED)
def test_sites_are_named_as_in_the_source(name: str, subjects: dict[str, nd.Subject]) -> None:
    found = {site.name: list(site.aliases) for site in nd.sites(subjects[name])}
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", [*EXPECTED, "gru", "encoder, batch first, dict"])
def test_each_name_of_a_module_holds_what_a_hook_sees_there(
    name: str, subjects: dict[str, nd.Subject]
) -> None:
    subject = subjects[name]
    recording = subject.recording(0)
    batches = list(subject.batches)[:1]
    subject.model.eval()
    for site in nd.sites(subject):
        for one in (name for name in site.names if UNCALLED not in name):
            if ":" in one and one.partition(":")[2].partition("#")[0].partition("[")[0] not in {
                "in",
                "out",
            }:
                continue
            (value,) = clean_values(subject.model, batches, one)
            # export gives values in another memory format: equal up to one rounding
            assert torch.allclose(recording.values[site.node], value, rtol=1e-5, atol=1e-6), one


def test_no_name_stands_for_two_tensors(subjects: dict[str, nd.Subject]) -> None:
    for subject in subjects.values():
        names = [name for site in nd.sites(subject) for name in site.names]
        assert len(names) == len(set(names))
        nodes = [site.node for site in nd.sites(subject)]
        assert len(nodes) == len(set(nodes))


def test_an_alias_selects_the_same_units_once(subjects: dict[str, nd.Subject]) -> None:
    units = nd.units(subjects["relu mlp"], "1, 2:in")
    assert [site.name for site in units.sites] == ["1"]
    assert len(units) == 6


def test_default_units_count_each_hidden_neuron_once_at_its_activation(
    subjects: dict[str, nd.Subject],
) -> None:
    found = {
        name: [site.name for site in nd.units(subject).sites] for name, subject in subjects.items()
    }
    assert found["relu mlp"] == ["1", "3"]
    assert found["functional mlp"] == ["first", "second", "third"]
    assert found["residual cnn"] == ["relu", ":relu"]
    assert found["reused"] == ["act", "act#2", "act#3"]
    assert "head" not in found["tuple and dict"]


def test_a_site_without_an_example_axis_is_refused_with_the_reason(
    subjects: dict[str, nd.Subject],
) -> None:
    table = nd.sites(subjects["position major"])
    assert "place" not in [name for site in table for name in site.names]
    assert "no axis of its own for the examples" in table.refused["place"]
    with pytest.raises(SiteNotFoundError, match="place"):
        nd.units(subjects["position major"], "place")


def test_a_tensor_that_the_cost_does_not_read_is_refused_with_the_reason(
    subjects: dict[str, nd.Subject],
) -> None:
    assert "does not depend on it" in nd.sites(subjects["lstm"]).refused["rnn[out=1]"]


def test_position_major_sites_know_their_axes(subjects: dict[str, nd.Subject]) -> None:
    table = nd.sites(subjects["position major"])
    assert table["embed"].axes == ("position", "example", "unit")
    assert table["embed"].shape == (5, 0, 6)
    assert table[":in"].axes == ("example", "position", "unit")


def test_channels_stand_on_axis_one_and_pass_on_to_norms_and_activations(
    subjects: dict[str, nd.Subject],
) -> None:
    table = nd.sites(subjects["residual cnn"])
    for name in (":in", "conv1", "bn1", "relu", ":add", "pool"):
        assert table[name].axes == ("example", "unit", "position", "position"), name
        assert table[name].unit_kind == "channel"
    assert table["fc"].unit_kind == "neuron"
    assert nd.sites(subjects["conv3d"])["conv2"].axes[1] == "unit"


def test_kinds_say_what_made_the_site(subjects: dict[str, nd.Subject]) -> None:
    table = nd.sites(subjects["residual cnn"])
    kinds = {
        name: table[name].kind for name in (":in", "conv1", "bn1", "relu", "fc", ":add", "pool")
    }
    assert kinds == {
        ":in": "input", "conv1": "conv", "bn1": "norm", "relu": "activation", "fc": "linear",
        ":add": "operation", "pool": "module",
    }  # fmt: skip
    assert nd.sites(subjects["lstm"])["rnn"].kind == "recurrent"


class Block(nn.Module):
    """Operations without modules, inside a module."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu(self.fc(x)) + x
        return functional.relu(h + 1) * 2


class Blocks(nn.Module):
    """A block called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = Block(), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.block(x)))


def test_operations_are_named_by_module_and_call() -> None:
    case = classes(seeded(Blocks), (4,), (5,))
    table = nd.sites(nd.Subject(case.model, case.batches, case.cost))
    names = [site.name for site in table]
    assert names == [
        ":in", "block.fc", "block:relu", "block:add", "block:add#2", "block:relu#2", "block",
        "block.fc#2", "block:relu#3", "block:add#3", "block:add#4", "block:relu#4", "block#2",
        "head",
    ]  # fmt: skip


@pytest.mark.parametrize("capture", ["exported", "hooked"])
def test_what_reads_sizes_alone_is_not_counted(capture: Any) -> None:
    class Waves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            places = torch.arange(x.shape[1], dtype=x.dtype)[:, None]
            waves = (places * torch.tensor([1.0, 0.5, 0.2, 0.1])).cos()
            return self.last((torch.relu(self.first(x) * waves) * x)[:, -1])

    batch = (torch.randn(5, 3, 4), torch.arange(5) % 3)
    subject = nd.Subject(Waves(), [batch], "cross_entropy", capture=capture)
    names = [site.name for site in subject.sites()]
    assert [name for name in names if "mul" in name] == [":mul", ":mul#2"]


def test_a_modules_input_that_others_read_is_the_shared_tensor() -> None:
    """The site is the tensor, with all who read it; a pre-hook would change one branch."""
    case: Case = ZOO["residual mlp"]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    site = nd.sites(subject)["norms.0:in"]
    assert site.name == "stem"
    assert hookable(nd.sites(subject)["norms.1:in"]) == "norms.1:in"
    by_input = nd.measure(subject, "norms.0:in")["measured"]
    assert by_input == nd.measure(subject, "stem")["measured"]
