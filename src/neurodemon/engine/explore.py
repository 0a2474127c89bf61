"""Explore: give every unit a demon that looks for the Δz with the least cost, and measure all.

All units of a block go at once, in both scopes from one grid: the blind demon reads the mean
over the examples, the seeing demon each example's own. Nothing here descends: the grid, then
its deepest basins (`search`), every value a real run. Source: DESIGN §6; theory.md §1.1, §1.7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.bench import Benches
from neurodemon.engine.search import (
    EVEN,
    HALVINGS,
    MOST_EVEN,
    Basins,
    Ties,
    find_basins,
    first_violation,
    halve,
    make_grid,
    narrow,
    settle,
    sharpen,
)
from neurodemon.terms.findings import (
    FLOORS,
    NEAR,
    TRUSTED,
    WAY,
    Array,
    Findings,
    Scope,
    floor_of_mean,
)
from neurodemon.terms.shapes import Float

EQUAL_IN_FLOORS = 1 / 16  # a quarter of a roundoff: costs nearer to each other are equal
NUMBERS_OF_GRID = 1 << 23  # made by the model along half of it: a small one gets a finer grid
TRUST_BISECTIONS = 7  # of a factor of 2 or an even step: to 1 %
AT_EDGE = 1 - 1e-9  # of the radius
CURVATURE_STEPS = {True: 1e-3, False: 5e-2}  # of std(z), in float64 and below


@dataclass(frozen=True, eq=False)
class Reach:
    """How far each unit's demon may go.

    Attributes:
        radius: of each unit.
        std: std(z) of each unit, or what stands in for it.
    """

    radius: Float[Array, " unit"]
    std: Float[Array, " unit"]


def explore(
    benches: Benches, reach: Reach, scopes: Sequence[Scope], *, sign: float = 1.0
) -> dict[Scope, Findings]:
    """Find each demon's best Δz, and how far first order can be trusted on its way.

    Args:
        benches: the units over all batches.
        reach: how far they may go.
        scopes: who shares the Δz.
        sign: −1 for a metric that should grow: its negative is what a demon lowers.

    Returns:
        What was found, by scope.
    """
    grid = make_grid(max(EVEN, min(MOST_EVEN, NUMBERS_OF_GRID // benches.n_numbers)))
    seen = benches.try_out(grid[:, None, None] * reach.radius)
    return {
        scope: _Exploration(benches, reach, scope, sign).find(grid, *seen)
        for scope in dict.fromkeys(scopes)
    }


@dataclass(frozen=True, eq=False)
class _Exploration:
    """One scope's demons."""

    benches: Benches
    reach: Reach
    scope: Scope
    sign: float

    def find(self, grid: Array, effects: Array, first_order: Array) -> Findings:
        """Find all there is, from the grid on."""
        seen = self._seen(effects)
        basins, n_tried = self._close_in(find_basins(grid, seen, self._ties))
        corners = sharpen(basins)
        best = settle(basins, corners, self._try_all(corners), self._ties)
        return self._describe(best, seen, self._trust(grid, effects, first_order), n_tried)

    def _describe(self, best: Array, seen: Array, trust: Array, n_tried: int) -> Findings:
        """Look at the way to the best Δz and around 0, and put it all together."""
        radius, std = self.reach.radius, self.reach.std
        raw, _ = self.benches.try_out(np.array(WAY)[:, None, None] * best * radius)
        way = self._seen(raw)
        end = WAY.index(1.0)
        near = self._seen_at(np.array([-NEAR, NEAR])[:, None, None] * std)
        step = CURVATURE_STEPS[self.benches.is_double] * std
        bent = self._seen_at(np.array([-1.0, 1.0])[:, None, None] * step)
        deltas = self.sign * self.benches.delta
        is_finite = np.asarray(np.isfinite(seen).all(0))
        with np.errstate(invalid="ignore"):
            curvature = (bent[0] + bent[1]) / step**2
        return Findings(
            scope=self.scope,
            radius=radius,
            std=std,
            cost=self._rows(self.sign * self.benches.cost),
            delta=self._rows(deltas),
            best_dz=best * radius,
            headroom=np.maximum(0.0, -way[end]),
            trust_radius=trust,
            curvature=curvature,
            is_censored=(np.abs(best) >= AT_EDGE) & (way[end] < 0),
            is_finite=is_finite,
            moves=(seen != 0).any(0),
            noise=self._noise,
            near=near,
            way=way,
            deltas=deltas,
            effects=self.sign * raw[end],
            n_tried=len(seen) + n_tried + 2 * len(near) + len(way),
        )

    def _close_in(self, basins: Basins) -> tuple[Basins, int]:
        """Halve the basins again and again."""
        for _ in range(HALVINGS):
            x = halve(basins)
            basins = narrow(basins, x, self._try_all(x))
        per_round = 2 * basins.x.shape[1]
        return basins, (HALVINGS + 1) * per_round + 2 * TRUST_BISECTIONS

    def _trust(self, grid: Array, effects: Array, first_order: Array) -> Array:
        """How far, both ways, first order stays within 10 % of the measurement."""
        middle = len(grid) // 2
        outwards = grid[middle + 1 :]
        both = self._is_kept(effects, first_order)
        is_kept = both[middle + 1 :] & both[:middle][::-1]
        kept, broken = first_violation(outwards, is_kept)
        is_found = np.isfinite(broken)
        for _ in range(TRUST_BISECTIONS):
            half = np.where(is_found, (kept + broken) / 2, kept)
            tried = self.benches.try_out(np.stack([-half, half]) * self.reach.radius)
            holds = self._is_kept(*tried).all(0)
            kept, broken = np.where(holds, half, kept), np.where(holds, broken, half)
        return np.where(is_found, kept, 1.0) * self.reach.radius

    def _is_kept(self, effects: Array, first_order: Array) -> NDArray[np.bool_]:
        """Whether first order is within 10 % of the measurement, or both are noise."""
        done, said = self._rows(effects, 1), self._rows(first_order, 1)
        floor = FLOORS * self._noise[:, None]
        with np.errstate(invalid="ignore"):
            is_noise = (np.abs(done) <= floor) & (np.abs(said) <= floor)
            return np.asarray((np.abs(done - said) <= TRUSTED * np.abs(done)) | is_noise)

    def _try_all(self, x: Array) -> Array:
        """The effects at the points of all basins, counted in radii."""
        tries = x.reshape(-1, *x.shape[2:])
        return self._seen_at(tries * self.reach.radius).reshape(x.shape)

    def _seen_at(self, dz: Array) -> Array:
        return self._seen(self.benches.try_out(dz)[0])

    def _seen(self, effects: Array) -> Array:
        """What the demons see of effects: each example's, or the mean; NaN as infinite."""
        rows = self.sign * self._rows(effects, 1)
        return np.where(np.isnan(rows), np.inf, rows)

    def _rows(self, values: Array, axis: int = 0) -> Array:
        """Keep the examples, or average over them."""
        if self.scope == "each":
            return values
        with np.errstate(all="ignore"):
            return np.asarray(values.mean(axis=axis, keepdims=True))

    @property
    def _ties(self) -> Ties:
        """How near two costs count as equal."""
        noise = self._noise[:, None]
        return Ties(plateau=noise, elsewhere=EQUAL_IN_FLOORS * noise)

    @property
    def _noise(self) -> Array:
        """The noise floor of each row."""
        floors = self.benches.noise_floor
        return floors if self.scope == "each" else np.array([floor_of_mean(floors)])
