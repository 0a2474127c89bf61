"""Activation space: the exit of the pointwise operations that only z varies."""

import torch
from oracles.models import ZOO, Case, classes, seeded
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import find_region, move
from neurodemon.jobs.selecting import whole


def recorded(case: Case) -> Recording:
    """The recording of a case's first batch."""
    return nd.Subject(case.model, case.batches, case.cost).recording(0)


def region_of(recording: Recording, name: str) -> tuple[list[str], str]:
    """The operations of a site's region, and the site or operation at its exit."""
    site = next(one for one in recording.graph.sites if name in one.names)
    found = find_region(recording.graph, site.node, recording.values)
    named = {one.node: one.name for one in recording.graph.sites}
    return [node.operation_name for node in found.nodes], named.get(found.exit, found.exit)


def test_the_region_of_a_linear_before_an_activation_ends_behind_it() -> None:
    recording = recorded(ZOO["relu mlp"]())
    assert region_of(recording, "0") == (["relu"], "1")


def test_behind_the_activation_it_is_the_site_itself() -> None:
    recording = recorded(ZOO["relu mlp"]())
    assert region_of(recording, "1") == ([], "1")


def test_gpt2s_gelu_of_many_nodes_is_one_region_though_z_feeds_three_of_them() -> None:
    recording = recorded(ZOO["swiglu"]())
    graph = recording.graph
    site = graph.site_by_name["mid"]
    assert len(graph.users[site.node]) == 3
    operations, exit_name = region_of(recording, "mid")
    assert operations == ["mul", "pow", "mul", "add", "mul", "tanh", "add", "mul"]
    assert exit_name == "head:in"


def test_in_swiglu_gate_and_up_each_reach_their_product() -> None:
    recording = recorded(ZOO["swiglu"]())
    assert region_of(recording, "gate") == (["silu", "mul"], "down:in")
    assert region_of(recording, "up") == (["mul"], "down:in")


def test_a_residual_in_evaluation_mode_passes_batch_norm_and_the_sum() -> None:
    recording = recorded(ZOO["residual cnn"]())
    assert region_of(recording, "conv1")[1] == "relu"
    operations, exit_name = region_of(recording, "conv2")
    assert operations[-2:] == ["add", "relu"]
    assert exit_name == ":relu"


class Softmax(nn.Module):
    """Units mixed at once; two ways out; a product."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).softmax(-1)
        z = self.b(h)
        two = torch.tanh(z) @ self.c.weight + torch.sigmoid(z) @ self.c.weight
        return self.head(self.c(two) * two.sum(-1, keepdim=True))


def test_a_region_never_holds_what_mixes_units() -> None:
    recording = recorded(classes(seeded(Softmax), (4,), (5,)))
    assert region_of(recording, "a") == ([], "a")


def test_a_region_with_two_ways_out_is_none() -> None:
    recording = recorded(classes(seeded(Softmax), (4,), (5,)))
    assert region_of(recording, "b") == ([], "b")


def test_a_product_with_a_factor_that_the_unit_does_not_change_is_inside() -> None:
    recording = recorded(classes(seeded(Softmax), (4,), (5,)))
    assert region_of(recording, "c") == (["mul"], "head:in")


def test_a_region_never_reaches_into_the_cost() -> None:
    class Out(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x)

    model = seeded(Out).eval()
    batches = [(torch.ones(2, 5), torch.zeros(2, 3))]
    recording = nd.Subject(model, batches, "squared_error").recording(0)
    assert region_of(recording, "fc") == ([], "fc")


def test_the_move_is_the_activations_own_bend_for_all_units_at_once() -> None:
    case = ZOO["functional mlp"]().to(torch.float64)
    recording = recorded(case)
    site = recording.graph.site_by_name["fc3"]
    z = recording.values[site.node]
    dz = torch.full_like(z, 0.3)
    moved = move(recording, whole(site), dz[:, None])
    expected = functional.gelu(z + 0.3, approximate="tanh")
    assert torch.allclose(moved.moved[:, 0], expected, atol=1e-14)
    assert torch.allclose(moved.clean[:, 0], functional.gelu(z, approximate="tanh"), atol=1e-14)


def test_dead_units_do_not_move() -> None:
    case = ZOO["relu mlp"]().to(torch.float64)
    recording = recorded(case)
    site = recording.graph.site_by_name["0"]
    z = recording.values[site.node]
    moved = move(recording, whole(site), -0.1 * z.abs()[:, None] - 1e-3)
    dead = (z < 0)[:, None]
    assert bool(dead.any())
    assert bool((moved.moved[dead] == moved.clean[dead]).all())
