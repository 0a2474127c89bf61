"""The free bound on trust: how far a first-order claim can hold at most, from the cost alone.

A loss bends the cost of an example at least by h ≥ c·δ²: for softmax cross-entropy
c = 1 / (e^C − 1), for squared error c = 1 / (2C). First order is off by more than a share ε
beyond |Δz| = 2ε|δ| / h, so that |δΔz| ≤ 2ε (e^C − 1), or 4εC. Source: theory.md §1.4, §1.7.
This file must never see torch.
"""

from collections.abc import Callable, Mapping

import numpy as np

from neurodemon.terms.findings import TRUSTED, Array, Findings, ratio
from neurodemon.terms.shapes import Float

_ROOM: Mapping[str, Callable[[Array], Array]] = {  # 1/c: how much room the loss leaves
    "cross_entropy": np.expm1,
    "quadratic": lambda cost: 2 * cost,
}


def free_bound(
    findings: Findings, loss: str | None, cost: Float[Array, " example"]
) -> Float[Array, "row unit"]:
    """Bound the trust radius without a single run.

    Args:
        findings: of one block of units.
        loss: the recognised loss: `cross_entropy` or `quadratic`; another has no bound.
        cost: the clean cost of each example.

    Returns:
        The largest |Δz| at which first order can be within 10 %, for each demon; NaN where
        there is none. It is of the loss alone, exact where the outputs are linear in z: the
        network's own kinks and bends come on top, and can undo a part of the loss's.

    Example:
        >>> _ROOM["quadratic"](np.array([0.5])).tolist()
        [1.0]
    """
    if loss is None or loss not in _ROOM:
        return np.full(findings.delta.shape, np.nan)
    with np.errstate(over="ignore"):
        room = _ROOM[loss](cost)[:, None]
    bend = ratio(np.square(findings.deltas), np.broadcast_to(room, findings.deltas.shape))
    if findings.scope == "shared":
        bend = np.nan_to_num(bend, nan=0.0).mean(axis=0, keepdims=True)
    return ratio(2 * TRUSTED * np.abs(findings.delta), bend)
