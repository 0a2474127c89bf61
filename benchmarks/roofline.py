"""The least time that a sweep could take here: what it must multiply, and what it must move.

Peaks are measured in the same run: a large matrix product, and a copy larger than any cache. Of
a cone is counted the floating-point work of its products and convolutions, the first of them as
the rank-one update (or one input channel) that it comes to, and two operations for each number of
its dense values; of bytes, each dense value that a product makes, written once and read once. Of
a value only the positions count that can change and that the cost reads. What stays a column, a
product with a vector or in a plane of two takes next to nothing; spelled out, three operations for
each number, which is written and read once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import neurodemon as nd
from neurodemon.engine.differences import find_descent
from neurodemon.engine.recording import Recording
from neurodemon.engine.region import find_region
from neurodemon.engine.shortcuts import find_shortcut, group_examples
from neurodemon.engine.spans.course import Course
from neurodemon.engine.spans.places import NONE, Span
from neurodemon.graph.node import Node, fill
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock

PRODUCTS = {"linear", "mm", "addmm", "matmul", "bmm", "conv1d", "conv2d", "conv3d"}
FEW = {"product", "plane"}  # forms of a few numbers for each position
ATTENTION = "scaled_dot_product_attention"


@dataclass(frozen=True)
class Peaks:
    """What this machine can do.

    Attributes:
        flops: floating-point operations per second, of a matrix product.
        bytes: bytes read and written per second, of a copy.
    """

    flops: float
    bytes: float


def measure_peaks(threads: int, repeats: int = 5) -> Peaks:
    """Measure both peaks with so many threads, in float32."""
    torch.set_num_threads(threads)
    a, b = torch.randn(2048, 2048), torch.randn(1 << 26)
    other = torch.empty_like(b)
    product = min(_seconds(lambda: a @ a) for _ in range(repeats))
    copy = min(_seconds(lambda: other.copy_(b)) for _ in range(repeats))
    return Peaks(2 * 2048**3 / product, 2 * b.numel() * 4 / copy)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def least_seconds(
    subject: nd.Subject, site: str, peaks: Peaks, position: int | None = None
) -> float:
    """The least time for one unit of a site on all examples.

    Args:
        subject: of one batch.
        site: the name of a site in the subject's graph.
        peaks: of this machine.
        position: where the unit changes; None for everywhere.

    Returns:
        Seconds: the larger of both.
    """
    recording = subject.recording(0)
    graph, values = recording.graph, recording.values
    source = graph.site_by_name[site]
    exit_node = find_region(graph, source.node, values).exit
    axis = source.axes.index("unit")
    columns, flops, moved = {exit_node: values[exit_node].shape[axis]}, 0.0, 0.0
    courses = _courses(recording, source, exit_node, position)
    forms = _forms(recording, source, position)
    for node in graph.below(exit_node):
        value = values[node.name]
        if not isinstance(value, Tensor):
            continue
        read = [columns[name] for name in node.inputs if name in columns]
        if forms.get(node.name, "dense") in FEW:
            continue
        is_product = node.operation_name in PRODUCTS
        if any(forms.get(name) in FEW for name in node.inputs) and not is_product:
            flops += 3 * value.numel()
            moved += 2 * value.numel() * value.element_size()
            continue
        if read and len(read) == sum(n in columns for n in node.inputs) and not is_product:
            columns[node.name] = read[0]  # still a column: next to nothing
            continue
        share = sum(weight * part(course, node.name) for weight, course in courses)
        flops += share * (_flops(node, values) / (read[0] if read else 1) + 2 * value.numel())
        moved += share * 2 * value.numel() * value.element_size() if is_product else 0
    return max(flops / peaks.flops, moved / peaks.bytes)


def _forms(recording: Recording, site: Site, position: int | None) -> dict[str, str]:
    """How changes are kept on the way from a site's units down, where they are carried."""
    unit = UnitBlock(site, site.unit_kind, np.array([0]), np.array([-1]))
    descent = None if position is not None else find_descent(recording, unit)
    return {} if descent is None else {name: form.kind for name, form in descent.forms.items()}


def _courses(
    recording: Recording, site: Site, source: str, position: int | None
) -> list[tuple[float, Course | None]]:
    """What is run, and for which share of the examples: padded ones go apart from longer ones."""
    groups = group_examples(recording, site, source) if position is None else None
    if groups is None:
        return [(1.0, find_shortcut(recording, site, source, position))]
    return [
        (
            len(groups.own(group)) / recording.n_examples,
            find_shortcut(recording, site, source, group=group),
        )
        for group in range(len(groups.ends))
    ]


def part(course: Course | None, name: str) -> float:
    """The share of a value's positions that can change and are read."""
    if course is None:
        return 1.0
    region = course.regions.get(name, NONE)
    if isinstance(region, Span):
        return len(region) / course.look.count(name, region.place)
    return 0.0 if region == NONE else 1.0


def _flops(node: Node, values: Mapping[str, Any]) -> float:
    """The floating-point work of a product, a convolution or attention."""
    arguments = fill(node.arguments, values)
    tensors = [one for one in arguments if isinstance(one, Tensor)]
    result: Tensor = values[node.name]
    if node.operation_name == ATTENTION:
        query, key = tensors[:2]
        return 4.0 * query.numel() * key.shape[-2]
    if node.operation_name in {"linear", "conv1d", "conv2d", "conv3d"}:
        return 2.0 * result.numel() * tensors[1][0].numel()
    if node.operation_name in PRODUCTS:
        return 2.0 * result.numel() * tensors[-1].shape[-2]
    return 0.0
