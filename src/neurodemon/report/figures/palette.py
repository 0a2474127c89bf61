"""The palette: colours that colour-blind readers tell apart, with marks that survive grey print.

Source: Okabe & Ito, Color Universal Design (2008). Yellow is left out: too pale on paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
LIGHTEST = 0.88  # of the colour map for many sites: beyond, it fades into the paper


@dataclass(frozen=True)
class Look:
    """How one kind of thing looks in every figure.

    Attributes:
        colour: of lines, points and bars.
        marker: of points.
        line: the pattern of lines.
        hatch: the pattern of bars.
    """

    colour: str
    marker: str
    line: str = "-"
    hatch: str = ""


MEASURED = Look(BLACK, "o")
PREDICTORS = {
    "tangent": Look(VERMILION, "o", "--"),
    "first_order": Look(ORANGE, "s", "-."),
    "link": Look(BLUE, "^", (":")),
    "linear_logits": Look(GREEN, "D", "-"),
}
VERDICTS = {
    "DEAD": Look(GREY, "x", hatch="xxx"),
    "CONVERGED": Look(SKY, "v", hatch=""),
    "SATURATED": Look(VERMILION, "s", hatch="///"),
    "KINK": Look(BLUE, "D", hatch="..."),
    "CURVED": Look(ORANGE, "^", hatch="\\\\\\"),
    "AGREES": Look(GREEN, "o", hatch="---"),
}
REST = Look(PURPLE, "P", (":"), "+++")


def predictor_look(predictor: str) -> Look:
    """Say how a predictor looks; one that a plug-in brought looks like the rest."""
    return PREDICTORS.get(predictor, REST)


def verdict_look(verdict: str) -> Look:
    """Say how a verdict looks."""
    return VERDICTS.get(verdict, REST)


def in_order(verdicts: Sequence[str]) -> list[str]:
    """Order verdicts as they are judged, those we do not know at the end."""
    known = list(VERDICTS)
    return sorted(
        set(verdicts), key=lambda word: (known.index(word) if word in known else 99, word)
    )


def site_looks(sites: Sequence[str]) -> dict[str, Look]:
    """Give each site a look: its own colour, or with many sites one that darkens with depth.

    Args:
        sites: in the order of the network.

    Returns:
        The look of each.

    Example:
        >>> site_looks(["fc1", "fc2"])["fc2"]
        Look(colour='#D55E00', marker='s', line='-', hatch='')
    """
    n = len(sites)
    colours = (
        COLOURS
        if n <= len(COLOURS)
        else [to_hex(one) for one in mpl.colormaps["cividis"](np.linspace(0, LIGHTEST, n))]
    )
    return {
        site: Look(colours[place], MARKERS[place % len(MARKERS)])
        for place, site in enumerate(sites)
    }
