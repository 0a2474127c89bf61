"""Fold a part of a recorded value: only what is needed is repeated."""

from typing import Any

from torch import Tensor

from neurodemon.engine.folding import Pass, tile
from neurodemon.engine.recording import Recording
from neurodemon.engine.spans.places import ALL, Region, Span, narrow


def fold_part(recording: Recording, name: str, region: Region, shape: Pass) -> Any:
    """Give a part of a recorded value as it is for the rows of a pass.

    Args:
        recording: the clean pass.
        name: the node.
        region: the part.
        shape: the pass.

    Returns:
        The part: as recorded, tiled, or computed again at the folded size.
    """
    node, value = recording.graph[name], recording.values[name]
    if node.folding == "constant":
        return narrow(value, ALL, region, recording.n_examples)
    follows = node.folding == "tile" or name in recording.tiles
    is_direct = follows and node.example_axis == 0 and isinstance(value, Tensor)
    if is_direct and isinstance(region, Span) and not region.place.is_merged:
        return tile(narrow(value, ALL, region, recording.n_examples), 0, shape)
    return narrow(recording.fold([name], shape)[name], ALL, region, shape.size)
