"""Differences: a unit's change carried down to the cost as a change, where every operation allows.

No state is computed again: what is multiplied is what changed, one column of it while it lasts,
and float32 keeps its digits at effects far below the rounding of the cost. Slow twin: `replay`,
which runs the operations on whole states and subtracts two costs.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neurodemon.engine.carrying.forms import DENSE, MAKERS, PLANE, Form, Way
from neurodemon.engine.carrying.table import carry, spread
from neurodemon.engine.descent import NARROW, Descent, Stride
from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import canonical, take_units
from neurodemon.engine.memory import is_about_memory
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import find_region
from neurodemon.engine.replay import Replay
from neurodemon.engine.shortcuts import find_shortcut, group_examples, width_of
from neurodemon.graph.node import Node
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

KINDS = {"neuron", "channel"}  # of units that are one column
DTYPES = {torch.float32, torch.float64}
PROVED = 3  # examples on which a way is held against whole states before it is taken
FLOORS, NEAR = 64.0, 1e-3  # how far it may be off there: in noise floors, and of the effect
FRESH = MAKERS - {"conv2d"}  # whose results lie in no room
SPELLED = {"column", "block", "product", "plane"}  # kinds that can be spelled as a dense change
SPARED = 0.75  # of all positions: run whole states where they take less


def find_descent(recording: Recording, block: UnitBlock) -> Descent | None:
    """Find the way down from a block's site, once for a recording.

    Args:
        recording: the clean pass.
        block: units of one site.

    Returns:
        The way; None where an operation on it has no rule, the units are no columns, or it would
        spell out changes at positions that whole states need not be run at.
    """
    site = recording.graph.site_by_name[block.site.name]
    if block.kind not in KINDS or not block.is_everywhere or not _is_plain(recording, site):
        return None
    key = ("descent", site.node)
    if key not in recording.kept:
        descent = _descend(recording, site)
        is_taken = (
            descent is not None
            and not (_is_dense(recording, descent) and _are_spared(recording, site))
            and _proves(recording, site, descent)
        )
        recording.kept[key] = descent if is_taken else None
    found: Descent | None = recording.kept[key]
    return found


def _is_dense(recording: Recording, descent: Descent) -> bool:
    """Whether all numbers at several positions are spelled out on a way."""
    values = (
        recording.values[name] for name, form in descent.forms.items() if form.kind == "dense"
    )
    count = recording.n_examples
    return any(
        isinstance(value, Tensor) and value.ndim > 1 and value.numel() > count * value.shape[-1]
        for value in values
    )


def _are_spared(recording: Recording, site: Site) -> bool:
    """Whether whole states below a site need not be run at many of the positions."""
    source = find_region(recording.graph, site.node, recording.values).exit
    groups = group_examples(recording, site, source)
    if groups is None:
        return width_of(find_shortcut(recording, site, source)) < SPARED
    shares = (
        len(groups.own(group)) * width_of(find_shortcut(recording, site, source, group=group))
        for group in range(len(groups.ends))
    )
    return sum(shares) < SPARED * recording.n_examples


def _proves(recording: Recording, site: Site, descent: Descent) -> bool:
    """Whether the way gives what whole states give, of a few units on a few examples."""
    n_examples = min(recording.n_examples, PROVED) if recording.can_fold else recording.n_examples
    shape = Pass(0, n_examples, 1)
    replay = Replay(recording, site.node, shape)
    z = recording.values[site.node]
    step = float(z.double().std(correction=0)) or 1.0
    clean = replay.cost_of(replay.clean)
    floor = recording.noise_floor[:n_examples].double()
    units = np.array(sorted({0, site.n_units // 2, site.n_units - 1}))
    block = UnitBlock(site, site.unit_kind, units, np.full(len(units), -1))
    chance = torch.Generator().manual_seed(0)  # steps both ways, others at each place
    steps = torch.randn(z[:n_examples].shape, generator=chance, dtype=torch.float64).to(z) * step
    change = take_units(canonical(steps, site), block)
    try:
        found = descent.effects(change, block, Pass(0, n_examples, len(units)))
    except (RuntimeError, IndexError, TypeError) as error:
        if is_about_memory(error):
            raise
        return False  # an operation that refuses float64, or numbers that are not the model's own
    for unit, by_changes in zip(units, found, strict=True):
        moved, axis = replay.clean.clone(), site.axes.index("unit")
        moved.select(axis, int(unit)).add_(steps.select(axis, int(unit)))
        by_states = (replay.cost_of(moved).double() - clean.double())[0]
        allowed = FLOORS * floor + NEAR * by_states.abs()
        is_near = (by_changes - by_states).abs() <= allowed
        is_same = is_near | (~by_states.isfinite() & ~by_changes.isfinite())
        if not bool(is_same.all()):
            return False
    return True


def _is_plain(recording: Recording, site: Site) -> bool:
    """Whether a site's value is one of numbers that a change can be taken of."""
    value = recording.values[site.node]
    return (
        recording.graph.whole is None
        and "unit" in site.axes
        and site.axes[0] == "example"
        and isinstance(value, Tensor)
        and value.dtype in DTYPES
    )


