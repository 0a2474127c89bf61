"""A story: a question's rows laid out over training, and how a site's line is drawn along it.

The steps of training lie along; where there is one step only, the sites do instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neurodemon.errors import PlotError
from neurodemon.report.figures.palette import Look, site_looks
from neurodemon.report.figures.paper import name, plain, say_empty
from neurodemon.report.figures.scales import set_steps, step_labels
from neurodemon.terms.findings import SCOPES, Scope
from neurodemon.terms.questions import Layer, Question

Array = NDArray[np.float64]
LEGEND_LETTERS = 34  # of a site's name beside the panels
TICK_LETTERS = 14  # of a site's name under an axis
LETTER = 0.068  # inches, of a letter beside the panels
LEVEL = 24  # letters under an axis that fit side by side
MOST_NAMES = 12  # sites or steps written under an axis; of more, some


@dataclass(frozen=True, eq=False)
class Story:
    """A question's rows, and where each stands along.

    Attributes:
        layers: the rows.
        sites: in the order of the network.
        steps: of training, in order.
        scopes: those that were asked.
        looks: of each site.
    """

    layers: tuple[Layer, ...]
    sites: list[str]
    steps: list[int]
    scopes: list[Scope]
    looks: dict[str, Look]

    @property
    def trains(self) -> bool:
        """Whether there are several steps, so that they lie along."""
        return len(self.steps) > 1

    @property
    def legend_width(self) -> float:
        """How many inches the legend of the sites takes."""
        return 0.6 + LETTER * min(max(18, *map(len, self.sites), 0), LEGEND_LETTERS)

    @property
    def along(self) -> str:
        """The label of the axis along."""
        return "step of training" if self.trains else f"site, at step {self.steps[0]:,}"

    def rows(self, site: str, scope: Scope | None = None) -> list[Layer]:
        """Take a site's rows, the steps in order; without a scope, those of the first one."""
        wanted = scope or self.scopes[0]
        found = [row for row in self.layers if row.site == site and row.scope == wanted]
        return sorted(found, key=lambda row: row.step)

    def places(self, rows: Sequence[Layer]) -> Array:
        """Say where rows stand along: at their step, or at their site."""
        return np.array(
            [row.step if self.trains else self.sites.index(row.site) for row in rows], float
        )


def tell(question: Question) -> Story:
    """Find the sites, steps and scopes of a question.

    Args:
        question: as `nd.question` returns it.

    Returns:
        Its rows, laid out.

    Raises:
        PlotError: it has no layers.
    """
    if not question.layers:
        raise PlotError(
            "This question has no layers; expected at least one row. Ask nd.question of a subject "
            "with hidden units."
        )
    sites = list(dict.fromkeys(row.site for row in question.layers))
    found = {row.scope for row in question.layers}
    return Story(
        layers=question.layers,
        sites=sites,
        steps=sorted({row.step for row in question.layers}),
        scopes=[scope for scope in SCOPES if scope in found],
        looks=site_looks(sites),
    )


def draw_line(
    axes: Axes, look: Look, places: Array, values: Array, *, is_second: bool = False
) -> None:
    """Draw a site's numbers, a gap where one is not defined; a second kind dashed and open."""
    axes.plot(
        places,
        values,
        color=look.colour,
        marker=look.marker,
        linestyle="--" if is_second else "-",
        markerfacecolor="white" if is_second else look.colour,
        linewidth=1 if is_second else 1.4,
        clip_on=False,
        zorder=3,
    )


def finish(axes: Axes, story: Story) -> None:
    """Mark the axis along, and say so where a panel has stayed empty."""
    say_if_empty(axes)
    axes.set_xlabel(story.along)
    if story.trains:
        set_steps(axes, story.steps)
        return
    write_names(axes, [name(site, TICK_LETTERS) for site in story.sites])
    axes.set_xlim(-0.6, len(story.sites) - 0.4)


def write_names(axes: Axes, names: Sequence[str]) -> None:
    """Write names under an axis at 0, 1, 2, …; of many, some."""
    step = -(-len(names) // MOST_NAMES)
    written = names[::step]
    axes.set_xticks(range(0, len(names), step), written)
    if sum(map(len, written)) > LEVEL:
        axes.tick_params(axis="x", labelrotation=30)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")


def names_along(story: Story, rows: Sequence[Layer]) -> list[str]:
    """Name rows by their step, or by their site where there is one step."""
    if story.trains:
        return step_labels([row.step for row in rows])
    return [name(row.site, TICK_LETTERS) for row in rows]


def say_if_empty(axes: Axes) -> None:
    """Say so where no line of a panel has a finite number."""
    heights = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    if not any(np.isfinite(one).any() for one in heights):
        say_empty(axes, "not defined here")


def site_handles(story: Story) -> list[Artist]:
    """Make the legend of the sites."""
    return [
        Line2D([], [], color=look.colour, marker=look.marker, label=name(site, LEGEND_LETTERS))
        for site, look in story.looks.items()
    ]


def pattern_handles(first: str, second: str) -> list[Artist]:
    """Make the legend of the two kinds of lines."""
    solid = Line2D([], [], color="0.3", marker="o", label=plain(first))
    dashed = Line2D([], [], color="0.3", marker="o", label=plain(second), linestyle="--")
    dashed.set_markerfacecolor("white")
    return [solid, dashed]


def numbers(values: Sequence[float | None]) -> Array:
    """Take numbers, none as NaN."""
    return np.array([np.nan if value is None else value for value in values], float)
