"""How numbers are spelled for people: on a screen and on a page alike.

One spelling for all numbers of a table, so that they can be compared at sight.
"""

import math
from collections.abc import Callable, Iterable

DIGITS = 4  # significant ones of the largest number of a table
SMALLEST, LARGEST = 1e-3, 1e5  # what is spelled without an exponent lies between
NOTHING = "–"


def speller(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """Choose one spelling for all numbers of a table, so that they can be compared at sight.

    Args:
        values: the numbers that matter; the largest gets four significant digits.

    Returns:
        A function that spells a number, with its sign: cost after − cost before.

    Example:
        >>> spell = speller([0.2493, -0.00729])
        >>> [spell(value) for value in (0.2493, -0.00729, 1e-9, 0.0, None)]
        ['+0.2493', '-0.0073', '+1e-09', '0', '–']
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if largest and not SMALLEST <= largest < LARGEST:
        return lambda value: _special(value) or f"{value:+.{DIGITS - 1}e}"
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(largest))) if largest else DIGITS

    def spell(value: float | None) -> str:
        if special := _special(value):
            return special
        text = f"{value:+.{decimals}f}"
        return text if float(text) else f"{value:+.0e}"  # tiny, but not 0

    return spell


def percent(share: float | None) -> str:
    """Spell a share in percent.

    Args:
        share: 1 is 100 %.

    Returns:
        The text.

    Example:
        >>> percent(0.049), percent(0.95), percent(1e-9), percent(25.0), percent(None)
        ('4.9 %', '95 %', '<0.1 %', '>1000 %', '–')
    """
    if special := _special(share):
        return NOTHING if special == NOTHING else "0 %" if special == "0" else special
    value = 100 * (share or 0.0)
    if value < 0.1:
        return "<0.1 %"
    decimals = 1 if value < 9.95 else 0  # 9.96 is 10, not 10.0
    return ">1000 %" if value > 1000 else f"{value:.{decimals}f} %"


def rounded(value: float | None) -> str:
    """Spell a correlation or a slope with three decimals.

    Args:
        value: the number.

    Returns:
        The text; a dash where there is no number.

    Example:
        >>> rounded(0.99783), rounded(-0.0001), rounded(None)
        ('0.998', '0.000', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3g}" if abs(value) >= 100 else f"{round(value, 3) + 0.0:.3f}"


def _special(value: float | None) -> str:
    """Spell what is no usual number; nothing if it is one."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    return "" if value else "0"
