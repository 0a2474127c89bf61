"""An audit: predictions beside measurements, how far they agree, and what that proves."""

import html
from dataclasses import asdict, dataclass, fields
from os import PathLike
from typing import Any, Literal

from neurodemon.terms.effects import Effects
from neurodemon.terms.plotting import plot
from neurodemon.terms.text import format_table

EXACT, SAMPLED, PREDICTED = "exact", "sampled", "predicted"  # the evidence for a row
AUDIT_COLUMNS = ("low", "high", "evidence", "n_measured", "is_random")  # that an audit adds


@dataclass(frozen=True)
class Agreement:
    """How far one predictor agrees with the measurement, over the units of one site.

    Attributes:
        site: the site's name; None for all sites pooled.
        predictor: the predictor judged.
        n_units: how many units were compared (rows with a finite pair of numbers).
        pearson: linear correlation of predicted with measured; None if one is constant.
        spearman: rank correlation, ties averaged; None if one is constant.
        sign: share of units with the right sign, among those with a measured effect above
            the noise; None if there is none.
        slope: least-squares slope of measured on predicted through 0; 1 is ideal.
        median_relative_error: median of |predicted − measured| / |measured| over the units
            with an effect above the noise; None if there is none.
        tied: share of units whose measured effect is zero or under the noise floor.
        spearman_within: the rank correlation across units within one example, the mean over
            examples; None where it is not defined.
        spearman_low: of `spearman`, the lower end of its 95 % bootstrap interval over examples.
        spearman_high: the upper end.
    """

    site: str | None
    predictor: str
    n_units: int
    pearson: float | None
    spearman: float | None
    sign: float | None
    slope: float | None
    median_relative_error: float | None
    tied: float
    spearman_within: float | None = None
    spearman_low: float | None = None
    spearman_high: float | None = None


@dataclass(frozen=True)
class AuditCertificate:
    """What an audit proves, never more.

    Attributes:
        kind: `exact` (every unit measured on every example, nothing is estimated), `eb`
            (empirical Bernstein: holds for any distribution within a range that is known, which
            it is below the last hidden layer) or `clt` (asymptotic: holds as far as sample means
            are normal).
        statement: the same in words, with its numbers.
        assumes: what has to be true for it, in one sentence; empty for `exact`.
        top: k, how many leaders were looked for: the units of largest |effect|.
        confidence: how surely the bound holds, such as 0.95.
        recall_bound: the share of the true top k that the found top k holds at least, with that
            confidence.
        method: what the bound rests on: `all` (measured), `elimination` (every unit on a few
            examples) or `gaps` (a sample of units).
        n_undecided: units that may still belong to the top k.
        missed_by_counting: the hypergeometric bound: from the random sample of units alone, so
            many leaders may be among those that were not measured on all examples; None if it
            does not apply.
    """

    kind: Literal["exact", "eb", "clt"]
    statement: str
    assumes: str = ""
    top: int = 0
    confidence: float = 1.0
    recall_bound: float = 1.0
    method: Literal["all", "elimination", "gaps"] = "all"
    n_undecided: int = 0
    missed_by_counting: int | None = None


@dataclass(frozen=True)
class Work:
    """What an audit cost.

    Attributes:
        measurements: (unit, example) pairs measured, each counted once.
        forward_equivalents: the arithmetic done, in forward passes of the whole model over
            all examples, counted by graph nodes computed (rows included).
        naive_forwards: what one full forward per unit would have cost, in the same units.
        backward_passes: shared backward passes, over all batches.
        seconds: wall time of predicting and measuring.
        all_measurements: units × examples: what measuring everything would take.
        budget: how many measurements were allowed.
        stopped: why it ended: `all measured`, `bound met`, `budget spent` or `interrupted`.
    """

    measurements: int
    forward_equivalents: float
    naive_forwards: float
    backward_passes: int
    seconds: float
    all_measurements: int = 0
    budget: int = 0
    stopped: str = "all measured"

    @property
    def statement(self) -> str:
        """What the audit cost, and why it stopped, in words."""
        share = self.measurements / self.all_measurements if self.all_measurements else 1.0
        part = "" if share == 1 else f", {100 * share:.3g} % of all {self.all_measurements:,}"
        stopped = "" if share == 1 else f" Stopped: {self.stopped}."
        return (
            f"Work: {self.measurements:,} measurements (unit × example){part} by the arithmetic of "
            f"{self.forward_equivalents:,.1f} forward passes, where one for each unit would take "
            f"{self.naive_forwards:,.0f}; {self.backward_passes} backward passes; "
            f"{self.seconds:.1f} s.{stopped}"
        )


