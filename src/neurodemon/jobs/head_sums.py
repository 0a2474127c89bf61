"""Prove that heads are what their name says: what each brings to the module's output adds up.

Σ over the heads of (what the output projection makes of one head alone) + its bias = the
module's output. So a demon that zeroes a head takes away just that head's part.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from neurodemon.engine.layout import canonical, restore
from neurodemon.subjects.subject import Subject
from neurodemon.terms.certificates import Probe
from neurodemon.terms.sites import Site
from neurodemon.terms.text import count

INPUT = ":in"
LIMIT_IN_ROUNDOFFS = 1024.0  # of the largest output: sums in another order


def probe_heads(subject: Subject) -> Probe | None:
    """Add up what the heads bring to each output projection of a subject.

    Args:
        subject: what is studied, fresh.

    Returns:
        What was found; None if the model has no heads that are known.
    """
    recording = subject.recording(0)
    found = []
    with subject.held() as model:
        modules = dict(model.named_modules())
        for site in recording.graph.sites:
            path = _projection(site, modules)
            if path is not None:
                z = recording.values[site.node]
                found.append((site.name, _largest_gap(modules[path], z, site)))
    if not found:
        return None
    name = "heads add up"
    worst, off = max(found, key=lambda pair: pair[1])
    limit = LIMIT_IN_ROUNDOFFS * torch.finfo(recording.cost.dtype).eps
    if not off <= limit:
        return Probe(
            name,
            passed=False,
            detail=f"at {worst!r} the heads' parts differ from the module's output by {off:.1e} "
            "of its largest value: they are no heads, or what reads them is not linear",
        )
    heads = sum(recording.graph.site_by_name[site].heads or 0 for site, _ in found)
    return Probe(
        name,
        passed=True,
        detail=f"{count(heads, 'head')} at {count(len(found), 'output projection')}: the sum of "
        f"their parts and the bias is the module's output to {off:.1e}",
    )


def _projection(site: Site, modules: Mapping[str, nn.Module]) -> str | None:
    """The path of the innermost module that a site with heads is the one input of."""
    names = [name.partition("#")[0] for name in site.names] if site.heads is not None else []
    paths = [name.removesuffix(INPUT) for name in names if name.endswith(INPUT)]
    known = [path for path in paths if path in modules]
    return max(known, key=lambda path: path.count("."), default=None)


def _largest_gap(module: nn.Module, z: Tensor, site: Site) -> float:
    """How far the sum of the heads' parts is from the output, relative to its largest value."""
    heads = site.heads or 1
    flat = canonical(z, site)
    size = flat.shape[2] // heads
    with torch.no_grad():
        whole = module(z.clone()).double()
        nothing = module(torch.zeros_like(z)).double()
        total = nothing.clone()
        for head in range(heads):
            own = torch.zeros_like(flat)
            own[:, :, head * size : (head + 1) * size] = flat[:, :, head * size : (head + 1) * size]
            total += module(restore(own, site, tuple(z.shape))).double() - nothing
    return float((total - whole).abs().max() / whole.abs().max().clamp(min=1e-30))
