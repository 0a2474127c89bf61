"""Identify: what a run rests on beside weights and batches, in words that two runs can compare."""

import torch
from torch import Tensor

from neurodemon.engine.recording import Recording
from neurodemon.engine.refusals import is_refusal
from neurodemon.graph.evaluate import evaluate
from neurodemon.subjects.fingerprints import hash_batches
from neurodemon.subjects.subject import Subject

STEPS = (1.0, 30.0)  # how far outputs are moved: a clamp or a floor shows far out
MOST_NUMBERS = 1 << 24  # of the outputs that are moved


def identify_batches(subject: Subject) -> str:
    """Hash the batches, and which of their positions the user's own function calls real."""
    if subject.mask is None:
        return subject.batches_hash
    masks = [(subject.mask(inputs), None) for inputs, _ in subject.batches]
    return f"{subject.batches_hash}-{hash_batches(masks)}"


def identify_cost(subject: Subject) -> str:
    """Say what a cost makes of outputs that are not the model's own: its mean, in four digits.

    Args:
        subject: what is studied.

    Returns:
        A number for each step; nothing where outputs are many, or the cost is one of them.
    """
    recording = subject.recording(0)
    try:
        found = [_cost_at(recording, step) for step in STEPS]
    except Exception as error:  # any, as the user's cost raises what it likes
        if not is_refusal(error):
            raise
        return "refused"
    return ", ".join(f"{cost:.4g}" for cost in found if cost is not None)


def _cost_at(recording: Recording, step: float) -> float | None:
    """The mean cost of the first batch where its outputs are moved, each number by chance."""
    graph, values = recording.graph, recording.values
    names = [name for name in graph.outputs if _is_number(values[name])]
    below = (graph.downstream(names) - set(names)) & (graph.upstream([graph.cost]) | {graph.cost})
    nodes = [node for node in graph.nodes if node.name in below]
    is_apart = graph.whole is None or graph.in_model.isdisjoint(node.name for node in nodes)
    n_numbers = sum(values[name].numel() for name in names)
    if not nodes or not is_apart or n_numbers > MOST_NUMBERS:
        return None
    chance = torch.Generator().manual_seed(0)
    moved = {
        name: values[name]
        + step * torch.randn(values[name].shape, generator=chance).to(values[name])
        for name in names
    }
    given = {name: value for name, value in values.items() if name not in below}
    with torch.no_grad():
        cost = evaluate(nodes, {**given, **moved}, wanted=[graph.cost])[graph.cost]
    return float(cost.double().mean())


def _is_number(value: object) -> bool:
    """Whether an output is made of real numbers."""
    return isinstance(value, Tensor) and value.is_floating_point()
