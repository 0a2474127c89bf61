"""Shortcuts: courses that were held against whole states before they are taken."""

import torch

from neurodemon.engine.folding import Pass
from neurodemon.engine.recording import Recording
from neurodemon.engine.replay import Replay
from neurodemon.engine.spans.course import Course, everywhere, find_course
from neurodemon.engine.spans.groups import Groups, find_groups
from neurodemon.engine.spans.places import ALL, Place, Span, narrow
from neurodemon.terms.sites import Site

NARROWEST = 0.25  # of a pass: what is read at the source has all positions
PROVED = 3  # examples on which a course is held against whole states before it is taken
FLOORS, NEAR = 64.0, 1e-3  # how far it may be off there: in noise floors, and of the effect


def find_shortcut(
    recording: Recording,
    site: Site,
    source: str,
    position: int | None = None,
    *,
    group: int | None = None,
) -> Course | None:
    """Find which positions to run below a site, for a change at one position or at all.

    Args:
        recording: the clean pass.
        site: of the units; its value has one axis of positions.
        source: the node that changes, of the site's layout.
        position: where it changes; None for everywhere.
        group: of which group of examples, from `group_examples`; None for all examples.

    Returns:
        The course; None where all positions are to be run.
    """
    if site.axes.count("position") != 1 or site.axes[0] != "example":
        return None
    axis = site.axes.index("position")
    span = everywhere(recording, source, axis)
    if position is not None:
        span = Span(Place(axis), position, position + 1)
    groups = None if group is None else group_examples(recording, site, source)
    examples = None if groups is None or group is None else groups.members(group)
    course = find_course(recording, source, span, examples)
    key = ("proved", source, position is None, group is None)
    if course is not None and key not in recording.kept:
        try:
            recording.kept[key] = _proves(recording, course, span, examples)
        except (RuntimeError, IndexError):  # places in the batch are read: not of this pass
            recording.kept[key] = False
    return course if recording.kept.get(key) else None


def group_examples(recording: Recording, site: Site, source: str) -> Groups | None:
    """Group the examples of a batch by how many of their positions count.

    Args:
        recording: the clean pass.
        site: of the units; its value has one axis of positions.
        source: the node that changes, of the site's layout.

    Returns:
        The groups; None where it would spare nothing.
    """
    if site.axes.count("position") != 1 or site.axes[0] != "example":
        return None
    return find_groups(recording, source, site.axes.index("position"))


def width_of(course: Course | None) -> float:
    """Of the widest value of a whole cone, how wide a pass by a course is, in numbers."""
    return 1.0 if course is None else max(course.width, NARROWEST)


def _proves(
    recording: Recording, course: Course, span: Span, examples: tuple[int, ...] | None
) -> bool:
    """Whether a course gives what whole states give, on a few examples."""
    few = tuple(range(recording.n_examples)) if examples is None else examples[::-1]  # the longest
    shape = Pass.of_examples(few[:PROVED], 1)
    whole = Replay(recording, course.source, shape)
    moved = whole.clean.clone()
    part = narrow(moved, ALL, span, shape.size)
    chance = torch.Generator().manual_seed(0)  # a layer norm would take out one step for all units
    steps = torch.randn(part.shape, generator=chance, dtype=torch.float64).to(part)
    part += steps * (float(moved.double().std(correction=0)) or 1.0)
    clean, expected = whole.cost_of(whole.clean).double(), whole.cost_of(moved).double()
    found = Replay(recording, course.source, shape, course).cost_of_part(part, span).double()
    floor = recording.noise_floor[shape.examples].double()
    is_near = (found - expected).abs() <= FLOORS * floor + NEAR * (expected - clean).abs()
    return bool((is_near | (~expected.isfinite() & ~found.isfinite())).all())
