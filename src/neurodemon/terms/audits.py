"""An audit: predictions beside measurements, how far they agree, and what that proves."""

import html
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from neurodemon.terms.effects import Effects
from neurodemon.terms.text import format_table


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


@dataclass(frozen=True)
class AuditCertificate:
    """What an audit proves, never more.

    Attributes:
        kind: `exact` (every unit measured on every example), `eb` or `clt` (bounds).
        statement: the same in one sentence, with its numbers.
    """

    kind: Literal["exact", "eb", "clt"]
    statement: str


@dataclass(frozen=True)
class Work:
    """What an audit cost.

    Attributes:
        measurements: (unit, example) pairs measured.
        forward_equivalents: the arithmetic done, in forward passes of the whole model over
            all examples, counted by graph nodes computed (rows included).
        naive_forwards: what one full forward per unit would have cost, in the same units.
        backward_passes: shared backward passes, over all batches.
        seconds: wall time of predicting and measuring.
    """

    measurements: int
    forward_equivalents: float
    naive_forwards: float
    backward_passes: int
    seconds: float


@dataclass(frozen=True)
class Audit:
    """The result of `nd.audit`.

    Attributes:
        effects: one row per unit, predicted and measured; beside them one column per
            predictor that applied (`tangent`, `first_order`, `link`, `linear_logits`).
        agreement: per site and predictor; the pooled rows have site None.
        certificate: what the audit proves.
        work: what it cost.
        verdicts: a sentence per site.
        answers: the two questions of the book's readers, answered with this run's numbers.
        question: what was asked, in one line.
    """

    effects: Effects
    agreement: tuple[Agreement, ...]
    certificate: AuditCertificate
    work: Work
    verdicts: dict[str, str]
    answers: tuple[str, ...]
    question: str

    def __str__(self) -> str:
        """Print the question, the units, the agreement, the verdicts and the answers."""
        names = [column.name for column in fields(Agreement)]
        rows = [[row.site or "all", *list(asdict(row).values())[1:]] for row in self.agreement]
        return "\n\n".join([
            self.question,
            str(self.effects.top(10)),
            format_table(names, rows),
            "\n".join(self.verdicts.values()),
            self.certificate.statement,
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

    def summary(self) -> dict[str, Any]:
        """Everything but the effects, as plain values for JSON."""
        return {
            "question": self.question,
            "agreement": [asdict(row) for row in self.agreement],
            "certificate": asdict(self.certificate),
            "work": asdict(self.work),
            "verdicts": self.verdicts,
            "answers": list(self.answers),
        }

    @classmethod
    def from_summary(cls, effects: Effects, summary: dict[str, Any]) -> "Audit":
        """Put an audit together again from its effects and its summary."""
        return cls(
            effects=effects,
            agreement=tuple(Agreement(**row) for row in summary["agreement"]),
            certificate=AuditCertificate(**summary["certificate"]),
            work=Work(**summary["work"]),
            verdicts=dict(summary["verdicts"]),
            answers=tuple(summary["answers"]),
            question=summary["question"],
        )
