"""Plot: draw a result, and write the figure if asked. matplotlib is loaded when it is called."""

from os import PathLike
from typing import TYPE_CHECKING, overload

from neurodemon.errors import PlotError
from neurodemon.terms.audits import Audit
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question

if TYPE_CHECKING:  # else `nd.plot` could not even be named without the extra
    import neurodemon.report.figures.paper

One = Curve | Effects | Audit


@overload
def plot(
    result: Question, path: str | PathLike[str] | None = None
) -> "dict[str, neurodemon.report.figures.paper.Drawing]": ...
@overload
def plot(
    result: One, path: str | PathLike[str] | None = None
) -> "neurodemon.report.figures.paper.Drawing": ...
def plot(
    result: One | Question, path: str | PathLike[str] | None = None
) -> "neurodemon.report.figures.paper.Drawing | dict[str, neurodemon.report.figures.paper.Drawing]":
    """Draw a result as a figure; needs the extra `plot`.

    A curve becomes the cost against Δz; headroom, what the best Δz wins against what the slope
    promised; an audit or effects, predicted against measured; a question, five figures. The
    figures are matplotlib's, made without pyplot: no window opens, and notebooks show them.

    Args:
        result: what a verb returned.
        path: where to write it as well: a file that ends in .png or .svg, or a folder, which
            gets both; a question's figures need a folder. Files of the same name are replaced.

    Returns:
        The `matplotlib.figure.Figure`; of a question a dict of them: `ranks`, `norms`,
        `verdicts`, `flatness`, `factors`.

    Raises:
        PlotError: there is nothing to draw in it, or it is nothing that has a figure.

    Example:
        >>> import neurodemon as nd
        >>> effects = nd.Effects.of(site=["fc"], unit=[0], predicted=[0.5], measured=[0.4])
        >>> nd.plot(effects).axes[0].get_xlabel()
        'predicted effect [cost]'
    """
    figures = draw(result)
    if path is not None:
        from neurodemon.report.figures.files import write_figures  # noqa: PLC0415  # optional

        write_figures(figures, path)
    if isinstance(result, Question):
        return figures
    (figure,) = figures.values()
    return figure


def draw(result: One | Question) -> "dict[str, neurodemon.report.figures.paper.Drawing]":
    """Draw a result's figures, each under the name that its file gets.

    Args:
        result: what a verb returned.

    Returns:
        One figure, or a question's five.

    Raises:
        PlotError: there is nothing to draw in it, or it is nothing that has a figure.
    """
    from neurodemon.report.figures.curves import draw_curve  # noqa: PLC0415  # optional
    from neurodemon.report.figures.effects import draw_audit, draw_effects  # noqa: PLC0415
    from neurodemon.report.figures.headroom import draw_headroom, has_headroom  # noqa: PLC0415
    from neurodemon.report.figures.questions import draw_question  # noqa: PLC0415

    if isinstance(result, Question):
        return draw_question(result)
    if isinstance(result, Curve):
        return {"curve": draw_curve(result)}
    if isinstance(result, Audit):
        return {"audit": draw_audit(result)}
    if not isinstance(result, Effects):
        raise PlotError(
            f"{type(result).__name__} has no figure; expected a Curve, Effects, an Audit or a "
            "Question, as nd.curve, nd.headroom, nd.audit and nd.question return them."
        )
    if has_headroom(result):
        return {"headroom": draw_headroom(result)}
    return {"effects": draw_effects(result)}
