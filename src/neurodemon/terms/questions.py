"""The question: is influence error? What a network answers, in tables and plain sentences."""

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from neurodemon.terms.effects import Effects
from neurodemon.terms.findings import Scope
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.text import format_table, spell_number, spell_share

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
        gain_measured: the correlation with headroom measured over these very demons.
        distance_measured: likewise, with |best_dz|.
    """

    s_delta: float
    s_curvature: float
    r: float
    gain: float
    distance: float
    n_demons: int
    gain_measured: float | None = None
    distance_measured: float | None = None


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
        shape: the median κ = headroom / (|δ|·|best_dz|).
        norm_of_mean_trained: `norm_of_mean` on the examples the network was trained on, where
            they are known and others are studied.
        mean_of_norms_trained: likewise.
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
    shape: float | None = None
    norm_of_mean_trained: float | None = None
    mean_of_norms_trained: float | None = None


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
class Table:
    """A table of a question's numbers, each spelled once: so do the answer's sentences.

    Attributes:
        title: what it shows.
        columns: the heads.
        rows: the cells as text.
        legend: what the heads mean.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: str = ""

    def __str__(self) -> str:
        """Print title, rows and legend."""
        text = format_table(self.columns, self.rows)
        return "\n".join(part for part in (self.title, text, self.legend) if part)


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
        effects: one row for each step, unit and scope, as `nd.headroom` has them.
    """

    question: str
    answer: tuple[str, ...]
    layers: tuple[Layer, ...]
    partings: tuple[Parting, ...]
    steps: tuple[int, ...]
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None
    effects: Effects | None = None

    def tables(self) -> tuple[Table, ...]:
        """Spell the numbers as tables, those of the appendix last."""
        made = [_ranks(self.layers), _training(self.layers), _verdicts(self.layers)]
        made += [_flatness(self.layers), _partings(self.partings), _appendix(self.layers)]
        return tuple(table for table in made if table.rows)

    def __str__(self) -> str:
        """Print the question, the tables, and the answer at the end."""
        notes = "\n".join(f"note: {note}" for note in self.notes)
        parts = [self.question, *map(str, self.tables()), notes, "\n".join(self.answer)]
        return "\n\n".join(part for part in parts if part)

    def __repr__(self) -> str:
        """Print as text, so that a console shows the answer."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show as preformatted text in notebooks; `nd.plot(question)` draws it."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def to_dict(self) -> dict[str, Any]:
        """Spell as plain values for JSON, all but manifest and effects."""
        spelled = asdict(replace(self, manifest=None, effects=None))
        return {name: spelled[name] for name in spelled if name not in {"manifest", "effects"}}

    @classmethod
    def from_dict(
        cls,
        values: dict[str, Any],
        manifest: Manifest | None = None,
        effects: Effects | None = None,
    ) -> "Question":
        """Put a question together again from what `to_dict` spelled."""
        return cls(
            question=values["question"],
            answer=tuple(values["answer"]),
            layers=tuple(layer_from_dict(row) for row in values["layers"]),
            partings=tuple(Parting(**row) for row in values["partings"]),
            steps=tuple(values["steps"]),
            notes=tuple(values["notes"]),
            manifest=manifest,
            effects=effects,
        )


def layer_from_dict(values: dict[str, Any]) -> Layer:
    """Put a layer together again from its fields as plain values."""
    law, split = values["law"], values["split"]
    return Layer(**{
        **values,
        "law": None if law is None else Law(**law),
        "split": None if split is None else Split(**split),
    })


def _cells(row: Layer, *values: float | None) -> tuple[str, ...]:
    """A row that begins with step and site."""
    return (str(row.step), row.site, *map(spell_number, values))


def _ranks(layers: Sequence[Layer]) -> Table:
    """How far influence ranks as headroom and as distance do."""
    columns = (
        "step", "site", "scope", "cost", "rank gain", "within", "rank distance", "within",
        "|δ|", "headroom", "|best Δz|", "κ", "trust radius",
    )  # fmt: skip
    rows = [
        (
            *_cells(row)[:2], row.scope,
            *map(spell_number, (
                row.cost, row.rank_gain, row.rank_gain_within, row.rank_distance,
                row.rank_distance_within, row.influence, row.headroom, row.distance, row.shape,
                row.trust_radius,
            )),
        )
        for row in layers
    ]  # fmt: skip
    return Table(
        "Does influence rank as error does?",
        columns,
        tuple(rows),
        "rank gain: Spearman of |δ| with headroom, over all demons; rank distance: with |best Δz|; "
        "within: inside each example, the mean over examples. |δ|, headroom: means; |best Δz|, "
        "κ = headroom / (|δ|·|best Δz|), trust radius (in std of z): medians.",
    )


