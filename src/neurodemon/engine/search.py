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

EVEN = 64  # even steps to each side of 0, at least
MOST_EVEN = 1000
FINER = 9  # halvings of the first even step towards 0
BASINS = 3  # of the grid, to be looked at closely
HALVINGS = 12  # of a basin: from 1/64 of the radius to 4e-6 of it
TIED = 5e-4  # of the headroom: what is so near to the least counts as least, within the noise
STENCIL = np.arange(-2, 3)

Points = Float[Array, "point basin row unit"]


@dataclass(frozen=True, eq=False)
class Ties:
    """How near to the least effect counts as least, for each row.

    On a plateau rounding makes one point or another the least: there it takes the whole noise
    floor. At the bottom of a parabola that would be a plateau of its own.

    Attributes:
        plateau: where neighbours of the grid are equal within the noise: the noise floor.
        elsewhere: a rounding.
    """

    plateau: Float[Array, "row 1"]
    elsewhere: Float[Array, "row 1"]


@dataclass(frozen=True, eq=False)
class Basins:
    """Five points about each basin's lowest, in ascending order, the lowest in the middle.

    Attributes:
        x: where.
        f: the effect there.
        least: the least effect that was seen in each.
        tied: what is so near to it counts as least.
    """

    x: Float[Array, "5 basin row unit"]
    f: Float[Array, "5 basin row unit"]
    least: Float[Array, "basin row unit"]
    tied: Float[Array, "basin row unit"]


def make_grid(even: int = EVEN) -> Float[Array, " point"]:
    """Lay out the grid: even over the way, and finer and finer towards 0.

    Args:
        even: even steps to each side of 0.

    Returns:
        Its points, ascending and symmetric; 0 is the middle one.
    """
    evenly = np.arange(1, even + 1) / even
    finer = evenly[0] / 2.0 ** np.arange(FINER, 0, -1)
    side = np.concatenate([finer, evenly])
    return np.concatenate([-side[::-1], [0.0], side])


def find_basins(
    grid: Float[Array, " point"], f: Float[Array, "point row unit"], ties: Ties
) -> Basins:
    """Find the deepest basins of each demon's grid.

    The first is about the point nearest to 0 among those of least effect. Another counts by
    what its bottom could be, between the points: by half the rise to its higher neighbour less
    than its lowest point.

    Args:
        grid: the points.
        f: the effects there.
        ties: what counts as equal.

    Returns:
        The basins, the most promising first.
    """
    noise = ties.plateau
    hope = _hope(f, noise)
    order = np.argsort(np.abs(grid), kind="stable")  # so that argmin takes the nearest to 0
    place = _nearest_of_least(
        np.broadcast_to(grid[:, None, None], f.shape), f, f.min(0), _limited(noise, f.min(0))
    )
    places = []
    for _ in range(BASINS):
        places.append(place)
        for neighbour in (-1, 0, 1):
            near = np.clip(place + neighbour, 0, len(grid) - 1)
            np.put_along_axis(hope, near[None], np.inf, axis=0)
        place = order[np.argmin(hope[order], axis=0)]
    taken = np.clip(np.stack(places) + STENCIL[:, None, None, None], 0, len(grid) - 1)
    flat = taken.reshape(-1, *f.shape[1:])
    found = np.take_along_axis(f, flat, axis=0).reshape(taken.shape)
    least = found[2]
    with np.errstate(invalid="ignore"):
        rise = np.minimum(np.abs(found[1] - least), np.abs(found[3] - least))
    # at an end of the grid a point is its own neighbour, which makes no plateau
    is_inside = (taken[1] < taken[2]) & (taken[2] < taken[3])
    tied = np.where((rise <= noise) & is_inside, ties.plateau, ties.elsewhere)
    return Basins(grid[taken], found, least, tied)


