"""Masks: which queries may read which keys, on any example, and what follows for positions.

What a mask forbids has a weight of exactly 0.
"""

import torch
from torch import Tensor

from neurodemon.engine.spans.places import NONE, Region, Span
from neurodemon.terms.shapes import Bool

Allowed = Bool[Tensor, "query key"]


def allowed_by(mask: Tensor | None, sizes: tuple[int, ...], *, is_causal: bool) -> Allowed:
    """Which query may read which key, by a mask of all examples; one that may read none, all.

    Args:
        mask: true where a key may be read, or a number to add, which forbids where it is the
            lowest there is; broadcast to (example, …, query, key).
        sizes: how many queries and keys there are.
        is_causal: whether later keys are forbidden as well.

    Returns:
        True where a query of any example may read a key.
    """
    n_queries, n_keys = sizes
    allowed = torch.ones(1, n_queries, n_keys, dtype=torch.bool)
    if isinstance(mask, Tensor):
        own = is_open(mask)
        allowed = (
            own
            .cpu()
            .broadcast_to(*own.shape[:-2], n_queries, n_keys)
            .reshape(-1, n_queries, n_keys)
        )
    if is_causal:
        allowed = allowed & torch.ones(n_queries, n_keys, dtype=torch.bool).tril()
    return (allowed | ~allowed.any(2, keepdim=True)).any(0)


def is_open(mask: Tensor) -> Tensor:
    """Where a mask forbids nothing: where it is true, or above half the lowest number."""
    return mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2


def readers(allowed: Allowed, keys: Span) -> Region:
    """The queries that may read one of some keys."""
    return hull(allowed[:, keys.start : keys.stop].any(1), keys)


def read_by(allowed: Allowed, queries: Span) -> Region:
    """The keys that some queries may read."""
    return hull(allowed[queries.start : queries.stop].any(0), queries)


def of_last_query(mask: Tensor) -> Tensor:
    """What the last query may read: of padded queries some may read what is padded, too."""
    return mask.select(-2, -1)


def hull(has: Bool[Tensor, " position"], like: Span) -> Region:
    """From the first to the last position that is marked, where those of a span stand."""
    marked = has.nonzero()[:, 0].tolist()
    return Span(like.place, marked[0], marked[-1] + 1) if marked else NONE
