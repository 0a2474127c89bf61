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


Radius = Std | Absolute


def settle_radius(radius: object) -> Radius:
    """Read a radius as users give it; a plain number is absolute.

    Args:
        radius: `Std`, `Absolute`, a number, or text such as `4std` or `0.5`.

    Returns:
        The radius, above 0.

    Raises:
        PerturbationError: it is none of these, or leaves the demon no room.

    Example:
        >>> settle_radius("4std"), settle_radius(2)
        (Std(factor=4.0), Absolute(radius=2.0))
    """
    made = _read_radius(radius)
    size = made.factor if isinstance(made, Std) else made.radius
    if size <= 0:
        raise PerturbationError(
            f"radius is {radius!r}, which leaves a demon no room; expected one above 0, such as "
            "nd.Std(4)."
        )
    return made


def _read_radius(radius: object) -> Radius:
    """Read a radius, or raise."""
    if isinstance(radius, (Std, Absolute)):
        return radius
    is_flag = isinstance(radius, bool)  # which counts as a number in Python
    try:
        if isinstance(radius, str):
            text = radius.strip().lower()
            number = float(text.removesuffix("std"))
            return Std(number) if text.endswith("std") else Absolute(number)
        if isinstance(radius, Real) and not is_flag:
            return Absolute(float(radius))
    except (ValueError, PerturbationError):
        pass  # said below, in words that fit a radius
    raise PerturbationError(
        f"radius is {radius!r}; expected nd.Std(4), nd.Absolute(2) or a finite number above 0 "
        "(on the command line: 4std or 2)."
    )


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
