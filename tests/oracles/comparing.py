"""Hold measured effects against the hook oracle."""

from collections.abc import Sequence

import numpy as np
import torch
from oracles.hooks import clean_values, effects_by_hooks, unit_masks
from oracles.models import Case
from oracles.nudges import moved_values

from neurodemon.jobs.measuring import measure
from neurodemon.jobs.selecting import sites
from neurodemon.subjects.subject import Subject
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Perturbation
from neurodemon.terms.sites import Site

PATTERNS = {"neuron": "", "channel": "", "position": "/position"}
# Names whose tensor others read as well: a pre-hook changes one branch, the site is the tensor.
SHARED = {
    "residual mlp": {"norms.1:in", "norms.0:in"},
    "batch of one": {"norms.1:in", "norms.0:in"},
    "nested output": {"one:in"},
}


# The output projection of nn.MultiheadAttention, of which only the weight is read: no hook can
# see it, and tests/tracing/test_unflatten.py holds it against other weights.
UNCALLED = "self_attn.out_proj"


def hookable(site: Site) -> str | None:
    """The first name of a site that belongs to a module, whatever stands behind it."""
    for name in site.names:
        side = name.partition("[")[0].partition("#")[0].partition(":")[2]
        if side in {"", "in", "out"} and UNCALLED not in name:
            return name
    return None


def oracle_effects(
    case: Case, site: Site, moved: Sequence[torch.Tensor], kind: str = "neuron"
) -> np.ndarray:
    """The hook oracle's effects of every unit of a site, (example, unit)."""
    name = hookable(site)
    assert name is not None, site
    masks = unit_masks(site.axes, moved[0].shape, kind)
    return effects_by_hooks(case.model, case.batches, case.cost, name, moved, masks)


def both(
    subject: Subject,
    case: Case,
    site: Site,
    perturbation: Perturbation,
    *,
    kind: str = "neuron",
    moved: Sequence[torch.Tensor] | None = None,
) -> tuple[Effects, np.ndarray]:
    """Measure all units of a site, and ask the oracle for the same."""
    if moved is None:
        name = hookable(site)
        assert name is not None, site
        values = clean_values(case.model, case.batches, name)
        moved = moved_values(perturbation, values, site.axes)
    measured = measure(subject, site.name + PATTERNS[kind], perturbation)
    return measured, oracle_effects(case, site, moved, kind)


def largest_gap(pairs: Sequence[tuple[Effects, np.ndarray]]) -> float:
    """The largest difference of mean effects, relative to the largest effect of all."""
    gaps, sizes = [0.0], [1e-30]
    for measured, expected in pairs:
        assert measured.per_example is not None
        assert measured.per_example.shape == expected.shape
        mean = expected.mean(0)
        gaps.append(float(np.abs(measured.array("measured") - mean).max()))
        sizes.append(float(np.abs(mean).max()))
    return max(gaps) / max(sizes)


def studied_sites(name: str, case: Case, subject: Subject) -> list[Site]:
    """The sites that a hook can reach, whose units are the same in all batches."""
    found = []
    for site in sites(subject):
        hooked = hookable(site)
        if hooked is None or hooked in SHARED.get(name, ()):
            continue
        axis = site.axes.index("unit") if "unit" in site.axes else 0
        shapes = [value.shape for value in clean_values(case.model, case.batches, hooked)]
        if axis == 0 or len({shape[axis] for shape in shapes}) == 1:
            found.append(site)
    return found
