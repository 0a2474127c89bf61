"""A curve: the cost along a demon's way, measured, beside what each predictor said of it."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.findings import Scope, ratio
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.shapes import Float
from neurodemon.terms.text import format_table

Array = NDArray[np.float64]
ROWS_SHOWN = 21  # of a long curve, when it is printed: every so many-th point


@dataclass(frozen=True, eq=False)
class Curve:
    """C(Δz) of one unit.

    In scope `shared` every example gets the same Δz. In scope `each` dz counts along each
    example's own way down (up, for a metric that should grow): Δz of example i is −sign(δ_i)·dz,
    so that the slope at 0 is −mean |δ|.

    Attributes:
        unit: the unit, spelled as a selection that finds it again.
        scope: who shares the Δz.
        radius: how far the demon may go, in the units of z.
        radius_text: how the radius was asked for.
        radius_from: what the radius was taken from: `unit`, `site`, `one` (std) or `absolute`.
        dz: Δz, in ascending order; 0 is among them.
        measured: the cost at each Δz, the mean over the examples; at one position, over those
            that are not padded there.
        tangent: cost + slope · Δz, the book's promise.
        predicted: by each predictor that applies (`tangent` among them), the cost it says.
        per_example: the measured cost, (point, example), of these examples.
        cost: the clean cost, C(0).
        slope: of the tangent: the mean δ in scope `shared`; in scope `each` −mean |δ|, or
            +mean |δ| of a metric that should grow.
        better: whether a lower or a higher cost is better.
        notes: what its reader should know.
        manifest: what made these numbers.
    """

    unit: str
    scope: Scope
    radius: float
    radius_text: str
    radius_from: str
    dz: Float[Array, " point"]
    measured: Float[Array, " point"]
    tangent: Float[Array, " point"]
    predicted: Mapping[str, Float[Array, " point"]]
    per_example: Float[Array, "point example"]
    cost: float
    slope: float
    better: Literal["lower", "higher"] = "lower"
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None

    @property
    def effect(self) -> Float[Array, " point"]:
        """The measured change: C(Δz) − C(0)."""
        return self.measured - self.cost

    @property
    def best(self) -> int:
        """The place of the best finite cost; of several, the one nearest to 0."""
        worth = -self.measured if self.better == "higher" else self.measured
        worth = np.where(np.isfinite(worth), worth, np.inf)
        least = np.flatnonzero(worth == worth.min())
        return int(least[np.abs(self.dz[least]).argmin()])

    @property
    def gain(self) -> float:
        """What the best point wins, at least 0: how much better the cost is there."""
        change = float(self.effect[self.best])
        return change if self.better == "higher" else -change

    @property
    def ratio(self) -> Float[Array, " point"]:
        """Measured / promised change; NaN at Δz = 0 and where nothing is promised."""
        return ratio(self.effect, self.tangent - self.cost)

    def rows(self) -> list[dict[str, Any]]:
        """Spell the points as plain values.

        Returns:
            One object for each Δz: dz, cost, then as effects (cost after − cost before)
            measured and each predictor; ratio = measured / tangent, None where undefined.
        """
        columns = {
            "dz": self.dz,
            "cost": self.measured,
            "measured": self.effect,
            **{name: cost - self.cost for name, cost in self.predicted.items()},
            "ratio": self.ratio,
        }
        spelled = {name: [_plain(value) for value in column] for name, column in columns.items()}
        return [
            dict(zip(spelled, values, strict=True))
            for values in zip(*spelled.values(), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Spell the whole curve as plain values for JSON.

        Returns:
            The lists `dz`, `measured`, `tangent` (costs) and one for each predictor, and what
            belongs to the unit.
        """
        return {
            "unit": self.unit,
            "scope": self.scope,
            "radius": self.radius,
            "radius_text": self.radius_text,
            "radius_from": self.radius_from,
            "cost": self.cost,
            "slope": self.slope,
            "better": self.better,
            "dz": self.dz.tolist(),
            "measured": self.measured.tolist(),
            "tangent": self.tangent.tolist(),
            "predicted": {name: cost.tolist() for name, cost in self.predicted.items()},
        }

    def __len__(self) -> int:
        """Count the points."""
        return len(self.dz)

    def __str__(self) -> str:
        """Print as a table; of a long curve some points, evenly taken, 0 among them."""
        rows = self.rows()
        table = format_table(list(rows[0]), [list(rows[place].values()) for place in self.shown()])
        return f"{self.unit}, {self.scope}, radius {self.radius_text} = {self.radius:.4g}\n{table}"

    def __repr__(self) -> str:
        """Print as the table."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show as preformatted text in notebooks; `nd.plot(curve)` draws it."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def shown(self) -> list[int]:
        """Choose the points that a table shows: the place of 0, and evenly away from it."""
        middle = int(np.abs(self.dz).argmin())
        step = -(-len(self) // ROWS_SHOWN)
        return sorted({*range(middle, -1, -step), *range(middle, len(self), step)})


def _plain(value: float) -> float | None:
    """Spell a number for JSON; none where there is no finite one."""
    return float(value) if np.isfinite(value) else None
