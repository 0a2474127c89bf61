"""What the columns of effects say of each unit, whichever verb and version wrote them.

Older runs lack the columns `low`, `high`, `evidence` and `n_measured`: what was measured then,
was measured on all examples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.effects import SCHEMA, Effects
from neurodemon.terms.text import count

Array = NDArray[np.float64]
OF_AN_AUDIT = {"low", "high", "evidence", "n_measured", "is_random", "name"}
BASELINES = ("first_order", "tangent")  # what influence alone promises
DEMONS = {"zero": "set to zero", "mean": "set to its mean", "patch": "given its other value"}


@dataclass(frozen=True, eq=False)
class Reading:
    """Effects, read for a page.

    Attributes:
        effects: as they are.
        effect: measured where there is a number, else predicted.
        predicted: NaN where there is no prediction.
        low: the lower end of the interval; NaN where there is none.
        high: the upper end.
        evidence: `exact`, `sampled` or `predicted`.
        n_measured: on how many examples; NaN where it is not known.
        predictor: whose prediction it is; empty if nobody's.
        others: further predictors, which have columns of their own.
    """

    effects: Effects
    effect: Array
    predicted: Array
    low: Array
    high: Array
    evidence: list[str]
    n_measured: Array
    predictor: str
    others: tuple[str, ...]

    @property
    def has_measured(self) -> bool:
        """Whether any unit was measured."""
        return any(word != "predicted" for word in self.evidence)

    @property
    def baseline(self) -> str:
        """Name what influence alone promises, where that is another prediction; else nothing."""
        return next((name for name in BASELINES if name in self.others), "")

    @property
    def n_examples(self) -> int | None:
        """How many examples there are."""
        return next((int(n) for n in self.effects["n_examples"] if n is not None), None)

    def take(self, rows: NDArray[np.int64]) -> "Reading":
        """Take rows by number."""
        return read(self.effects.take(rows))

    def how(self, row: int) -> str:
        """Say in words what a unit's effect rests on."""
        if self.evidence[row] == "predicted":
            return "predicted only"
        n_all, n_done = self.n_examples, self.n_measured[row]
        if self.evidence[row] == "sampled":
            done = "some" if np.isnan(n_done) else f"{n_done:,.0f}"
            return f"estimated from {done} of {'all' if n_all is None else f'{n_all:,}'} examples"
        return "measured" if n_all is None else f"measured on {_all(n_all)}"


def read(effects: Effects) -> Reading:
    """Read effects.

    Args:
        effects: of any verb.

    Returns:
        What they say of each unit.
    """
    measured, predicted = effects.array("measured"), effects.array("predicted")
    is_measured = np.isfinite(measured)
    names = effects.table.column_names
    known = [*SCHEMA.names, *OF_AN_AUDIT]
    said: list[str | None] = effects["evidence"] if "evidence" in names else [None] * len(effects)
    predictor = ", ".join(dict.fromkeys(filter(None, effects["predictor"])))
    return Reading(
        effects=effects,
        effect=np.where(is_measured, measured, predicted),
        predicted=predicted,
        low=_column(effects, "low"),
        high=_column(effects, "high"),
        evidence=[
            word or ("exact" if one else "predicted")
            for word, one in zip(said, is_measured, strict=True)
        ],
        n_measured=_column(effects, "n_measured"),
        predictor=predictor,
        others=tuple(
            name
            for name in names
            if name not in known and name != predictor and _is_numeric(effects.table, name)
        ),
    )


def order_by_size(values: Array) -> NDArray[np.int64]:
    """Order rows by the size of their number, the largest first, those without one last."""
    sizes = np.abs(values)
    return np.argsort(np.where(np.isfinite(sizes), -sizes, np.inf), kind="stable")


def demon_in_words(perturbation: str | None) -> str:
    """Say what the demon does to its unit."""
    return DEMONS.get(perturbation or "", f"under {perturbation or 'an unknown demon'}")


def _all(n_examples: int) -> str:
    """Say that all examples were taken."""
    return "the one example" if n_examples == 1 else f"all {count(n_examples, 'example')}"


def _column(effects: Effects, name: str) -> Array:
    """Take a numeric column; NaN where there is no such column."""
    if name not in effects.table.column_names:
        return np.full(len(effects), np.nan)
    return effects.array(name)


def _is_numeric(table: Any, name: str) -> bool:
    """Whether a column holds real numbers: those of predictors do."""
    return str(table.schema.field(name).type) == "double"
