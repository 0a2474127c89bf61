"""One site at one stage of training, in one scope: what its demons found, in numbers.

Demons whose numbers are not finite are counted and left out of all else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.correlation import correlate_ranks, correlate_ranks_within
from neurodemon.judge.dispersion import fit_law, split_headroom
from neurodemon.judge.norms import mean_of_norms, norm_of_mean
from neurodemon.judge.parting import share_of_false_negatives
from neurodemon.terms.findings import Findings, ratio
from neurodemon.terms.questions import Layer

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Aside:
    """What is known of a site beside its demons.

    Attributes:
        output_slope: mean over examples of ‖∂C/∂output‖.
        unit_slope: mean over examples and units of ‖∂output/∂z‖.
        flatness: by window, of the dataset curves.
        norm_of_mean_trained: ‖mean δ‖ on the examples that the network was trained on.
        mean_of_norms_trained: mean ‖δ‖ there.
    """

    output_slope: float | None = None
    unit_slope: float | None = None
    flatness: Mapping[str, float | None] = field(default_factory=dict)
    norm_of_mean_trained: float | None = None
    mean_of_norms_trained: float | None = None


def make_layer(
    findings: Findings, verdicts: Iterable[str], aside: Aside, *, step: int, site: str
) -> Layer | None:
    """Put what a site's demons found into numbers.

    Args:
        findings: of the demons.
        verdicts: of each demon, in any order.
        aside: what is known beside them.
        step: of training.
        site: the site's name.

    Returns:
        The layer; None if no demon has finite numbers.
    """
    is_known = findings.is_finite & np.isfinite(findings.delta) & np.isfinite(findings.headroom)
    if not is_known.any():
        return None
    size, gain, distance = (
        np.where(is_known, values, np.nan)
        for values in (np.abs(findings.delta), findings.headroom, np.abs(findings.best_dz))
    )
    has_examples = findings.scope == "each"
    inside = np.where(findings.is_censored, np.nan, size)  # the law is of optima, not of edges
    return Layer(
        step=step,
        site=site,
        scope=findings.scope,
        n_units=findings.deltas.shape[1],
        n_examples=len(findings.deltas),
        cost=float(findings.cost.mean()),
        rank_gain=correlate_ranks(size, gain),
        rank_gain_within=correlate_ranks_within(size, gain) if has_examples else None,
        rank_distance=correlate_ranks(size, distance),
        rank_distance_within=correlate_ranks_within(size, distance) if has_examples else None,
        norm_of_mean=norm_of_mean(findings.deltas),
        mean_of_norms=mean_of_norms(findings.deltas),
        cancellation=median(findings.cancellation),
        influence=float(np.nanmean(size)),
        headroom=float(np.nanmean(gain)),
        distance=float(np.nanmedian(distance)),
        trust_radius=median(ratio(findings.trust_radius, findings.std + 0 * findings.trust_radius)),
        verdicts=shares(verdicts),
        false_negatives=share_of_false_negatives(findings),
        censored=float(findings.is_censored.mean()),
        zero=float((gain == 0).mean()),
        non_finite=float((~is_known).mean()),
        output_slope=aside.output_slope,
        unit_slope=aside.unit_slope,
        flatness=dict(aside.flatness),
        law=fit_law(inside, findings.curvature, distance, gain),
        split=split_headroom(size, distance, gain),
        shape=median(findings.shape),
        norm_of_mean_trained=aside.norm_of_mean_trained,
        mean_of_norms_trained=aside.mean_of_norms_trained,
    )


def join_findings(parts: Sequence[Findings]) -> Findings:
    """Join the findings of some runs of units of one site, side by side.

    Args:
        parts: at least one, of one scope and the same examples.

    Returns:
        The findings of all their units, in order.
    """
    first = parts[0]
    by_unit: dict[str, Any] = {
        place.name: np.concatenate([getattr(part, place.name) for part in parts], axis=-1)
        for place in fields(Findings)
        if place.name not in {"scope", "cost", "noise", "n_tried"}
    }
    return replace(first, **by_unit)


def shares(verdicts: Iterable[str]) -> dict[str, float]:
    """Count the share of each verdict, the most frequent first.

    Args:
        verdicts: one for each demon.

    Returns:
        By verdict its share; those that no demon has are left out.

    Example:
        >>> shares(["KINK", "DEAD", "KINK", "KINK"])
        {'KINK': 0.75, 'DEAD': 0.25}
    """
    counted = Counter(verdicts)
    return {name: number / counted.total() for name, number in counted.most_common()}


def median(values: Array) -> float | None:
    """Take the median of what is finite.

    Args:
        values: numbers of any shape.

    Returns:
        The median; None where nothing is finite.

    Example:
        >>> median(np.array([1.0, np.nan, 3.0])), median(np.array([np.inf]))
        (2.0, None)
    """
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None
