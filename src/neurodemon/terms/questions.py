"""The question: is influence error? What a network answers, in tables and plain sentences."""

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from neurodemon.terms.findings import Scope
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.text import format_table

WINDOWS = (0.25, 0.5, 1.0, 2.0, 4.0)  # std(z) about the optimum: theory.md, E4


@dataclass(frozen=True)
class Law:
    """The curvature-dispersion law (theory.md §1.6): why |δ| ranks the gain, not the distance.

    Attributes:
        s_delta: the standard deviation of log |δ| over the demons.
        s_curvature: that of log curvature.
        r: the correlation of the two.
        gain: the Spearman correlation of |δ| with headroom that the law forecasts.
        distance: likewise, with |best_dz|.
        n_demons: how many had a slope and a positive curvature.
    """

    s_delta: float
    s_curvature: float
    r: float
    gain: float
    distance: float
    n_demons: int


@dataclass(frozen=True)
class Split:
    """log headroom = log |δ| + log |best_dz| + log κ: each part's share of the variance.

    Attributes:
        influence: cov(log |δ|, log headroom) / var(log headroom).
        distance: likewise of log |best_dz|.
        shape: likewise of log κ; the three add up to 1.
        n_demons: how many had all three.
    """

    influence: float
    distance: float
    shape: float
    n_demons: int


@dataclass(frozen=True)
class Layer:
    """One site at one step of training, in one scope. None where a number is not defined.

    Attributes:
        step: of training; 0 is before the first.
        site: the site's name.
        scope: who shares the Δz.
        n_units: how many units.
        n_examples: how many examples.
        cost: the clean cost, the mean over the examples.
        rank_gain: Spearman(|δ|, headroom), over all demons pooled.
        rank_gain_within: the same within each example across units, the mean over examples;
            None in scope `shared`, which has no examples of its own.
        rank_distance: Spearman(|δ|, |best_dz|), pooled.
        rank_distance_within: within examples.
        norm_of_mean: ‖mean δ‖ over the units.
        mean_of_norms: mean over the examples of ‖δ‖.
        cancellation: the median over units of |mean δ| / mean |δ|.
        influence: the mean |δ| over the demons.
        headroom: their mean headroom.
        distance: their median |best_dz|.
        trust_radius: their median trust radius, in std(z).
        verdicts: the share of demons in each verdict.
        false_negatives: the share of the demons in the top 5 % by headroom that stand in the
            lower half by |δ|.
        censored: the share of demons whose best Δz lies at the radius.
        zero: the share without any headroom.
        non_finite: the share whose cost did not stay finite.
        output_slope: mean over examples of ‖∂C/∂output‖.
        unit_slope: mean over examples and units of ‖∂output/∂z‖.
        flatness: for each of `WINDOWS`, Spearman of the curve's slope with the distance to the
            optimum within so many std(z) of it, the median over units.
        law: the curvature-dispersion law.
        split: the split of log headroom.
    """

    step: int
    site: str
    scope: Scope
    n_units: int
    n_examples: int
    cost: float
    rank_gain: float | None
    rank_gain_within: float | None
    rank_distance: float | None
    rank_distance_within: float | None
    norm_of_mean: float
    mean_of_norms: float
    cancellation: float | None
    influence: float
    headroom: float
    distance: float
    trust_radius: float | None
    verdicts: dict[str, float]
    false_negatives: float | None
    censored: float
    zero: float
    non_finite: float
    output_slope: float | None
    unit_slope: float | None
    flatness: dict[str, float | None]
    law: Law | None
    split: Split | None


@dataclass(frozen=True)
class Parting:
    """A unit whose influence and error part, with the cause.

    Attributes:
        step: of training.
        unit: spelled as a selection that finds it again.
        scope: who shares the Δz.
        influence: its |δ| (the mean over examples in scope `each`).
        headroom: its headroom.
        share: of its demons that are false negatives.
        cause: `saturated`, `dead here`, `cancelling`, `curved` or `unexplained`.
    """

    step: int
    unit: str
    scope: Scope
    influence: float
    headroom: float
    share: float
    cause: str


@dataclass(frozen=True)
class Question:
    """The result of `nd.question`.

    Attributes:
        question: what was asked, in one line.
        answer: plain sentences; every number of them stands in the tables.
        layers: one row for each step, site and scope.
        partings: units where influence and error part, the largest headroom first.
        steps: the steps of training looked at.
        notes: what its reader should know.
        manifest: what made these numbers.
    """

    question: str
    answer: tuple[str, ...]
    layers: tuple[Layer, ...]
    partings: tuple[Parting, ...]
    steps: tuple[int, ...]
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None

    def __str__(self) -> str:
        """Print the question, the tables, and the answer at the end."""
        return "\n\n".join([
            self.question,
            _table(self.layers, _MAIN),
            _table(self.partings, tuple(field.name for field in fields(Parting))),
            "\n".join(self.answer),
        ])

    def __repr__(self) -> str:
        """Print as text, so that a console shows the answer."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show as preformatted text in notebooks; `nd.plot(question)` draws it."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def to_dict(self) -> dict[str, Any]:
        """Spell as plain values for JSON."""
        spelled = asdict(self)
        del spelled["manifest"]
        return spelled

    @classmethod
    def from_dict(cls, values: dict[str, Any], manifest: Manifest | None = None) -> "Question":
        """Put a question together again from what `to_dict` spelled."""
        layers = tuple(
            Layer(**{
                **row,
                "law": None if row["law"] is None else Law(**row["law"]),
                "split": None if row["split"] is None else Split(**row["split"]),
            })
            for row in values["layers"]
        )
        return cls(
            question=values["question"],
            answer=tuple(values["answer"]),
            layers=layers,
            partings=tuple(Parting(**row) for row in values["partings"]),
            steps=tuple(values["steps"]),
            notes=tuple(values["notes"]),
            manifest=manifest,
        )


_MAIN = (
    "step", "site", "scope", "cost", "rank_gain", "rank_gain_within", "rank_distance",
    "rank_distance_within", "norm_of_mean", "mean_of_norms", "headroom", "distance",
    "false_negatives",
)  # fmt: skip


def _table(rows: Sequence[Layer] | Sequence[Parting], names: tuple[str, ...]) -> str:
    """Lay rows out under their columns."""
    return format_table(names, [[getattr(row, name) for name in names] for row in rows])
