"""Findings by brute force: each demon tries 2,001 Δz on a curve written by hand.

`curve(example, unit, dz)` gives the cost at each Δz, in NumPy; nothing of the engine is used.
"""

from collections.abc import Callable

import numpy as np

from neurodemon.terms.findings import NEAR, WAY, Findings

Curve = Callable[[int, int, np.ndarray], np.ndarray]
TINY = 1e-5  # the step of differences


class Curves:
    """The curves of some examples and units, and who shares the Δz."""

    def __init__(self, curve: Curve, shape: tuple[int, int], scope: str) -> None:
        self.curve, self.shape, self.scope = curve, shape, scope

    def costs(self, dz):
        """Cost per example and unit, each moved by its own Δz; (point, example, unit)."""
        n_examples, n_units = self.shape
        per_example = [
            np.stack([self.curve(i, u, dz[..., i, u]) for u in range(n_units)], -1)
            for i in range(n_examples)
        ]
        return np.stack(per_example, -2)

    def rows(self, values):
        """Per demon: each example's own, or the mean over the examples."""
        return values.mean(-2, keepdims=True) if self.scope == "shared" else values

    def everywhere(self, *dz):
        """The cost per demon when all examples are moved by the same Δz's."""
        points = np.array(dz)[:, None, None]
        return self.rows(self.costs(np.broadcast_to(points, (len(dz), *self.shape))))


def brute_findings(
    curve: Curve, shape: tuple[int, int], *, scope="each", std=1.0, radius=4.0
) -> Findings:
    """Let demons look at curves.

    Args:
        curve: the cost of an example when a unit is moved by each Δz.
        shape: how many examples and units.
        scope: who shares the Δz.
        std: of each unit.
        radius: how far each demon may go.
    """
    drawn = Curves(curve, shape, scope)
    grid = np.linspace(-radius, radius, 2001)
    tried = drawn.everywhere(*grid)
    best = nearest_best(grid, tried)
    here, up, down = drawn.everywhere(0.0, TINY, -TINY)
    own = np.broadcast_to(best, shape)[None]
    clean = drawn.costs(np.zeros_like(own))
    step = np.full(own.shape, TINY)
    return Findings(
        scope=scope,
        radius=np.full(shape[1], float(radius)),
        std=np.full(shape[1], float(std)),
        cost=here[:, 0],
        delta=(up - down) / (2 * TINY),
        best_dz=best,
        headroom=np.maximum(here - tried.min(0), 0.0),
        trust_radius=np.full(best.shape, 0.1),
        curvature=(up + down - 2 * here) / TINY**2,
        is_censored=np.abs(best) == radius,
        is_finite=np.ones(best.shape, bool),
        moves=tried.max(0) > tried.min(0),
        noise=np.full(best.shape[0], 1e-15),
        near=drawn.everywhere(-NEAR * std, NEAR * std) - here,
        way=np.concatenate([drawn.rows(drawn.costs(part * own) - clean) for part in WAY]),
        deltas=(drawn.costs(step) - drawn.costs(-step))[0] / (2 * TINY),
        effects=(drawn.costs(own) - clean)[0],
        n_tried=len(grid),
    )


def nearest_best(grid: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """The Δz nearest to 0 among those of least cost, one demon after the other."""
    best = np.empty(tried.shape[1:])
    for row, unit in np.ndindex(*best.shape):
        here = tried[:, row, unit]
        least = np.flatnonzero(here <= here.min() + 1e-15)
        best[row, unit] = grid[least[np.abs(grid[least]).argmin()]]
    return best