def _training(layers: Sequence[Layer]) -> Table:
    """What training does to the slopes, once for each step and site."""
    columns = ["‖mean δ‖", "mean ‖δ‖", "cancelling", "‖∂C/∂output‖", "‖∂output/∂z‖"]
    first = list({(row.step, row.site): row for row in reversed(layers)}.values())[::-1]
    has_trained = any(row.norm_of_mean_trained is not None for row in first)
    rows = []
    for row in first:
        numbers = [row.norm_of_mean, row.mean_of_norms, row.cancellation]
        numbers += [row.output_slope, row.unit_slope]
        trained = [row.norm_of_mean_trained, row.mean_of_norms_trained] if has_trained else []
        rows.append(_cells(row, *numbers, *trained))
    added = ["‖mean δ‖ trained", "mean ‖δ‖ trained"] if has_trained else []
    legend = (
        "cancelling: |mean δ| / mean |δ|, the median over units; ‖∂C/∂output‖, ‖∂output/∂z‖: the "
        "two factors of δ, means over examples (and units)."
    )
    if has_trained:
        legend += " trained: on the examples that the network was trained on."
    return Table("What does training do?", ("step", "site", *columns, *added), tuple(rows), legend)


def _verdicts(layers: Sequence[Layer]) -> Table:
    """The share of demons in each verdict."""
    names = list(dict.fromkeys(name for row in layers for name in row.verdicts))
    others = ("top 5 % missed", "censored", "zero", "non-finite")
    rows = [
        (
            *_cells(row)[:2],
            row.scope,
            *(spell_share(row.verdicts.get(name, 0.0)) for name in names),
            *map(spell_share, (row.false_negatives, row.censored, row.zero, row.non_finite)),
        )
        for row in layers
    ]
    return Table(
        "What becomes of the slope's promise?",
        ("step", "site", "scope", *names, *others),
        tuple(rows),
        "Shares of the demons. top 5 % missed: of the top 5 % by headroom, those in the lower "
        "half by |δ|; censored: best Δz at the radius; zero: no headroom.",
    )


def _flatness(layers: Sequence[Layer]) -> Table:
    """Slope against distance to the optimum, window by window."""
    first = list({(row.step, row.site): row for row in reversed(layers)}.values())[::-1]
    windows = [f"{window:g}" for window in WINDOWS]
    told = [row for row in first if any(row.flatness.get(name) is not None for name in windows)]
    rows = tuple(_cells(row, *(row.flatness.get(name) for name in windows)) for row in told)
    return Table(
        "Flat near the optimum, steeper further away?",
        ("step", "site", *(f"{name} std" for name in windows)),
        rows,
        "Spearman of a curve's slope with the distance to its optimum, within so many std of it; "
        "the median over the units whose optimum lies within the radius.",
    )


def _partings(partings: Sequence[Parting]) -> Table:
    """Units that influence passes over, at the last step."""
    last = max((row.step for row in partings), default=0)
    rows = tuple(
        (
            str(row.step), row.unit, row.scope, spell_number(row.influence),
            spell_number(row.headroom), spell_share(row.share), row.cause,
        )
        for row in partings
        if row.step == last
    )  # fmt: skip
    return Table(
        "Where do influence and error part?",
        ("step", "unit", "scope", "|δ|", "headroom", "missed", "cause"),
        rows,
        "missed: the share of the unit's demons that are in the top 5 % by headroom and in the "
        "lower half by |δ|.",
    )


def _appendix(layers: Sequence[Layer]) -> Table:
    """The law's forecast beside what was measured, and the split of log headroom."""
    columns = (
        "step", "site", "scope", "s(δ)", "s(h)", "r", "gain: law", "measured", "distance: law",
        "measured", "influence", "distance", "shape",
    )  # fmt: skip
    rows = []
    for row in layers:
        law, split = row.law, row.split
        spread = (law.s_delta, law.s_curvature, law.r) if law else (None,) * 3
        gain = (law.gain, law.gain_measured) if law else (None, None)
        distance = (law.distance, law.distance_measured) if law else (None, None)
        shares = (split.influence, split.distance, split.shape) if split else (None,) * 3
        told = map(spell_number, (*spread, *gain, *distance, *shares))
        rows.append((*_cells(row)[:2], row.scope, *told))
    is_told = any(row.law or row.split for row in layers)
    return Table(
        "Appendix: why |δ| ranks the gain and not the distance",
        columns,
        tuple(rows) if is_told else (),
        "The curvature-dispersion law: s, the standard deviations of log |δ| and of log "
        "curvature; r, their correlation; the rank correlations it forecasts, and those measured "
        "over the same demons (with a slope, a positive curvature and a best Δz inside the "
        "radius). influence, distance, shape: the "
        "shares of log |δ|, log |best Δz| and log κ in the variance of log headroom.",
    )
