"""Units of the user's own making: a group of features, or directions through them.

Both name their site; what they come to is settled among a model's sites (`terms.selecting`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import SelectionError, UnitIndexError
from neurodemon.terms.sites import Site
from neurodemon.terms.units import NO_INDEX, UnitBlock


@dataclass(frozen=True, eq=False)
class Group:
    """Features of one site that a demon takes together.

    Args:
        site: the site's name.
        name: what tables call the group.
        indices: its features, along the unit axis; each once.
        position: the one position to take them at; None for all.

    Raises:
        SelectionError: no feature, or one twice.

    Example:
        >>> Group("fc1", "the twins", [3, 17]).indices
        (3, 17)
    """

    site: str
    name: str
    indices: Any  # of whole numbers; kept as a tuple
    position: Any = None  # a whole number, or None

    def __post_init__(self) -> None:
        """Refuse a group that holds nothing, or a feature twice."""
        given = _listed(self.indices)
        if any(isinstance(one, bool) or not isinstance(one, Integral) for one in given):
            raise SelectionError(
                f"Group {self.name!r} has the indices {given[:10]!r}; expected whole numbers (of a "
                "mask of booleans, where it is true: mask.nonzero()[0])."
            )
        found = tuple(int(index) for index in given)
        if not found or len(set(found)) < len(found):
            raise SelectionError(
                f"Group {self.name!r} has the indices {list(found)[:10]}; expected at least one, "
                "each once."
            )
        object.__setattr__(self, "indices", found)

    def block(self, site: Site) -> UnitBlock:
        """Make the group a unit of its site."""
        _require_range(f"Group {self.name!r}: feature", max(self.indices), site.n_units, site)
        _require_range(f"Group {self.name!r}: feature", min(self.indices), site.n_units, site)
        members = np.array([self.indices], dtype=np.int64)
        positions = _positions(self.position, 1, site, self.name)
        return UnitBlock(site, "group", np.array([NO_INDEX]), positions, (self.name,), members)


@dataclass(frozen=True, eq=False)
class Direction:
    """Vectors through the features of one site, each a unit.

    A demon moves z along its vector v and leaves the rest of z as it is. The unit's own number
    is the coordinate c = z·v / ‖v‖² (so that z = c·v + what is orthogonal to v), and every
    perturbation acts on c: `Zero()` removes the component, `Add(1)` adds v once (a steering
    vector), `Set(0.5)` makes the component 0.5·v.

    Args:
        site: the site's name.
        vectors: of shape (vector, feature), or (feature,) for one: steering vectors, the decoder
            rows of a sparse autoencoder. An array, a tensor or nested lists.
        name: what tables call them.
        position: the one position to move z at; None for all.

    Raises:
        SelectionError: the vectors are no such array, or one has no length.

    Example:
        >>> Direction("fc1", [[3.0, 4.0]]).vectors
        array([[3., 4.]])
    """

    site: str
    vectors: Any
    name: str = "direction"
    position: Any = None  # a whole number, or None

    def __post_init__(self) -> None:
        """Refuse vectors that give no direction."""
        found = _read_vectors(self.name, self.vectors)
        lengths = np.linalg.norm(found, axis=1)
        if found.size == 0 or not np.isfinite(found).all() or not (lengths > 0).all():
            raise SelectionError(
                f"Direction {self.name!r} has vectors of lengths {lengths[:5].tolist()}; expected "
                "finite numbers, and none of length 0."
            )
        object.__setattr__(self, "vectors", found)

    def block(self, site: Site) -> UnitBlock:
        """Make the vectors units of their site."""
        count, width = self.vectors.shape
        if width != site.n_units:
            raise SelectionError(
                f"Direction {self.name!r} has vectors of {width} features; expected "
                f"{site.n_units}, as site {site.name!r} has."
            )
        positions = _positions(self.position, count, site, self.name)
        names = (self.name,) * count
        return UnitBlock(site, "direction", np.arange(count), positions, names, self.vectors)


def _listed(indices: object) -> list[Any]:
    """The parts of what should be a sequence; itself alone, if it is none."""
    return list(indices) if isinstance(indices, Iterable) else [indices]


def _read_vectors(name: str, vectors: Any) -> NDArray[np.float64]:
    """Read vectors as float64, of shape (vector, feature)."""
    try:
        if hasattr(vectors, "detach"):  # a tensor, of which this room knows nothing else
            given = vectors.detach().cpu()
            vectors = given.numpy() if given.is_complex() else given.double().numpy()
        is_real = not np.iscomplexobj(vectors)
        found: Any = np.atleast_2d(np.array(vectors, np.float64 if is_real else np.complex128))
    except (TypeError, ValueError, RuntimeError) as error:
        raise SelectionError(
            f"Direction {name!r} has vectors that are no array of numbers ({error}); expected "
            "the shape (vector, feature)."
        ) from error
    if not is_real or found.ndim != 2:
        raise SelectionError(
            f"Direction {name!r} has vectors of shape {found.shape} of {found.dtype}; expected "
            "(vector, feature), of real numbers."
        )
    return np.asarray(found, dtype=np.float64)


def _positions(position: object, count: int, site: Site, name: str) -> NDArray[np.int64]:
    """The column of positions."""
    if position is not None and (isinstance(position, bool) or not isinstance(position, int)):
        raise SelectionError(
            f"{name!r} has position={position!r}; expected one whole number, or None for all. For "
            "several positions join one unit for each in a list."
        )
    if position is not None:
        if not site.has_positions:
            raise SelectionError(
                f"{name!r} asks for position {position} of site {site.name!r}, which has none; "
                "leave the position out."
            )
        _require_range(f"{name!r}: position", position, site.n_positions, site)
    return np.full(count, NO_INDEX if position is None else position, dtype=np.int64)


def _require_range(what: str, index: int, count: int, site: Site) -> None:
    """Raise unless an index is one of a site's."""
    if not 0 <= index < count:
        raise UnitIndexError(
            f"{what} {index} is not in site {site.name!r}: it has {count}, 0 to {count - 1}."
        )
