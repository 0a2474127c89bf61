"""Draw the question: is influence error? Five figures of a network's layers over training."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from neurodemon.report.figures.palette import MEASURED, in_order, verdict_look
from neurodemon.report.figures.paper import (
    Drawing,
    name,
    new_drawing,
    own_style,
    plain,
    write_caption,
    write_legend,
)
from neurodemon.report.figures.scales import positive, set_log_height
from neurodemon.report.figures.story import (
    Story,
    draw_line,
    finish,
    names_along,
    numbers,
    pattern_handles,
    say_if_empty,
    site_handles,
    tell,
    write_names,
)
from neurodemon.terms.findings import Scope
from neurodemon.terms.questions import Layer, Question
from neurodemon.terms.text import count

Number = Callable[[Layer], float | None]
MOST_STEPS = 4  # of the flatness window, side by side
MOST_SITES = 24  # of the verdicts, one below the other
FEWEST_PLACES = 4  # of bars along, so that a lone bar is no wall
SCOPES = "shared: one Δz for all examples; each: its own Δz for each example."
PANEL = 2.4  # inches, the height of a row of panels
HEAD = 0.9  # inches, for title and caption


def draw_question(question: Question) -> dict[str, Drawing]:
    """Draw the five figures of a question.

    Args:
        question: as `nd.question` returns it. `PlotError` says that it has no layers.

    Returns:
        `ranks` (rank correlations of |δ| with headroom and with |best Δz|), `norms` (‖mean δ‖
        beside mean ‖δ‖), `verdicts` (their shares), `flatness` (the window within which the
        slope tells the distance) and `factors` (‖∂C/∂output‖ and ‖∂output/∂z‖).
    """
    story = tell(question)
    drawn = {
        "ranks": _draw_ranks,
        "norms": _draw_norms,
        "verdicts": _draw_verdicts,
        "flatness": _draw_flatness,
        "factors": _draw_factors,
    }
    with own_style():
        return {word: draw(story) for word, draw in drawn.items()}


def _draw_ranks(story: Story) -> Drawing:
    """Draw how well |δ| ranks what there is to win, and how well the distance to it."""
    drawing = new_drawing(
        "Is influence error? How well |δ| ranks what there is to win, and how far away it is",
        6.6 + story.legend_width,
        HEAD + PANEL * len(story.scopes),
        alt="Line plots of Spearman correlations, a line for each site, a row for each scope.",
    )
    panels = drawing.subplots(len(story.scopes), 2, squeeze=False, sharey=True)
    for row, scope in zip(panels, story.scopes, strict=True):
        _draw_pair(row[0], story, scope, ("rank_gain", "rank_gain_within"))
        _draw_pair(row[1], story, scope, ("rank_distance", "rank_distance_within"))
        row[0].set_ylabel("Spearman correlation")
        row[0].set_title(f"|δ| with headroom ({scope})", loc="left")
        row[1].set_title(f"|δ| with |best Δz| ({scope})", loc="left")
    _label_lowest(panels)
    write_legend(drawing, [*site_handles(story), *pattern_handles("pooled", "within examples")])
    write_caption(drawing, [
        "At 1, |δ| puts the units in the right order; at 0, it says nothing.", SCOPES
    ])  # fmt: skip
    return drawing


def _draw_norms(story: Story) -> Drawing:
    """Draw the norm of the mean δ beside the mean of the norms."""
    drawing = new_drawing(
        "What does training silence: the mean of δ, or each example's δ?",
        8.4 + story.legend_width,
        HEAD + PANEL,
        alt="Line plots over training: ‖mean δ‖, mean ‖δ‖ and their ratio, a line for each site.",
    )
    left, middle, right = drawing.subplots(1, 3)
    _draw_sites(left, story, lambda row: _norms(row)[0], "‖mean δ‖ over the units")
    _draw_sites(middle, story, lambda row: _norms(row)[1], "mean ‖δ‖ over the examples")
    _draw_sites(right, story, _kept, "‖mean δ‖ / mean ‖δ‖")
    ends = [*left.get_ylim(), *middle.get_ylim()]
    left.set_ylim(min(ends), max(ends))  # one range: heights are to be compared
    middle.set_ylim(min(ends), max(ends))
    write_legend(drawing, site_handles(story))
    write_caption(drawing, [_whose(story), _not_drawn(story, _kept, "one of the norms is 0")])
    return drawing


def _draw_verdicts(story: Story) -> Drawing:
    """Draw the share of demons in each verdict, as stacked bars."""
    groups = [[site] for site in story.sites[:MOST_SITES]] if story.trains else [story.sites]
    drawing = new_drawing(
        "What the demons met: the share of each verdict",
        8.2,
        HEAD + (1.35 if story.trains else PANEL) * len(groups) + 0.3,
        alt="Stacked bars: the share of demons in each verdict, for each step, site and scope.",
    )
    words = in_order([word for row in story.layers for word in row.verdicts])
    panels = drawing.subplots(len(groups), len(story.scopes), squeeze=False, sharey=True)
    for row, sites in zip(panels, groups, strict=True):
        for axes, scope in zip(row, story.scopes, strict=True):
            _draw_bars(axes, story, [one for s in sites for one in story.rows(s, scope)], words)
            title = f"{name(sites[0])} ({scope})" if story.trains else scope
            axes.set_title(title, loc="left")
        row[0].set_ylabel("share")
    _label_lowest(panels)
    write_legend(drawing, _verdict_handles(words), "verdict")
    left_out = len(story.sites) - sum(map(len, groups))
    write_caption(drawing, [
        SCOPES, f"Not drawn: {count(left_out, 'later site')}." if left_out else ""
    ])  # fmt: skip
    return drawing


def _draw_flatness(story: Story) -> Drawing:
    """Draw how near its optimum a curve's slope still tells how far that is."""
    steps = _some(story.steps)
    scopes = _told_apart(story)
    drawing = new_drawing(
        "How near must the optimum be? Spearman of a curve's slope with the distance to it",
        max(1.9 * len(steps), 4.6) + story.legend_width,
        HEAD + PANEL * len(scopes),
        alt="Line plots of Spearman correlations against the window about the optimum, in std(z).",
    )
    panels = drawing.subplots(len(scopes), len(steps), squeeze=False, sharex=True, sharey=True)
    for row, scope in zip(panels, scopes, strict=True):
        for axes, step in zip(row, steps, strict=True):
            _draw_windows(axes, story, scope, step)
            axes.set_title(f"step {step:,}" + (f" ({scope})" if scopes[1:] else ""), loc="left")
        row[0].set_ylabel("Spearman correlation")
    for axes in panels[-1]:
        axes.set_xlabel("window [std(z)]")
    write_legend(drawing, site_handles(story))
    some = f"Drawn: {len(steps)} of {len(story.steps)} steps."
    write_caption(
        drawing, [SCOPES if scopes[1:] else "", some if len(steps) < len(story.steps) else ""]
    )
    return drawing


