"""Axes: where numbers lie in a picture, and the frame with its marks, as SVG.

Colours come from the page's own style sheet, so that a picture is light or dark as the page is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.report.html.markup import Markup, Number, element, joined
from neurodemon.report.html.numbers import decade
from neurodemon.report.symlog import marked_powers, place, symmetric_log_range

Array = NDArray[np.float64]
WIDTH, HEIGHT = 340, 320  # of a picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 74, 12, 10, 46  # margins
EDGE = 0.07  # of the axis, beyond 0 where one side has no numbers


@dataclass(frozen=True)
class Scale:
    """A symmetric-log axis, cut where there are no numbers.

    Attributes:
        straight: where it turns logarithmic.
        end: the largest size it shows.
        first: where it begins, −1 being at −end.
        last: where it ends, 1 being at end.
    """

    straight: float
    end: float
    first: float
    last: float

    def share(self, values: Array) -> Array:
        """Say where numbers lie: 0 at the beginning, 1 at the end."""
        placed = np.clip(place(values, self.straight, self.end), self.first, self.last)
        return np.asarray((placed - self.first) / (self.last - self.first))

    def marks(self) -> list[tuple[float, str]]:
        """Choose marks: 0 and the powers of ten, where there are numbers."""
        powers = marked_powers(self.straight, self.end)
        all_marks = [(0.0, "0")]
        all_marks += [(sign * 10.0**one, decade(one, sign)) for one in powers for sign in (1, -1)]
        placed = place(np.array([value for value, _ in all_marks]), self.straight, self.end)
        return [
            mark
            for mark, where in zip(all_marks, placed, strict=True)
            if self.first <= where <= self.last
        ]


def symmetric_log_scale(values: Array) -> Scale:
    """Choose the axis for numbers of all sizes.

    Args:
        values: all finite numbers that it shows.

    Returns:
        The axis; a side without numbers is cut off just beyond 0.
    """
    straight, end = symmetric_log_range(values)
    first = 1.0 if (values < 0).any() else EDGE
    last = 1.0 if (values > 0).any() else EDGE
    return Scale(straight, end, -first, last)


def across(shares: Array) -> Array:
    """Turn shares of the axis along into places of the picture."""
    return np.round(LEFT + shares * (WIDTH - LEFT - RIGHT), 1)


def upward(shares: Array) -> Array:
    """Turn shares of the upright axis into places of the picture, which count downwards."""
    return np.round(HEIGHT - BOTTOM - shares * (HEIGHT - TOP - BOTTOM), 1)


def frame(along: str, up: str, upright: Scale, level: Scale | None) -> Markup:
    """Draw what lies behind the points: marks, their lines, and the names of the axes.

    Args:
        along: what lies along.
        up: what lies up.
        upright: the upright axis.
        level: the axis along; None where units are counted there, which have no marks.

    Returns:
        The parts of the picture.
    """
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [_level_mark(*one) for one in _placed(upright, upward)]
    if level is not None:
        parts += [_upright_mark(*one) for one in _placed(level, across)]
        parts.append(_diagonal(level, upright))
    middle = (TOP + bottom) / 2
    return joined([
        element("path", d=f"M{LEFT} {TOP}V{bottom}H{right}", class_="axis"),
        *parts,
        _text(along, (LEFT + right) / 2, HEIGHT - 8, "middle"),
        _text(up, 13, middle, "middle", turn=f"rotate(-90 13 {middle})"),
    ])


def picture(number: int, title: str, description: str, parts: Sequence[str]) -> Markup:
    """Put a picture into its frame, with a name and a description for those who cannot see it.

    Args:
        number: of the picture on its page.
        title: its name.
        description: what it shows.
        parts: of the picture.

    Returns:
        The SVG element.
    """
    name, words = f"picture-{number}-title", f"picture-{number}-words"
    return element(
        "svg",
        element("title", title, id=name),
        element("desc", description, id=words),
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=name,
        aria_describedby=words,
        class_="picture",
    )


def _placed(scale: Scale, turn: Callable[[Array], Array]) -> list[tuple[float, str]]:
    """Place the marks of an axis."""
    marks = scale.marks()
    places = turn(scale.share(np.array([value for value, _ in marks])))
    return [(float(where), text) for where, (_, text) in zip(places, marks, strict=True)]


def _level_mark(y: float, text: str) -> Markup:
    """Draw a mark of the upright axis."""
    line = element("path", d=f"M{LEFT} {y}H{WIDTH - RIGHT}", class_=_line_of(text))
    return joined([line, _text(text, LEFT - 6, y + 4, "end")])


def _upright_mark(x: float, text: str) -> Markup:
    """Draw a mark of the axis along."""
    line = element("path", d=f"M{x} {TOP}V{HEIGHT - BOTTOM}", class_=_line_of(text))
    return joined([line, _text(text, x, HEIGHT - BOTTOM + 16, "middle")])


def _line_of(text: str) -> str:
    """Name how the line at a mark looks."""
    return "zero" if text == "0" else "grid"


def _diagonal(level: Scale, upright: Scale) -> Markup:
    """Draw where both numbers are equal; both axes have the same scale."""
    ends = np.array([level.first, level.last])
    shares = (ends - level.first) / (level.last - level.first)
    (x1, x2), (y1, y2) = (
        across(shares),
        upward((ends - upright.first) / (upright.last - upright.first)),
    )
    return element("path", d=f"M{x1} {y1}L{x2} {y2}", class_="equal")


def _text(text: str, x: Number, y: Number, anchor: str, *, turn: str | None = None) -> Markup:
    """Write into a picture."""
    return element("text", text, x=x, y=y, text_anchor=anchor, transform=turn)
