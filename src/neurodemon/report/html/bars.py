"""Bars: a number as a length, beside the number itself. They stand inside cells and lines."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.report.html.markup import Markup, Number, element
from neurodemon.report.symlog import is_drawable

Array = NDArray[np.float64]
WIDTH, HEIGHT = 120, 14


@dataclass(frozen=True)
class Rule:
    """What the lengths of a table's bars mean: the numbers at both ends."""

    first: float
    last: float

    def at(self, value: Number) -> float:
        """Say how far to the right a number lies; what lies beyond stays at the end."""
        within = min(max(value, self.first), self.last)
        return round(WIDTH * (within - self.first) / (self.last - self.first), 1)


def rule_of(values: Array) -> Rule:
    """Find the ends for numbers that shall be compared; 0 lies within.

    Args:
        values: all that are drawn; what is not finite is passed over.

    Returns:
        The rule.

    Example:
        >>> rule_of(np.array([0.5, -0.25, np.nan]))
        Rule(first=-0.25, last=0.5)
    """
    drawn = values[is_drawable(values)]
    first, last = min(0.0, *drawn, 0.0), max(0.0, *drawn, 0.0)
    return Rule(float(first), float(last)) if last > first else Rule(0.0, 1.0)


def signed_bar(value: float, low: float, high: float, rule: Rule) -> Markup:
    """Draw an effect from 0 to where it lies, and its interval as a line over it.

    Args:
        value: the effect.
        low: the lower end of its interval; NaN where there is none.
        high: the upper end.
        rule: of the table.

    Returns:
        The picture; the cell says the number in text, so that it is hidden from readers of text.
    """
    parts = [_line(rule.at(0.0), 0, HEIGHT, "zero")]
    if math.isfinite(value):
        start, end = sorted((rule.at(0.0), rule.at(value)))
        class_ = "up" if value > 0 else "down"
        parts.append(
            element(
                "rect", x=start, y=3, width=round(end - start, 1), height=HEIGHT - 6, class_=class_
            )
        )
    if not math.isnan(low) and not math.isnan(high):
        parts.append(_whisker(rule.at(low), rule.at(high)))
    return _picture(parts)


def share_bar(value: float, mark: float) -> Markup:
    """Draw a share of 1, and a line where it should be."""
    rule = Rule(0.0, 1.0)
    bar = element("rect", x=0, y=3, width=rule.at(value), height=HEIGHT - 6, class_="down")
    return _picture([bar, _line(rule.at(mark), 0, HEIGHT, "whisker")])


def _whisker(first: float, last: float) -> Markup:
    """Draw an interval."""
    middle = HEIGHT // 2
    path = f"M{first} {middle - 3}v6M{first} {middle}H{last}M{last} {middle - 3}v6"
    return element("path", d=path, class_="whisker")


def _line(x: Number, top: Number, bottom: Number, class_: str) -> Markup:
    """Draw an upright line."""
    return element("path", d=f"M{x} {top}V{bottom}", class_=class_)


def _picture(parts: list[Markup]) -> Markup:
    """Put a bar into its frame."""
    return element(
        "svg",
        *parts,
        viewBox=f"-1 0 {WIDTH + 2} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        class_="bar",
        aria_hidden="true",
    )