def _draw_factors(story: Story) -> Drawing:
    """Draw the two factors of δ: what the cost still asks of the output, and the units' reach."""
    drawing = new_drawing(
        "Do we not want influential units? δ = ∂C/∂output · ∂output/∂z",
        6.6 + story.legend_width,
        HEAD + PANEL,
        alt="Line plots over training of ‖∂C/∂output‖ and ‖∂output/∂z‖, a line for each site.",
    )
    left, right = drawing.subplots(1, 2)
    _draw_output(left, story)
    _draw_sites(right, story, lambda row: row.unit_slope, "‖∂output/∂z‖: the units' reach")
    write_legend(drawing, site_handles(story))
    product = _not_drawn(story, _product, "a factor is 0 or not known")
    write_caption(drawing, [product])
    return drawing


def _draw_pair(axes: Axes, story: Story, scope: Scope, fields: tuple[str, str]) -> None:
    """Draw a correlation of each site: pooled, and within examples."""
    for site in story.sites:
        rows = story.rows(site, scope)
        for is_second, field in enumerate(fields):
            values = numbers([getattr(row, field) for row in rows])
            places = story.places(rows)
            draw_line(axes, story.looks[site], places, values, is_second=bool(is_second))
    finish(axes, story)
    _set_correlation(axes)


def _draw_sites(axes: Axes, story: Story, number: Number, title: str) -> None:
    """Draw one number of each site on a logarithmic axis."""
    rows = {site: story.rows(site) for site in story.sites}
    values = {site: numbers([number(row) for row in rows[site]]) for site in rows}
    set_log_height(axes, np.concatenate(list(values.values())))
    for site, look in story.looks.items():
        draw_line(axes, look, story.places(rows[site]), positive(values[site]))
    axes.set_title(title, loc="left")
    finish(axes, story)


