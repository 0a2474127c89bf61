"""Local: measure units that sit at one position each, on the positions that they reach.

The units of one position share a pass, and its first row is one without a change: costs are
compared within the pass. Slow twin: `trials`, on all positions.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, put_units, restore, take_units
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Move
from neurodemon.engine.replay import Replay
from neurodemon.engine.shortcuts import find_shortcut
from neurodemon.engine.spans.course import Course
from neurodemon.engine.spans.places import ALL, Place, Span, narrow
from neurodemon.engine.trials import PassSize, prove_clean
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

MOST_ROWS = 17  # of a pass, the clean one included: more are tiled longer than they save
NARROWEST = 1 / 64  # of the width of the cone: a pass never holds more times what it else would


def measure_locally(
    recording: Recording, carried: Move, block: UnitBlock, size: PassSize
) -> Float[Tensor, "example row"] | None:
    """Measure units that sit at one position each, where that spares positions.

    Args:
        recording: the clean pass.
        carried: the units, clean and moved, at the exit of their region.
        block: the units.
        size: how much one pass on all positions may hold.

    Returns:
        cost after − cost before, float64; None where all positions are to be run.
    """
    if block.is_everywhere:
        return None
    site = recording.graph.site_by_name[block.site.name]
    places = np.unique(block.positions).tolist()
    courses = {place: find_shortcut(recording, site, carried.exit, place) for place in places}
    if None in courses.values():
        return None
    found = torch.zeros(recording.n_examples, len(block), dtype=torch.float64)
    for place, course in courses.items():
        rows = np.flatnonzero(block.positions == place)
        if course is None or course.is_dead:
            continue
        moved = take_units(carried.moved, block)[torch.as_tensor(rows)]
        for here, part in _cut(recording, course, len(rows), size):
            own = (block.take(rows[part]), moved[part, here])
            effects = _run(recording, course, place, here, own)
            found[here, torch.as_tensor(rows[part])] = effects.T.cpu()
    return found


def _cut(
    recording: Recording, course: Course, n_rows: int, size: PassSize
) -> Iterator[tuple[slice, slice]]:
    """Cut examples and rows into passes, one row of each left for the clean one."""
    room = (size.most or size.examples * size.rows) / max(course.width, NARROWEST)
    rows = min(n_rows + 1, MOST_ROWS, max(2, int(room)))
    examples = min(max(1, int(room) // rows), recording.n_examples)
    for start in range(0, recording.n_examples, examples):
        for first in range(0, n_rows, rows - 1):
            last = min(first + rows - 1, n_rows)
            yield slice(start, min(start + examples, recording.n_examples)), slice(first, last)


def _run(
    recording: Recording,
    course: Course,
    position: int,
    here: slice,
    own: tuple[UnitBlock, Float[Tensor, "row example part"]],
) -> Float[Tensor, "row example"]:
    """Run one pass: a clean row, and one for each unit."""
    block, moved = own
    site = recording.graph.site_by_name[block.site.name]
    span = Span(Place(site.axes.index("position")), position, position + 1)
    clean = narrow(recording.values[course.source][here], ALL, span, here.stop - here.start)
    rows = canonical(clean, site).repeat(len(block) + 1, 1, 1, 1)
    put_units(rows[1:], moved, replace(block, positions=np.zeros_like(block.positions)))
    value = restore(rows.flatten(0, 1), site, tuple(clean.shape))
    shape = Pass(here.start, here.stop, len(block) + 1)
    replay = Replay(recording, course.source, shape, course)
    costs = replay.cost_of_part(value, span)
    prove_clean(replay, costs[:1])
    return costs[1:].double() - costs[:1].double()