@dataclass(frozen=True)
class FalseNegative:
    """A unit of large effect that the predictor had ranked low.

    Attributes:
        unit: its name, as a selection finds it.
        site: its site's name.
        predicted: what the predictor said, in units of the cost.
        measured: what is so.
        predicted_rank: its place by |predicted|, from 1.
        measured_rank: its place by |measured|, from 1.
        cause: why it was missed: `saturation`, `cancellation`, `curvature` or `unexplained`.
    """

    unit: str
    site: str
    predicted: float
    measured: float
    predicted_rank: int
    measured_rank: int
    cause: str


@dataclass(frozen=True)
class Coverage:
    """How often intervals hold what they promise, on units whose truth is known.

    Attributes:
        nominal: the level that was asked for, such as 0.9.
        covered: the share of units whose truth lies within.
        n_units: how many units that was counted on; each interval made without its own unit.
    """

    nominal: float
    covered: float
    n_units: int


@dataclass(frozen=True)
class Audit:
    """The result of `nd.audit`.

    Attributes:
        effects: one row per unit, predicted and measured; beside them one column per
            predictor that applied (`tangent`, `first_order`, `link`, `linear_logits`), and the
            columns `low`, `high` (an interval for the mean effect over all examples),
            `evidence` (`exact`: measured on all examples; `sampled`: `measured` is an estimate
            from some; `predicted`: from none), `n_measured` (examples measured) and `is_random`
            (drawn at random: agreement is judged on these).
        agreement: per site and predictor; the pooled rows have site None.
        certificate: what the audit proves.
        work: what it cost.
        verdicts: a sentence per site.
        answers: the two questions of the book's readers, answered with this run's numbers.
        question: what was asked, in one line.
        false_negatives: units of large effect that were predicted small, the worst first.
        calibration: how well the intervals hold.
        seed: of what was drawn at random.
    """

    effects: Effects
    agreement: tuple[Agreement, ...]
    certificate: AuditCertificate
    work: Work
    verdicts: dict[str, str]
    answers: tuple[str, ...]
    question: str
    false_negatives: tuple[FalseNegative, ...] = ()
    calibration: tuple[Coverage, ...] = ()
    seed: int = 0

    def __str__(self) -> str:
        """Print the question, the units, the agreement, the verdicts, the proof, the answers."""
        columns = [column.name for column in fields(Agreement)][1:]
        later = {"spearman_within", "spearman_low", "spearman_high"}
        known = [
            name
            for name in columns
            if name not in later or any(getattr(row, name) is not None for row in self.agreement)
        ]
        names = ["site", *known]
        rows = [
            [row.site or "all", *(getattr(row, name) for name in known)] for row in self.agreement
        ]
        return "\n\n".join([
            self.question,
            str(self.effects.top(10)),
            format_table(names, rows),
            "\n".join(self.verdicts.values()),
            f"{self.certificate.statement}\n{self.work.statement}",
            "\n".join(self.answers),
        ])

    def __repr__(self) -> str:
        """Print as text, so that a console shows the answers."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show the top units as a table in notebooks, the rest as text."""
        paragraphs = [self.question, *self.verdicts.values(), *self.answers]
        text = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
        return self.effects.top(10).to_html() + text

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """Draw what each predictor said against what was measured, as `nd.plot` does.

        Args:
            path: where to write it as well: a .png or .svg file, or a folder for both.

        Returns:
            The `matplotlib.figure.Figure`; this needs the extra `plot`.
        """
        return plot(self, path)

    def summary(self) -> dict[str, Any]:
        """Everything but the effects, as plain values for JSON."""
        return {
            "question": self.question,
            "agreement": [asdict(row) for row in self.agreement],
            "certificate": asdict(self.certificate),
            "work": asdict(self.work),
            "verdicts": self.verdicts,
            "answers": list(self.answers),
            "false_negatives": [asdict(unit) for unit in self.false_negatives],
            "calibration": [asdict(row) for row in self.calibration],
            "seed": self.seed,
        }

    @classmethod
    def from_summary(cls, effects: Effects, summary: dict[str, Any]) -> "Audit":
        """Put an audit together again from its effects and its summary, an older one included."""
        return cls(
            effects=effects,
            agreement=tuple(Agreement(**row) for row in summary["agreement"]),
            certificate=AuditCertificate(**summary["certificate"]),
            work=Work(**summary["work"]),
            verdicts=dict(summary["verdicts"]),
            answers=tuple(summary["answers"]),
            question=summary["question"],
            false_negatives=tuple(
                FalseNegative(**one) for one in summary.get("false_negatives", ())
            ),
            calibration=tuple(Coverage(**row) for row in summary.get("calibration", ())),
            seed=summary.get("seed", 0),
        )
