"""Folding: what may be tiled, what must be computed again. Oracle: the model on R copies."""

import dataclasses

import pytest
import torch
from oracles.models import ZOO, Case

import neurodemon as nd
from neurodemon.engine.folding import Pass, fold_values
from neurodemon.engine.recording import record
from neurodemon.graph.node import Node
from neurodemon.tracing.axes import Forms, fold, freeze
from neurodemon.tracing.capture import Capture, bind, capture
from neurodemon.tracing.leaves import take_examples
from neurodemon.tracing.model_state import call_model, studied

ROWS = 3
NAMES = [
    "gathering",
    "experts",
    "position major",
    "lstm",
    "residual cnn",
    "encoder, time first, tuple",
]


def captured(case: Case) -> Capture:
    """Capture a case on its first batch."""
    with studied(case.model, evaluate=True):
        return capture(case.model, case.batches[0], call=call_model, cost=case.cost)


def folded_and_true(case: Case, made: Capture) -> list[tuple[Node, object, object]]:
    """Each node's folded value, and its value on a batch that really holds all the copies."""
    batch = case.batches[0]
    count = batch[1].shape[0]
    recording = record(made.graph, bind(made.graph, case.model, batch))
    copies = take_examples(batch, torch.arange(count).repeat(ROWS))
    true = record(made.graph, bind(made.graph, case.model, copies)).values
    folded = fold_values(
        recording.graph, recording.values, list(recording.values), Pass(0, count, ROWS)
    )
    return [(made.graph[name], value, true[name]) for name, value in folded.items()]


def wrong_nodes(found: list[tuple[Node, object, object]]) -> list[str]:
    """The nodes whose folded value is not the true one."""

    def is_wrong(ours: object, theirs: object) -> bool:
        if not isinstance(ours, torch.Tensor) or not isinstance(theirs, torch.Tensor):
            return isinstance(ours, int) and ours != theirs
        if ours.shape != theirs.shape:
            return True
        return not torch.allclose(ours.double(), theirs.double(), atol=1e-5, equal_nan=True)

    return [node.name for node, ours, theirs in found if is_wrong(ours, theirs)]


@pytest.mark.parametrize("name", NAMES)
def test_folded_values_are_those_of_a_batch_of_all_copies(name: str) -> None:
    case = ZOO[name]()
    assert wrong_nodes(folded_and_true(case, captured(case))) == []


@pytest.mark.parametrize("name", ["gathering", "experts"])
def test_tiling_everything_of_the_size_of_the_batch_gives_wrong_values(name: str) -> None:
    """Negative control: index arithmetic cannot be tiled row by row."""
    case = ZOO[name]()
    made = captured(case)
    recording = record(made.graph, bind(made.graph, case.model, case.batches[0]))
    nodes = []
    for node in made.graph.nodes:
        value = recording.values.get(node.name)
        sizes = list(value.shape) if isinstance(value, torch.Tensor) else []
        axis = next((axis for axis, size in enumerate(sizes) if size % 5 == 0), None)
        is_mixed = node.folding == "recompute" and axis is not None
        nodes.append(
            dataclasses.replace(node, folding="tile", example_axis=axis) if is_mixed else node
        )
    graph = dataclasses.replace(made.graph, nodes=tuple(nodes))
    wrong = wrong_nodes(folded_and_true(case, dataclasses.replace(made, graph=graph)))
    assert wrong


def test_tiling_everything_makes_measured_effects_wrong() -> None:
    """Negative control, in effects: an argument of a gather is tiled, not recomputed."""
    case = ZOO["gathering"]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    right = nd.measure(subject, "mix").array("measured")
    broken = nd.Subject(case.model, case.batches, case.cost)
    made = broken.capture(0)
    count = case.batches[0][1].shape[0]
    recording = broken.recording(0)
    nodes = tuple(
        dataclasses.replace(node, folding="tile", example_axis=0)
        if node.operation_name == "arange" and len(recording.values[node.name]) == count
        else node
        for node in made.graph.nodes
    )
    assert any(old is not new for old, new in zip(made.graph.nodes, nodes, strict=True))
    graph = dataclasses.replace(made.graph, nodes=nodes)
    broken._kept.recordings[0] = dataclasses.replace(recording, graph=graph)
    try:
        wrong = nd.measure(broken, "mix").array("measured")
    except nd.NeurodemonError:
        return  # the clean row gave it away
    assert abs(wrong - right).max() > 1e-3 * abs(right).max()


def test_the_example_axis_is_the_one_that_changes_with_the_batch() -> None:
    forms = Forms(
        {"a": (3, 4), "b": (5, 3, 4), "c": (12,), "d": (3, 3), "n": 3, "k": 7, "t": None},
        {"a": (5, 4), "b": (5, 5, 4), "c": (20,), "d": (5, 5), "n": 5, "k": 7, "t": None},
    )
    nodes = [Node(name, None) for name in forms.small]
    folded = {node.name: node for node in fold(nodes, list(forms.small), forms)}
    axes = {name: node.example_axis for name, node in folded.items()}
    assert axes == {"a": 0, "b": 1, "c": None, "d": None, "n": None, "k": None, "t": None}
    assert folded["a"].folding == "tile"


def test_a_frozen_batch_marks_the_axis_along_which_the_first_example_changes() -> None:
    base = {"a": torch.zeros(4, 4), "b": torch.zeros(4, 4), "c": torch.zeros(7, 4), "d": None}
    changed = {name: value if value is None else value.clone() for name, value in base.items()}
    changed["a"][:, 0] = 1  # along axis 1 though axis 0 is of the same size
    changed["b"][1:] = 1  # other examples change as well: no axis of its own
    nodes = [Node(name, None) for name in base]
    frozen = freeze(nodes, base, changed, 4)
    assert [node.example_axis for node in frozen] == [1, None, None, None]