def _hope(f: Array, noise: Array) -> Array:
    """What the bottom about each point of the grid could be; infinite where it is no low point."""
    middle = len(f) // 2
    is_low = np.empty(f.shape, bool)
    # outwards at least as high, inwards higher: of a plateau the inner edge alone
    is_low[:middle] = f[:middle] < f[1 : middle + 1] - noise
    is_low[middle + 1 :] = f[middle + 1 :] < f[middle:-1] - noise
    is_low[1:middle] &= f[1:middle] <= f[: middle - 1]
    is_low[middle + 1 : -1] &= f[middle + 1 : -1] <= f[middle + 2 :]
    is_low[middle] = (f[middle] <= f[middle - 1]) & (f[middle] <= f[middle + 1])
    place, *demon = np.nonzero(is_low & np.isfinite(f))
    lowest = f[place, *demon]
    left, right = f[np.maximum(place - 1, 0), *demon], f[np.minimum(place + 1, len(f) - 1), *demon]
    rise = [np.where(np.isfinite(side), side - lowest, 0.0) for side in (left, right)]
    hope = np.full(f.shape, np.inf)
    hope[place, *demon] = lowest - 0.5 * np.maximum(*rise)
    return hope


def halve(basins: Basins) -> Points:
    """Propose the two points halfway to the neighbours of each basin's lowest."""
    x = basins.x
    return np.stack([(x[1] + x[2]) / 2, (x[2] + x[3]) / 2])


def narrow(basins: Basins, x: Points, f: Points) -> Basins:
    """Take the two halfway points in, and close in on the lowest of all.

    Args:
        basins: the basins.
        x: what `halve` proposed.
        f: the effects there.

    Returns:
        The basins, half as wide.
    """
    order = [0, 1, 5, 2, 6, 3, 4]
    all_x = np.concatenate([basins.x, x])[order]
    all_f = np.concatenate([basins.f, f])[order]
    least = np.minimum(basins.least, f.min(0))
    place = 1 + _nearest_of_least(all_x[1:-1], all_f[1:-1], least, _limited(basins.tied, least))
    taken = np.clip(place[None] + STENCIL[:, None, None, None], 0, len(order) - 1)
    return Basins(
        np.take_along_axis(all_x, taken, axis=0),
        np.take_along_axis(all_f, taken, axis=0),
        least,
        basins.tied,
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


def settle(basins: Basins, x: Points, f: Points, ties: Ties) -> Float[Array, "row unit"]:
    """Take the point nearest to 0 among those of least effect, 0 itself among them.

    Args:
        basins: the basins, as narrow as they got.
        x: what `sharpen` proposed.
        f: the effects there.
        ties: what counts as equal: between basins, whatever is within the noise.

    Returns:
        The point of each demon.
    """
    x, f = np.concatenate([basins.x[2:3], x]), np.concatenate([basins.f[2:3], f])
    least = np.minimum(basins.least, f.min(0))
    place = _nearest_of_least(x, f, least, _limited(basins.tied, least))[None]
    x, f = np.take_along_axis(x, place, axis=0)[0], np.take_along_axis(f, place, axis=0)[0]
    at_rest = np.zeros((1, *x.shape[1:]))
    x, f = np.concatenate([x, at_rest]), np.concatenate([f, at_rest])
    place = _nearest_of_least(x, f, f.min(0), _limited(ties.plateau, f.min(0)))
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


def _nearest_of_least(x: Array, f: Array, least: Array, tied: Array) -> NDArray[np.intp]:
    """The place of the point nearest to 0 among those of least f, along axis 0."""
    with np.errstate(invalid="ignore"):
        is_least = f <= np.maximum(least + tied, f.min(axis=0))
    distance = np.where(is_least, np.abs(x), np.inf)
    return np.asarray(distance.argmin(axis=0))


def _limited(tied: Array, least: Array) -> Array:
    """How near to the least counts as least, and no more than `TIED` of it is given away."""
    return np.asarray(np.minimum(tied, TIED * np.abs(least)))
