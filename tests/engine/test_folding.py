"""Folding: what is tiled instead of computed again is what would be computed again."""

from collections.abc import Callable

import pytest
import torch
from oracles.models import ZOO
from torch import Tensor
from zoo.hugging_face import bert

import neurodemon as nd
from neurodemon.engine import folding
from neurodemon.engine.folding import Pass, find_tiles, fold_values
from neurodemon.engine.recording import Recording
from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node, Ref

COUNTING = ["BERT", "experts", "gathering"]
SHAPES = [Pass(0, 2, 3), Pass(1, 4, 1), Pass.of_pairs([3, 0, 0, 2, 1])]


def recording_of(name: str) -> Recording:
    case = (bert() if name == "BERT" else ZOO[name]()).to(torch.float64)
    return nd.Subject(case.model, case.batches, case.cost).recording(0)


@pytest.mark.parametrize("name", COUNTING)
def test_tiles_are_what_would_be_computed_again(name: str) -> None:
    recording = recording_of(name)
    graph, values = recording.graph, recording.values
    assert all(graph[tile].folding == "recompute" for tile in recording.tiles)
    for shape in SHAPES:
        again = fold_values(graph, values, recording.tiles, shape)
        tiled = recording.fold(recording.tiles, shape)
        for tile in recording.tiles:
            torch.testing.assert_close(tiled[tile], again[tile], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", ["experts", "gathering"])
def test_what_counts_the_examples_is_never_tiled(name: str) -> None:
    recording = recording_of(name)
    graph = recording.graph
    counts = {node.name for node in graph.nodes if node.operation_name in {"arange", "argsort"}}
    assert counts
    assert counts.isdisjoint(recording.tiles)


def test_a_transformer_that_counts_its_tokens_is_tiled_below_them() -> None:
    recording = recording_of("BERT")
    by_rules = {node.name for node in recording.graph.nodes if node.folding == "recompute"}
    products = {
        name for name in by_rules if recording.graph[name].operation_name in {"linear", "gelu"}
    }
    assert products  # which the rules alone would compute again in every pass
    assert products <= recording.tiles


def test_they_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recording_of("experts")
    calls = []
    original = find_tiles

    def watch(*arguments: object) -> frozenset[str]:
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr("neurodemon.engine.recording.find_tiles", watch)
    names = [node.name for node in recording.graph.nodes]
    recording.fold(names, Pass(0, 2, 2))
    recording.fold(names, Pass(0, 2, 3))
    assert len(calls) == 1


def counted(name: str, operation: Callable[..., Tensor], *read: str) -> Node:
    """A node that the rules alone would compute again."""
    return Node(name, operation, tuple(map(Ref, read)), folding="recompute", example_axis=0)


@pytest.fixture
def toy() -> tuple[Graph, dict[str, Tensor]]:
    """A graph in which one value follows its examples, one counts them and one mixes them."""
    nodes = (
        Node("x", None, folding="tile", example_axis=0),
        counted("twice", lambda x: 2 * x, "x"),
        counted("place", lambda x: torch.arange(len(x)).double(), "x"),
        counted("centred", lambda x: x - x.mean(), "x"),
        counted("cost", lambda a, b, c: a + b + c, "twice", "place", "centred"),
    )
    graph = Graph(nodes, ("x",), {}, {}, ("cost",), "cost")
    x = torch.tensor([3.0, -1.0, 2.0, 7.0, 5.0, -4.0], dtype=torch.float64)
    values = evaluate(graph.nodes, {"x": x}, wanted=["x", "twice", "place", "centred", "cost"])
    return graph, values


def test_only_what_follows_its_examples_is_a_tile(toy: tuple[Graph, dict[str, Tensor]]) -> None:
    assert find_tiles(*toy, 6) == {"twice"}


def test_what_is_no_tile_would_be_wrong_as_one(
    toy: tuple[Graph, dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: everything that has an example axis is called a tile."""
    graph, values = toy
    monkeypatch.setattr(folding, "_is_tile", lambda *_: True)
    wrong = find_tiles(graph, values, 6)
    assert wrong == {"twice", "place", "centred", "cost"}
    again = fold_values(graph, values, wrong, SHAPES[0])
    tiled = fold_values(graph, values, wrong, SHAPES[0], wrong)
    assert torch.equal(tiled["twice"], again["twice"])
    assert not torch.equal(tiled["place"], again["place"])
    assert not torch.equal(tiled["centred"], again["centred"])
