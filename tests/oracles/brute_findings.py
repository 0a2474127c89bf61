"""Findings by brute force: each demon tries 2,001 Δz on a curve written by hand.

`curve(example, unit, dz)` gives the cost at each Δz, in NumPy; nothing of the engine is used.
"""

from collections.abc import Callable

import numpy as np

from neurodemon.terms.findings import NEAR, WAY, Findings

Curve = Callable[[int, int, np.ndarray], np.ndarray]
TINY = 1e-5  # the step of differences


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
    n_examples, n_units = shape
    grid = np.linspace(-radius, radius, 2001)

    def costs(dz):
        """Cost per example and unit, each moved by its own Δz; (point, example, unit)."""
        return np.stack(
            [
                np.stack([curve(i, u, dz[..., i, u]) for u in range(n_units)], -1)
                for i in range(n_examples)
            ],
            -2,
        )

    def rows(values):
        """Per demon: each example's own, or the mean over the examples."""
        return values.mean(-2, keepdims=True) if scope == "shared" else values

    def everywhere(dz):
        """The cost per demon when all examples are moved by the same Δz's."""
        return rows(costs(np.broadcast_to(dz[:, None, None], (len(dz), n_examples, n_units))))

    tried = everywhere(grid)
    clean = costs(np.zeros((1, n_examples, n_units)))[0]
    best = np.empty(tried.shape[1:])
    for row, unit in np.ndindex(*best.shape):
        here = tried[:, row, unit]
        least = np.flatnonzero(here <= here.min() + 1e-15)
        best[row, unit] = grid[least[np.abs(grid[least]).argmin()]]
    here, up, down = (everywhere(np.array([step])) for step in (0.0, TINY, -TINY))
    own = np.broadcast_to(best, (n_examples, n_units))
    step = np.full((1, n_examples, n_units), TINY)
    return Findings(
        scope=scope,
        radius=np.full(n_units, float(radius)),
        std=np.full(n_units, float(std)),
        cost=here[0, :, 0],
        delta=(up - down)[0] / (2 * TINY),
        best_dz=best,
        headroom=np.maximum(here[0] - tried.min(0), 0.0),
        trust_radius=np.full(best.shape, 0.1),
        curvature=(up + down - 2 * here)[0] / TINY**2,
        is_censored=np.abs(best) == radius,
        is_finite=np.ones(best.shape, bool),
        moves=tried.max(0) > tried.min(0),
        noise=np.full(best.shape[0], 1e-15),
        near=np.stack([everywhere(np.array([s * NEAR * std]))[0] - here[0] for s in (-1, 1)]),
        way=np.stack([rows(costs(part * own[None]) - clean)[0] for part in WAY]),
        deltas=(costs(step) - costs(-step))[0] / (2 * TINY),
        effects=(costs(own[None]) - clean)[0],
        n_tried=len(grid),
    )