def _descend(recording: Recording, site: Site) -> Descent | None:
    """Walk down from a site, choosing a rule for each operation."""
    graph, value = recording.graph, recording.values[site.node]
    axis = site.axes.index("unit")
    nodes = graph.below(site.node)
    forms: dict[str, Form] = {site.node: Form("column", axis)}
    made: list[Form] = []  # the form of each step's result
    way = Way(recording, forms, frozenset(node.name for node in nodes))
    steps: list[Stride] = []
    for node in nodes:
        carried = carry(way, node)
        if carried is None:
            steps += _spread_out(way, node)
            made += [DENSE] * (len(steps) - len(made))
            carried = carry(way, node)
        if carried is None or not _is_followed(recording, node, value.dtype, carried[0]):
            return None
        forms[node.name], step = carried
        names = tuple(name for name in node.inputs if name in forms)
        steps.append((node.name, names, step))
        made.append(forms[node.name])
    if not nodes or forms[graph.cost] != DENSE:
        return None
    positions = tuple(size for place, size in enumerate(value.shape) if place not in {0, axis})
    widths = [_width(recording, name, made[place]) for place, (name, _, _) in enumerate(steps)]
    width = max(widths)
    large = {steps[place][0] for place, own in enumerate(widths) if own * NARROW >= width}
    is_wide = [place for place, (name, names, _) in enumerate(steps) if large & {name, *names}]
    wide = (is_wide[0], is_wide[-1] + 1)
    fresh = frozenset(node.name for node in nodes if node.operation_name in FRESH)
    narrow = max(1, math.prod(positions), *widths[: wide[0]], *widths[wide[1] :])
    planes = [name for name, form in forms.items() if form.kind == "plane"]
    gathered = max((_width(recording, name, DENSE) for name in planes), default=0)
    return Descent(
        site.node, positions, tuple(steps), forms, fresh, graph.cost,
        width=width, narrow=narrow, gathered=gathered, wide=wide,
    )  # fmt: skip


def _spread_out(way: Way, node: Node) -> Sequence[Stride]:
    """Spell the changes that a node reads as dense ones."""
    steps = []
    for name in way.varying(node):
        form = way.forms[name]
        if form.kind in SPELLED - ({"column", "block"} if form.is_folded else set()):
            steps.append((name, (name,), spread(way, name)))
            way.forms[name] = replace(DENSE, is_folded=form.is_folded)
    return steps


def _is_followed(recording: Recording, node: Node, dtype: torch.dtype, form: Form) -> bool:
    """Whether a node's value follows its examples along axis 0, in the site's precision."""
    value = recording.values[node.name]
    if isinstance(value, (tuple, list)) or form.is_folded:  # what becomes of it is asked itself
        return True
    follows = node.folding == "tile" or node.name in recording.tiles
    is_number = isinstance(value, Tensor) and value.dtype == dtype
    return is_number and follows and node.example_axis == 0


def _width(recording: Recording, name: str, form: Form) -> int:
    """How many numbers a change takes up, per row and example."""
    value = recording.values[name]
    value = value[0] if isinstance(value, (tuple, list)) else value
    numbers = int(value.numel() // max(recording.n_examples, 1))
    if form.kind in {"product", "plane"}:
        return (numbers // int(value.shape[-1]) + 1) * (2 if form == PLANE else 1)
    return numbers // int(value.shape[form.axis]) if form.kind == "column" else numbers
