"""A figure: a number of ours beside the book's, and how far apart they may be."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number, compared.

    Attributes:
        name: what it measures.
        ours: as found here.
        book: as the book or its author's files have it; None where they give a range only.
        low: the least that agrees.
        high: the largest that agrees.
        decimals: as many as the book prints, where it prints the number.
    """

    name: str
    ours: float
    book: float | None
    low: float
    high: float
    decimals: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether ours lies in the range."""
        return self.low <= self.ours <= self.high


def as_printed(name: str, ours: float, book: float, *, decimals: int) -> Figure:
    """Compare with a number that is printed to some decimals.

    Args:
        name: what it measures.
        ours: as found here.
        book: as printed.
        decimals: how many of them are printed.

    Returns:
        The figure; it agrees if ours rounds to the book's.

    Example:
        >>> as_printed("σ(0)", 0.50004, 0.5, decimals=3).agrees
        True
    """
    half = 0.5 * 10.0**-decimals * (1 + 1e-9)  # a number halfway may round either way
    return Figure(name, ours, book, book - half, book + half, decimals)


def within(name: str, ours: float, book: float, *, slack: float) -> Figure:
    """Compare with a number that is known in full.

    Args:
        name: what it measures.
        ours: as found here.
        book: the book's.
        slack: how far ours may be from it; 0 for a count.

    Returns:
        The figure.
    """
    return Figure(name, ours, book, book - slack, book + slack)


def at_least(name: str, ours: float, bound: float) -> Figure:
    """Compare with a bound from below.

    Args:
        name: what it measures.
        ours: as found here.
        bound: the least that agrees.

    Returns:
        The figure.
    """
    return Figure(name, ours, None, bound, math.inf)
