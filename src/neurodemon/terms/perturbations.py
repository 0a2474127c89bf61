"""What the demon wants: zero the unit, add to it, replace it. Plain frozen values.

A perturbation says what should become of z; `engine.nudge` turns it into the tensor Δz,
once, for prediction and measurement alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from neurodemon.errors import PerturbationError
from neurodemon.terms.radii import Std, require_finite


@dataclass(frozen=True)
class Zero:
    """Set the unit to 0 (zero ablation): Δz = −z.

    Example:
        >>> str(Zero())
        'zero'
    """

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return "zero"


@dataclass(frozen=True)
class Mean:
    """Set the unit to its mean over all examples and positions: Δz = mean(z) − z."""

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return "mean"


@dataclass(frozen=True)
class Add:
    """Add the same amount everywhere: Δz = dz, a number or `Std(x)` for x·std(z).

    Example:
        >>> str(Add(-1)), str(Add(Std(0.5)))
        ('add(-1)', 'add(0.5·std)')
    """

    dz: float | int | Std

    def __post_init__(self) -> None:
        """Refuse an amount that is neither a finite number nor `Std`."""
        _require_amount("Add(dz)", self.dz)

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return f"add({_amount(self.dz)})"


@dataclass(frozen=True)
class Scale:
    """Multiply the unit: Δz = (factor − 1)·z."""

    factor: float | int

    def __post_init__(self) -> None:
        """Refuse a factor that is no finite number."""
        require_finite("Scale(factor)", self.factor)

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return f"scale({self.factor:g})"


@dataclass(frozen=True)
class Set:
    """Set the unit to a value: Δz = value − z."""

    value: float | int

    def __post_init__(self) -> None:
        """Refuse a value that is no finite number."""
        require_finite("Set(value)", self.value)

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return f"set({self.value:g})"


@dataclass(frozen=True)
class Noise:
    """Add Gaussian noise: Δz = std·N(0, 1), its own per example and position.

    `std` is a number or `Std(x)`; the draw depends on `seed`, the site and the batch only.
    """

    std: float | int | Std
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a std that is neither a finite number ≥ 0 nor `Std`."""
        _require_amount("Noise(std)", self.std)
        size = self.std.factor if isinstance(self.std, Std) else self.std
        if size < 0:
            raise PerturbationError(f"Noise(std) is {self.std!r}; expected a std of at least 0.")
        _require_seed("Noise(seed)", self.seed)

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return f"noise({_amount(self.std)}, seed={self.seed})"


@dataclass(frozen=True)
class Resample:
    """Give the unit another example's value at the same position (resample ablation).

    The other example is drawn over all batches, never the example itself.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a seed that is no whole number."""
        _require_seed("Resample(seed)", self.seed)

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return f"resample(seed={self.seed})"


@dataclass(frozen=True, eq=False)
class Patch:
    """Give the unit its value under other inputs (activation patching).

    `source` holds batches `(inputs, target)` aligned one to one with the subject's: example
    i of batch b is the partner of example i of batch b (clean and corrupt pairs).
    """

    source: Iterable[tuple[Any, Any]]

    def __str__(self) -> str:
        """Spell the perturbation as tables show it."""
        return "patch"


Perturbation = Zero | Mean | Add | Scale | Set | Noise | Resample | Patch
PERTURBATIONS: tuple[type, ...] = (Zero, Mean, Add, Scale, Set, Noise, Resample, Patch)


def parse_perturbation(text: str) -> Perturbation:
    """Read a perturbation as the command line spells it.

    Args:
        text: `zero`, `mean`, `add=-1`, `add=0.5std`, `scale=0.5`, `set=1`,
            `noise=0.1`, `noise=1std:SEED`, `resample` or `resample=SEED`.

    Returns:
        The perturbation.

    Raises:
        PerturbationError: the text names no perturbation, or its number does not read or
            cannot be used.

    Example:
        >>> parse_perturbation("add=0.5std")
        Add(dz=Std(factor=0.5))
    """
    name, _, value = text.strip().lower().partition("=")
    try:
        return _READERS[name](value)
    except PerturbationError:
        raise  # it reads, but its number cannot be used: the message says which and why
    except (KeyError, ValueError) as error:
        raise PerturbationError(
            f"{text!r} is no perturbation; expected zero, mean, add=NUMBER, add=NUMBERstd, "
            "scale=NUMBER, set=NUMBER, noise=NUMBER[:SEED] or resample[=SEED]."
        ) from error


def _read_nothing(made: Perturbation, value: str) -> Perturbation:
    """Accept a perturbation that takes no value."""
    if value:
        raise ValueError(value)
    return made


def _read_amount(value: str) -> float | Std:
    """Read a number, or a number of standard deviations."""
    return Std(float(value.removesuffix("std"))) if value.endswith("std") else float(value)


def _read_noise(value: str) -> Perturbation:
    """Read `STD` or `STD:SEED`."""
    size, _, seed = value.partition(":")
    return Noise(_read_amount(size), int(seed or 0))


_READERS: dict[str, Callable[[str], Perturbation]] = {
    "zero": lambda value: _read_nothing(Zero(), value),
    "mean": lambda value: _read_nothing(Mean(), value),
    "add": lambda value: Add(_read_amount(value)),
    "scale": lambda value: Scale(float(value)),
    "set": lambda value: Set(float(value)),
    "noise": _read_noise,
    "resample": lambda value: Resample(int(value or 0)),
}


def _amount(value: float | int | Std) -> str:
    """Spell a number or a `Std`."""
    return str(value) if isinstance(value, Std) else f"{value:g}"


def _require_amount(what: str, value: object) -> None:
    """Raise unless the value is a finite number or a `Std`."""
    if not isinstance(value, Std):
        require_finite(what, value)


def _require_seed(what: str, value: object) -> None:
    """Raise unless the value is a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PerturbationError(f"{what} is {value!r}; expected a whole number.")
