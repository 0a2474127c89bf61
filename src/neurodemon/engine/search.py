"""Search: where on a demon's way the cost is least, for many demons at once.

A grid over the whole way finds the basins, as a descent from 0 does not (in ReLU networks it
wins 56–86 % of what there is: theory.md, E6); the deepest few are then halved again and again,
and at last tried at the vertex of a parabola and at the corner of two straight lines. x counts
in radii, −1 to 1, and f is the effect, so that f(0) = 0. Pure numbers: who searches, evaluates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.shapes import Bool, Float

Array = NDArray[np.float64]

EVEN = 64  # even steps to each side of 0
FINER = 9  # halvings of the first even step towards 0
BASINS = 3  # of the grid, to be looked at closely
HALVINGS = 12  # of a basin: from 1/64 of the radius to 4e-6 of it
TIED = 5e-4  # of the headroom: what is so near to the least counts as least, within the noise
TIED_ON_THE_WAY = 1e-5  # likewise in each halving: what is given away there adds up
STENCIL = np.arange(-2, 3)

Points = Float[Array, "point basin row unit"]


@dataclass(frozen=True, eq=False)
class Basins:
    """Five points about each basin's lowest, in ascending order, the lowest in the middle.

    Attributes:
        x: where.
        f: the effect there.
    """

    x: Float[Array, "5 basin row unit"]
    f: Float[Array, "5 basin row unit"]


def make_grid() -> Float[Array, " point"]:
    """Lay out the grid: even over the way, and finer and finer towards 0.

    Returns:
        Its points, ascending and symmetric; 0 is the middle one.
    """
    even = np.arange(1, EVEN + 1) / EVEN
    finer = even[0] / 2.0 ** np.arange(FINER, 0, -1)
    side = np.concatenate([finer, even])
    return np.concatenate([-side[::-1], [0.0], side])


def find_basins(grid: Float[Array, " point"], f: Float[Array, "point row unit"]) -> Basins:
    """Find the deepest basins of each demon's grid.

    A basin counts by what its bottom could be, between the points: by half the rise to its
    higher neighbour less than its lowest point.

    Args:
        grid: the points.
        f: the effects there.

    Returns:
        The basins, the most promising first.
    """
    wall = np.full((1, *f.shape[1:]), np.inf)
    left, right = np.concatenate([wall, f[:-1]]), np.concatenate([f[1:], wall])
    is_low = (f <= left) & (f <= right)
    rise = np.where(np.isinf(left), right, np.where(np.isinf(right), left, np.maximum(left, right)))
    with np.errstate(invalid="ignore"):
        hope = np.where(is_low & np.isfinite(f), f - 0.5 * (rise - f), np.inf)
    hope = np.where(np.isnan(hope), f, hope)
    order = np.argsort(np.abs(grid), kind="stable")  # so that argmin takes the nearest to 0
    places = []
    for _ in range(BASINS):
        place = order[np.argmin(hope[order], axis=0)]
        places.append(place)
        for neighbour in (-1, 0, 1):
            near = np.clip(place + neighbour, 0, len(grid) - 1)
            np.put_along_axis(hope, near[None], np.inf, axis=0)
    taken = np.clip(np.stack(places) + STENCIL[:, None, None, None], 0, len(grid) - 1)
    flat = taken.reshape(-1, *f.shape[1:])
    return Basins(grid[taken], np.take_along_axis(f, flat, axis=0).reshape(taken.shape))


def halve(basins: Basins) -> Points:
    """Propose the two points halfway to the neighbours of each basin's lowest."""
    x = basins.x
    return np.stack([(x[1] + x[2]) / 2, (x[2] + x[3]) / 2])


def narrow(basins: Basins, x: Points, f: Points, noise: Float[Array, "row 1"]) -> Basins:
    """Take the two halfway points in, and close in on the lowest of all.

    Args:
        basins: the basins.
        x: what `halve` proposed.
        f: the effects there.
        noise: effects nearer to each other than this are equal.

    Returns:
        The basins, half as wide.
    """
    order = [0, 1, 5, 2, 6, 3, 4]
    all_x = np.concatenate([basins.x, x])[order]
    all_f = np.concatenate([basins.f, f])[order]
    place = 1 + _nearest_of_least(all_x[1:-1], all_f[1:-1], noise, TIED_ON_THE_WAY)
    taken = np.clip(place[None] + STENCIL[:, None, None, None], 0, len(order) - 1)
    return Basins(
        np.take_along_axis(all_x, taken, axis=0), np.take_along_axis(all_f, taken, axis=0)
    )


def sharpen(basins: Basins) -> Points:
    """Propose where the least would be if the basin were a parabola, and if it were a corner."""
    x, f = basins.x, basins.f
    with np.errstate(all="ignore"):
        left, right = (f[2] - f[1]) / (x[2] - x[1]), (f[3] - f[2]) / (x[3] - x[2])
        vertex = (x[1] + x[2]) / 2 - left * (x[3] - x[1]) / 2 / (right - left)
        down, up = (f[1] - f[0]) / (x[1] - x[0]), (f[4] - f[3]) / (x[4] - x[3])
        corner = (f[3] - f[1] + down * x[1] - up * x[3]) / (down - up)
    is_inside = [(x[1] <= found) & (found <= x[3]) for found in (vertex, corner)]
    return np.stack([
        np.where(inside, found, x[2])
        for inside, found in zip(is_inside, (vertex, corner), strict=True)
    ])


def settle(
    x: Float[Array, "point row unit"],
    f: Float[Array, "point row unit"],
    noise: Float[Array, "row 1"],
) -> Float[Array, "row unit"]:
    """Take the point nearest to 0 among those of least effect.

    Args:
        x: the points that are in question; 0 must be among them.
        f: the effects there.
        noise: effects nearer to each other than this are equal, but no more than `TIED` is
            given away for it.

    Returns:
        The point of each demon.
    """
    place = _nearest_of_least(x, f, noise, TIED)
    return np.asarray(np.take_along_axis(x, place[None], axis=0)[0])


def first_violation(
    distances: Float[Array, " point"], is_kept: Bool[NDArray[np.bool_], "point row unit"]
) -> tuple[Float[Array, "row unit"], Float[Array, "row unit"]]:
    """Bracket how far a promise is kept, walking outwards.

    Args:
        distances: ascending, above 0.
        is_kept: whether the promise holds at each.

    Returns:
        The last distance up to which it always holds (0 if it never does), and the first at
        which it does not (infinite if it always does).
    """
    is_broken = ~is_kept
    first = np.where(is_broken.any(0), is_broken.argmax(0), len(distances))
    edges = np.concatenate([[0.0], distances, [np.inf]])
    return edges[first], edges[first + 1]


def _nearest_of_least(x: Array, f: Array, noise: Array, tied: float) -> NDArray[np.intp]:
    """The place of the point nearest to 0 among those of least f, along axis 0."""
    least = f.min(axis=0, keepdims=True)
    with np.errstate(invalid="ignore"):
        is_least = f <= least + np.minimum(noise, tied * np.abs(least))
    distance = np.where(is_least, np.abs(x), np.inf)
    return np.asarray(distance.argmin(axis=0))
