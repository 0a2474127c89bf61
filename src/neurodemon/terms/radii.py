"""How far a demon may go: in the units' own standard deviations, or absolutely."""

import math
from dataclasses import dataclass
from numbers import Real

from neurodemon.errors import PerturbationError


@dataclass(frozen=True)
class Std:
    """So many standard deviations of the unit's own z, over examples and positions.

    As an amount (`Add(Std(0.5))`) and as a radius (`Std(4)`). Where a unit's std is 0 the
    site's std stands in, and where that is 0 too, 1.

    Example:
        >>> str(Std(0.5))
        '0.5·std'
    """

    factor: float | int

    def __post_init__(self) -> None:
        """Refuse a factor that is no finite number."""
        require_finite("Std(factor)", self.factor)

    def __str__(self) -> str:
        """Spell the amount as tables show it."""
        return f"{self.factor:g}·std"


@dataclass(frozen=True)
class Absolute:
    """The same radius for every unit, in the units of z.

    Example:
        >>> str(Absolute(2))
        '2'
    """

    radius: float | int

    def __post_init__(self) -> None:
        """Refuse a radius that is no finite number of at least 0."""
        require_finite("Absolute(radius)", self.radius)
        if self.radius < 0:
            raise PerturbationError(
                f"Absolute(radius) is {self.radius!r}; expected a distance of at least 0."
            )

    def __str__(self) -> str:
        """Spell the radius as tables show it."""
        return f"{self.radius:g}"


def require_finite(what: str, value: object) -> None:
    """Raise `PerturbationError` unless the value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value):
        raise PerturbationError(f"{what} is {value!r}; expected a finite number.")


def _is_finite(value: Real) -> bool:
    """Whether a number is finite as a float; a whole number can be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
