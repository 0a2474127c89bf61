"""Findings: what demons found that looked for the Δz with the least cost, in plain arrays.

One demon for each entry (row, unit). In scope `each` a row is an example, and each demon sees
its own; in scope `shared` there is one row, and one Δz serves all examples. The numbers come
from the engine; `judge` reads them, and knows nothing of torch.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import PerturbationError
from neurodemon.terms.shapes import Bool, Float

Array = NDArray[np.float64]
Scope = Literal["shared", "each"]
SCOPES: tuple[Scope, ...] = ("shared", "each")

# Where a demon's way to its best Δz was looked at, in parts of it; the last lies behind it.
WAY = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125)
NEAR = 0.25  # std(z): how near the promise is tried, both ways
TRUSTED = 0.1  # of the measurement: how far first order may be off within the trust radius
FLOORS = 3.0  # an effect below three noise floors is a tie with zero: theory.md §5


@dataclass(frozen=True, eq=False)
class Findings:
    """What the demons of some units of one site found.

    Effects are cost after − cost before. Of a metric that should grow, all numbers are of its
    negative, so that a demon always looks for the least.

    Attributes:
        scope: who shares the Δz.
        radius: how far each unit's demon may go.
        std: of each unit, or what stands in for it.
        cost: the clean cost of each row; the mean over the examples in scope `shared`.
        delta: δ of each demon; the mean over the examples in scope `shared`.
        best_dz: the Δz nearest to 0 among those of least cost.
        headroom: what that wins: C(0) − C(best_dz), at least 0.
        trust_radius: up to here, both ways, first order stays within 10 % of the truth.
        curvature: ∂²C/∂z² at 0, from a second difference.
        is_censored: whether best_dz lies at the radius: there may be more beyond.
        is_finite: whether the cost stayed finite wherever the demon looked.
        moves: whether any Δz changed the cost at all.
        noise: the noise floor of each row's cost.
        near: the effects at −¼·std and +¼·std.
        way: the effects at `WAY` · best_dz.
        deltas: δ of each example, in either scope.
        effects: of each example, when each demon stands at its best Δz.
        n_tried: how many Δz were tried for each demon.
    """

    scope: Scope
    radius: Float[Array, " unit"]
    std: Float[Array, " unit"]
    cost: Float[Array, " row"]
    delta: Float[Array, "row unit"]
    best_dz: Float[Array, "row unit"]
    headroom: Float[Array, "row unit"]
    trust_radius: Float[Array, "row unit"]
    curvature: Float[Array, "row unit"]
    is_censored: Bool[NDArray[np.bool_], "row unit"]
    is_finite: Bool[NDArray[np.bool_], "row unit"]
    moves: Bool[NDArray[np.bool_], "row unit"]
    noise: Float[Array, " row"]
    near: Float[Array, "2 row unit"]
    way: Float[Array, "way row unit"]
    deltas: Float[Array, "example unit"]
    effects: Float[Array, "example unit"]
    n_tried: int

    @property
    def promised(self) -> Float[Array, "row unit"]:
        """What the slopes promised of the best Δz: |δ|·|best_dz|."""
        return np.abs(self.delta) * np.abs(self.best_dz)

    @property
    def shape(self) -> Float[Array, "row unit"]:
        """κ = headroom / (|δ|·|best_dz|); NaN where δ or best_dz is 0."""
        return ratio(self.headroom, self.promised)

    @property
    def mean_shape(self) -> Float[Array, " unit"]:
        """κ of each unit's demons together: mean headroom / mean promise; NaN where that is 0."""
        return ratio(self.headroom.mean(0), self.promised.mean(0))

    @property
    def cancellation(self) -> Float[Array, " unit"]:
        """|mean δ| / mean |δ| over the examples; NaN where every δ is 0."""
        return ratio(np.abs(self.deltas.mean(0)), np.abs(self.deltas).mean(0))


def floor_of_mean(floors: Float[Array, " example"]) -> float:
    """The noise floor of a mean over examples, whose roundings are independent.

    Args:
        floors: the noise floor of each example.

    Returns:
        √Σ floor² / n.

    Example:
        >>> floor_of_mean(np.full(4, 2.0))
        1.0
    """
    return float(np.sqrt(np.square(floors).sum()) / len(floors))


def ratio(part: Float[Array, "*any"], whole: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Divide; NaN, without a warning, where the divisor is 0 or not finite.

    Args:
        part: the dividend.
        whole: the divisor.

    Returns:
        The quotient.

    Example:
        >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
        [0.5, nan]
    """
    with np.errstate(all="ignore"):
        divided = np.asarray(part / whole)
    return np.where(np.isfinite(whole) & (whole != 0), divided, np.nan)


def read_scope(scope: str) -> Scope:
    """Read the name of a scope.

    Args:
        scope: `shared` or `each`.

    Returns:
        The scope.

    Raises:
        PerturbationError: it is neither.
    """
    for known in SCOPES:
        if scope == known:
            return known
    raise PerturbationError(
        f"scope is {scope!r}; expected 'shared' (one Δz for all examples) or 'each' (its own for "
        "each example)."
    )