def _draw_output(axes: Axes, story: Story) -> None:
    """Draw what the cost still asks of the output: one number, whichever the site."""
    first = {row.step: row for row in reversed(story.layers)}
    rows = [first[step] for step in story.steps]
    values = positive(numbers([row.output_slope for row in rows]))
    set_log_height(axes, values)
    if story.trains:
        draw_line(axes, MEASURED, story.places(rows), values)
    else:
        axes.plot([-0.5, len(story.sites) - 0.5], [values[0]] * 2, color=MEASURED.colour)
    axes.set_title("‖∂C/∂output‖: what is still wrong", loc="left")
    finish(axes, story)


def _draw_bars(axes: Axes, story: Story, rows: Sequence[Layer], words: Sequence[str]) -> None:
    """Stack the shares of the verdicts of each row."""
    below = np.zeros(len(rows))
    for word in words:
        share = np.array([row.verdicts.get(word, 0.0) for row in rows])
        look = verdict_look(word)
        axes.bar(
            range(len(rows)), share, 0.8, bottom=below, color=look.colour, hatch=look.hatch,
            edgecolor="white", linewidth=0.4,
        )  # fmt: skip
        below += share
    axes.set_ylim(0, 1)
    write_names(axes, names_along(story, rows))
    axes.set_xlim(-0.6, max(len(rows), FEWEST_PLACES) - 0.4)
    axes.set_xlabel(story.along)


def _draw_windows(axes: Axes, story: Story, scope: Scope, step: int) -> None:
    """Draw each site's correlation against the window, at one step."""
    windows = sorted({window for row in story.layers for window in row.flatness}, key=float)
    places = np.array([float(window) for window in windows])
    for site in story.sites:
        for row in story.rows(site, scope):
            if row.step == step:
                values = numbers([row.flatness.get(window) for window in windows])
                draw_line(axes, story.looks[site], places, values)
    say_if_empty(axes)
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:g}".removeprefix("0") for place in places], minor=False)
    axes.set_xticks([], minor=True)
    _set_correlation(axes)


def _set_correlation(axes: Axes) -> None:
    """Let an axis go from −1 to 1, and mark 0."""
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=1)
    axes.set_ylim(-1.05, 1.05)


def _label_lowest(panels: NDArray[np.object_]) -> None:
    """Keep the label of the axis along in the lowest row of panels only."""
    for row in panels[:-1]:
        for axes in row:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)


def _verdict_handles(words: Sequence[str]) -> list[Artist]:
    """Make the legend of the verdicts."""
    looks = {word: verdict_look(word) for word in words}
    return [
        Patch(facecolor=look.colour, hatch=look.hatch, edgecolor="white", label=plain(word))
        for word, look in looks.items()
    ]


def _kept(row: Layer) -> float | None:
    """How much of δ is left when the examples are averaged first."""
    of_mean, mean = _norms(row)
    return of_mean / mean if mean else None


def _norms(row: Layer) -> tuple[float, float]:
    """‖mean δ‖ and mean ‖δ‖, on the examples of the training where they are known."""
    if row.norm_of_mean_trained is None or row.mean_of_norms_trained is None:
        return row.norm_of_mean, row.mean_of_norms
    return row.norm_of_mean_trained, row.mean_of_norms_trained


def _whose(story: Story) -> str:
    """Say whose δ is drawn."""
    is_known = any(row.norm_of_mean_trained is not None for row in story.layers)
    return f"On the examples {'it was trained on' if is_known else 'studied'}."


def _product(row: Layer) -> float | None:
    """The product of the two factors, where both are known."""
    if row.output_slope is None or row.unit_slope is None:
        return None
    return row.output_slope * row.unit_slope


def _some(steps: Sequence[int]) -> list[int]:
    """Take a few steps evenly, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(MOST_STEPS, len(steps))).round().astype(int)
    return [steps[place] for place in places]


def _told_apart(story: Story) -> list[Scope]:
    """Take the scopes, but one where the curves, and so their windows, are those of both."""
    windows = [
        [row.flatness for site in story.sites for row in story.rows(site, scope)]
        for scope in story.scopes
    ]
    return story.scopes if any(one != windows[0] for one in windows) else story.scopes[:1]


def _not_drawn(story: Story, number: Number, why: str) -> str:
    """Count the rows with a number that a logarithmic axis cannot show."""
    rows = [row for site in story.sites for row in story.rows(site)]
    gone = int((~np.isfinite(positive(numbers([number(row) for row in rows])))).sum())
    return f"Not drawn in part: {count(gone, 'row')}, where {why}." if gone else ""
