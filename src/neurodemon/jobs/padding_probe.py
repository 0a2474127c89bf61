"""Probe padding: does a padded example cost what it costs alone, without its padding?

Models that count positions from the left give left-padded prompts other numbers unless they are
told the positions; nothing else would show it.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from neurodemon.errors import NeurodemonError, SubjectError
from neurodemon.subjects.admitting import Batch
from neurodemon.subjects.padding import PADDED, REAL
from neurodemon.subjects.subject import Subject
from neurodemon.terms.certificates import Probe
from neurodemon.tracing.leaves import map_tensors, take_examples

NAME = "padding does nothing"
IN_FLOORS = 256.0  # other lengths take other kernels


def probe_padding(subject: Subject) -> Probe | None:
    """Compare the cost of one padded example with its cost alone and unpadded.

    Args:
        subject: what is studied, fresh.

    Returns:
        What was found; None if nothing is padded, or an example cannot be cut out.
    """
    _require_counted(subject)
    if (unread := _unread_mask(subject.batches[0][0])) is not None:
        return Probe(
            NAME,
            passed=False,
            detail=f"{unread!r} has an axis for pairs of tokens, which tells no padding: say which "
            "positions are real by nd.Subject(..., mask=lambda inputs: ...)",
        )
    for place, batch in enumerate(subject.batches):
        padding = subject.padding(place)
        real = padding.real
        if real is None or bool(real.all()) or padding.has_decoder:
            continue  # beside a decoder, what is cut and what is not cannot be told by lengths
        row = int((real.sum(1) + (real.sum(1) == 0) * real.shape[1]).argmin())
        alone = _unpadded(batch, row, real)
        with contextlib.suppress(NeurodemonError):  # cut otherwise than the model wants it
            cost = float(subject.eager(alone).cost[0])
            recording = subject.recording(place)
            expected, floor = float(recording.cost[row]), float(recording.noise_floor[row])
            return _judge(row, cost, expected, IN_FLOORS * floor)
    return None


def _require_counted(subject: Subject) -> None:
    """Refuse a mask of the user's that counts other positions than any site."""
    real = subject.padding(0).real
    if subject.mask is None or real is None:
        return
    counts = {site.n_positions for site in subject.sites() if site.axes.count("position") == 1}
    if real.shape[1] not in counts:
        raise SubjectError(
            f"mask(inputs) has {real.shape[1]} positions; expected as many as a site has "
            f"({sorted(counts)})."
        )


def _unread_mask(inputs: Any) -> str | None:
    """The name of a mask that goes in and tells no padding, as it is of pairs of tokens."""
    named = inputs if isinstance(inputs, Mapping) else {}
    masks = [name for name in (*REAL, *PADDED) if isinstance(named.get(name), Tensor)]
    return next((name for name in masks if named[name].ndim > 2), None)


def _judge(row: int, alone: float, padded: float, limit: float) -> Probe:
    """Put the two costs into words."""
    if abs(alone - padded) <= limit:
        return Probe(NAME, passed=True, detail=f"example {row} costs the same without its padding")
    return Probe(
        NAME,
        passed=False,
        detail=f"example {row} costs {padded:.4g} padded and {alone:.4g} alone: effects of padded "
        "examples are not those of the examples themselves. Give left-padded prompts their "
        "position_ids: (mask.cumsum(1) - 1).clamp(min=0)",
    )


def _unpadded(batch: Batch, row: int, real: Tensor) -> Any:
    """One example of a batch, cut to its real positions wherever these are counted."""
    own = real[row]

    def cut(leaf: Tensor) -> Tensor:
        is_counted = leaf.ndim > 1 and leaf.shape[1] == len(own)
        return leaf[:, own.to(leaf.device)] if is_counted else leaf

    return map_tensors(cut, take_examples(batch, torch.tensor([row])))
