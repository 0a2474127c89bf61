"""Hold demons that look for their best Δz against those that try everything.

Oracle: `brute_headroom`. Tolerance: 0.998 of the grid's headroom less a few noise floors (the
cost's rounding: a difference of costs can tell no more). And of all that is as good, best_dz is
the nearest to 0: no point of the grid that is nearer, by more than two steps, is as good.
"""

import numpy as np
import pytest
import torch
from oracles.brute_headroom import Brute, even_grid, place_units, rows
from oracles.small_networks import Small

from neurodemon.jobs.exploring import find, headroom
from neurodemon.jobs.selecting import sites, units
from neurodemon.subjects.subject import Subject
from neurodemon.terms.findings import SCOPES, Findings
from neurodemon.terms.radii import Radius, Std

SHARE = 0.998  # of the grid's headroom: issue 3
FLOORS = 16.0  # noise floors that a cost may be off: ours and the oracle's add in another order
TOLD = 64.0  # noise floors from which a headroom is worth a look at its place
MISSED = 0.02  # of a unit's demons that may stand on a plateau but not at its edge
FOUR = Std(4)


class Demon:
    """One unit's demon that tries everything within a radius."""

    def __init__(self, brute: Brute, radius: float) -> None:
        self.brute = brute
        self.grid = even_grid(radius)
        effects = brute.effects(self.grid)
        self.effects = np.where(np.isnan(effects), np.inf, effects)

    def headroom(self, scope: str) -> np.ndarray:
        """The most that each row can win on the grid."""
        return np.maximum(0.0, -rows(self.effects, scope).min(0))

    def at(self, dz: np.ndarray, scope: str) -> np.ndarray:
        """The effect of each row's own Δz."""
        return rows(self.brute.effects(dz[None]), scope)[0]

    def require_best(self, dz: np.ndarray, scope: str, noise: np.ndarray) -> None:
        """Raise unless no point of the grid wins more than these Δz."""
        won, most = -self.at(dz, scope), self.headroom(scope)
        assert (won >= SHARE * most - FLOORS * noise).all(), (won, most)

    def require_nearest(self, dz: np.ndarray, scope: str, noise: np.ndarray) -> None:
        """Raise if, of more than 2 % of the rows, a point of the grid nearer to 0 is as good.

        (On a plateau of large weights rounding may exceed the noise floor.)
        """
        here = self.at(dz, scope)
        step = 2 * (self.grid[1] - self.grid[0])
        is_as_good = rows(self.effects, scope) <= here
        is_nearer = np.abs(self.grid) < np.abs(dz) - step
        is_missed = (is_nearer & is_as_good & (-here > TOLD * noise)).any(0)
        assert is_missed.mean() <= MISSED, (
            dz[is_missed],
            self.grid[is_as_good.argmax(0)][is_missed],
        )


def require_brute_force(
    small: Small, better: str, radius: Radius = FOUR, *, most_sites: int = 99
) -> None:
    """Raise unless all demons of a network's first sites find what brute force finds."""
    sign = -1.0 if better == "higher" else 1.0
    subject = Subject(
        small.model, small.batches, lambda out, y: sign * small.cost(out, y), better=better
    )
    shapes = {name: site.shape for site in sites(subject) for name in site.names}
    is_double = next(small.model.parameters()).dtype == torch.float64
    for name, axes, kind in small.sites[:most_sites]:
        chosen = units(subject, pattern_of(name, axes, kind, shapes[name]))
        brutes = place_units(small.model, small.batches, small.cost, name, axes, kind)
        found = find(subject, chosen, radius, SCOPES)
        sizes = joined(found["each"], "radius")
        demons = [Demon(*pair) for pair in zip(brutes, sizes, strict=True)]
        for scope, parts in found.items():
            effects = headroom(subject, chosen, radius, scope)
            won, noise = effects.array("headroom"), parts[0].noise
            for unit, (demon, dz) in enumerate(
                zip(demons, joined(parts, "best_dz").T, strict=True)
            ):
                demon.require_best(dz, scope, noise)
                if is_double:
                    demon.require_nearest(dz, scope, noise)
                floor = FLOORS * noise.mean()
                assert won[unit] >= max(0.0, SHARE * demon.headroom(scope).mean() - floor)
                assert won[unit] == pytest.approx(-demon.at(dz, scope).mean(), abs=floor)


def pattern_of(name: str, axes: tuple[str, ...], kind: str, shape: tuple[int, ...]) -> str:
    """Select the units of a site in the oracle's order."""
    if kind != "cell":
        return name + ("/position" if kind == "position" else "")
    positions = [size for axis, size in zip(axes, shape, strict=True) if axis == "position"]
    return ", ".join(f"{name}@{place}" for place in range(int(np.prod(positions))))


def joined(parts: list[Findings], name: str) -> np.ndarray:
    """A number of all units, whose parts come one after the other."""
    return np.concatenate([getattr(part, name) for part in parts], axis=-1)
