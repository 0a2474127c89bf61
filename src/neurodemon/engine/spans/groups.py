"""Groups: examples of a batch by how many positions they have, where masks tell that.

Sentences of one batch are padded to the longest. What the cost reads of a short one, and what its
attention reads, ends with its last real token; examples of like length, run together, need not be
run beyond it. Groups nest: each holds those before it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch

from neurodemon.engine.recording import Recording
from neurodemon.engine.spans.course import everywhere, walk_down
from neurodemon.engine.spans.looking import Look

MOST = 4  # groups: each wants a course of its own
WORTH = 0.9  # of all positions: where examples have more on the average, there are no groups


@dataclass(frozen=True)
class Groups:
    """The examples of a batch, those with the fewest positions first.

    Attributes:
        order: the examples.
        ends: where each group ends in that order.
    """

    order: tuple[int, ...]
    ends: tuple[int, ...]

    def members(self, group: int) -> tuple[int, ...]:
        """The examples of a group, those of all before it included."""
        return self.order[: self.ends[group]]

    def own(self, group: int) -> tuple[int, ...]:
        """The examples that no group before it holds."""
        return self.order[self.ends[group - 1] if group else 0 : self.ends[group]]

    @cached_property
    def of(self) -> tuple[int, ...]:
        """The first group that holds an example, by example."""
        found = [0] * len(self.order)
        for group in range(len(self.ends)):
            for example in self.own(group):
                found[example] = group
        return tuple(found)


def find_groups(recording: Recording, source: str, axis: int) -> Groups | None:
    """Group the examples of a batch for a change at a node.

    Args:
        recording: the clean pass.
        source: the node.
        axis: along which its positions stand.

    Returns:
        The groups; None where all examples have about as many positions.
    """
    if recording.graph.whole is not None or not recording.can_fold:
        return None
    key = ("groups", source)
    if key not in recording.kept:
        recording.kept[key] = _group(recording, source, axis)
    return cast("Groups | None", recording.kept[key])


def _group(recording: Recording, source: str, axis: int) -> Groups | None:
    """Walk down for what masks say, and cut the examples, sorted by it, into groups."""
    look = Look(recording, {source: everywhere(recording, source, axis)})
    walk_down(look, source)
    n_positions = int(recording.values[source].shape[axis])
    masks = [mask for mask in look.open if mask.shape[1] == n_positions and not mask.all()]
    if not masks:
        return None
    is_open = torch.stack(masks).any(0)
    places = torch.arange(n_positions)
    first = torch.where(is_open, places, n_positions).amin(1)
    counts = (torch.where(is_open, places, -1).amax(1) + 1 - first).clamp(min=0)
    if float(counts.double().mean()) > WORTH * n_positions:
        return None
    order = counts.argsort(stable=True)
    sizes = counts[order].tolist()
    n = len(sizes)
    cuts = [-(-n * part // MOST) for part in range(1, MOST + 1)]
    ends = {next((at for at in range(cut, n) if sizes[at] != sizes[cut - 1]), n) for cut in cuts}
    return Groups(tuple(order.tolist()), tuple(sorted(ends)))
