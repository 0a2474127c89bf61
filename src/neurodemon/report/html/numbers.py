"""Numbers as the page shows them: a true minus, an interval in words, a key to sort by."""

import math
from collections.abc import Callable, Iterable

from neurodemon.terms.spelling import NOTHING, percent, rounded, speller

Spell = Callable[[float | None], str]


def spell_alike(values: Iterable[float | None]) -> Spell:
    """Choose one spelling for the effects of a table; a true minus before those below 0.

    Args:
        values: the numbers that matter.

    Returns:
        A function that spells a number with its sign.

    Example:
        >>> spell_alike([0.25])(-0.125), spell_alike([0.25])(float("nan"))
        ('−0.1250', '–')
    """
    spell = speller(values)

    def spelled(value: float | None) -> str:
        return NOTHING if value is None or math.isnan(value) else spell(value).replace("-", "−")

    return spelled


def interval(low: float | None, high: float | None, spell: Spell) -> str:
    """Spell an interval; a dash where there is none.

    Args:
        low: its lower end.
        high: its upper end.
        spell: how its numbers are spelled.

    Returns:
        The text.

    Example:
        >>> interval(-0.1, 0.25, spell_alike([0.25])), interval(None, 1.0, str)
        ('−0.1000 … +0.2500', '–')
    """
    ends = (low, high)
    if any(end is None or math.isnan(end) for end in ends):
        return NOTHING
    return f"{spell(low)} … {spell(high)}"


def share(value: float | None) -> str:
    """Spell a share in percent, as the screens do."""
    return percent(value)


def ratio(value: float | None) -> str:
    """Spell a correlation or a slope, with a true minus."""
    return rounded(value).replace("-", "−")


def decade(power: int, sign: int = 1) -> str:
    """Spell a power of ten as the mark of an axis.

    Args:
        power: the exponent.
        sign: of the number.

    Returns:
        The text.

    Example:
        >>> decade(-2), decade(0, -1), decade(-5)
        ('0.01', '−1', '10⁻⁵')
    """
    minus = "−" if sign < 0 else ""
    if -3 <= power <= 3:
        return f"{minus}{10.0**power:g}"
    return f"{minus}10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
