"""Limits: how large an effect can be at all, where the weights alone say so.

Below the last hidden layer of a classifier under softmax cross-entropy one unit shifts the
logits by Δa·W[:, j]. The cost is that of logit differences, so that on every example
|ΔC| ≤ |Δa| · (max_k W_kj − min_k W_kj). Source: theory.md §1.4.
"""

import torch
from torch import Tensor

from neurodemon.engine.layout import take_units
from neurodemon.engine.predict import Ladder
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import move, region_of
from neurodemon.graph.node import Ref
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

CROSS_ENTROPY = "cross_entropy"
WEIGHT_OF = {
    "linear": (0, 1, False),
    "mm": (0, 1, True),
    "matmul": (0, 1, True),
    "addmm": (1, 2, True),
}
# operation → which argument is the value, which the weight, and whether outputs stand last


def effect_limits(
    recording: Recording,
    block: UnitBlock,
    dz: Float[Tensor, "example position coordinate"],
    ladder: Ladder,
) -> Float[Tensor, "example row"] | None:
    """Bound the effect of every unit of a block on every example, for certain.

    Args:
        recording: the clean pass.
        block: units of one site.
        dz: Δz of every unit of the site.
        ladder: what is known of the cost, from `ladder_of`.

    Returns:
        The bounds, float64; None where the weights alone give none.
    """
    weight = _last_weight(recording, block, ladder)
    if weight is None:
        return None
    carried = move(recording, block, dz)
    own = [take_units(value, block).double() for value in (carried.clean, carried.moved)]
    units = torch.as_tensor(block.indices, device=weight.device)
    spread = (weight.amax(0) - weight.amin(0))[units].double()
    return ((own[1] - own[0]).abs().sum(2) * spread[:, None]).T.cpu()


def _last_weight(
    recording: Recording, block: UnitBlock, ladder: Ladder
) -> Float[Tensor, "output unit"] | None:
    """The weights from a block's site to the logits, if nothing else lies between."""
    graph = recording.graph
    is_softmax = ladder.link is not None and ladder.link.kind == CROSS_ENTROPY
    if block.kind != "neuron" or not is_softmax or ladder.output is None:
        return None
    exit_node = region_of(recording, block).exit
    readers = [node for node in graph.cone(exit_node) if exit_node in node.inputs]
    if [node.name for node in readers] != [ladder.output] or readers[0].keywords:
        return None
    value, weight, is_transposed = WEIGHT_OF.get(readers[0].operation_name, (0, 0, False))
    arguments = readers[0].arguments
    name = getattr(arguments[weight], "name", "")  # of the node that holds the weights
    found = recording.values.get(name)
    if not isinstance(found, Tensor) or found.ndim != 2 or value == weight:
        return None
    is_ours = arguments[value] == Ref(exit_node) and graph[name].example_axis is None
    return (found.T if is_transposed else found) if is_ours else None
