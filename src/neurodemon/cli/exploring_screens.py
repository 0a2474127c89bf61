"""The screens of `curve` and `headroom`. This file must never see torch."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from neurodemon.cli.render import Paper
from neurodemon.cli.screens import show_remarks
from neurodemon.judge.verdicts import RULES
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.spelling import percent, rounded, speller
from neurodemon.terms.text import count, format_number

HEADS = (
    "δ", "best Δz", "headroom", "shape κ", "trust radius", "bound", "radius",
)  # fmt: skip
SIGNED = {"delta", "best_dz"}
COLUMNS = ("delta", "best_dz", "headroom", "shape", "trust_radius", "trust_bound", "radius")


def show_curve(paper: Paper, curve: Curve, also: Sequence[float] = ()) -> None:
    """Write a curve: what was asked, some of its points, and what it comes to.

    Args:
        paper: where to.
        curve: what was measured.
        also: Δz whose points are shown in any case.
    """
    paper.line(_curve_in_words(curve))
    paper.line()
    predictors = list(curve.predicted)
    rows = curve.rows()
    places = sorted({*curve.shown(), *(int(np.abs(curve.dz - one).argmin()) for one in also)})
    dz, cost = speller(curve.dz.tolist()), speller(curve.measured.tolist())
    effect = speller(row["measured"] for row in rows)
    numbers = ["Δz", "cost", "measured", *predictors, "measured/tangent"]
    cells = [
        [
            dz(rows[place]["dz"]),
            cost(rows[place]["cost"]).removeprefix("+"),
            *(effect(rows[place][name]) for name in ("measured", *predictors)),
            rounded(rows[place]["ratio"]),
        ]
        for place in places
    ]
    paper.table(numbers, cells, numbers=numbers)
    rest = len(curve) - len(cells)
    if rest:
        paper.line(f"… {rest} more points between these; --json holds all.")
    paper.line("cost: C at this Δz; the others are effects, cost after − cost before.")
    paper.line()
    paper.line(_best_in_words(curve))
    for note in curve.notes:
        paper.line(f"note: {note}")


def show_headroom(paper: Paper, effects: Effects, top: int) -> None:
    """Write what the demons of many units found.

    Args:
        paper: where to.
        effects: what `nd.headroom` returned.
        top: how many units.
    """
    scope = str(next(iter(effects["perturbation"]), "")).rpartition(", ")[2]
    whose = "" if effects.manifest is None else f" of {effects.manifest.subject}"
    paper.line(
        f"How much could a demon in each unit win{whose}? "
        f"({next(iter(effects['perturbation']), 'nothing')}; {count(len(effects), 'unit')})"
    )
    paper.line()
    _show_units(paper, effects, top, signed=scope == "shared")
    paper.line(_columns_in_words(scope))
    paper.line()
    for sentence in _verdicts_in_words(effects):
        paper.line(sentence)
    show_remarks(paper, effects)


def show_stages(paper: Paper, effects: Effects, top: int) -> None:
    """Write what a question that was interrupted has so far: the last stage, scope by scope.

    Args:
        paper: where to.
        effects: the rows of all stages that are done, with the column `step`.
        top: how many units.
    """
    steps, wanted = effects["step"], effects["perturbation"]
    last = max(steps)
    paper.line(
        f"Stages done: step {', '.join(map(str, sorted(set(steps))))}. The same question with the "
        f"same --out goes on, and answers at its end; here is what demons found at step {last}."
    )
    for perturbation in dict.fromkeys(wanted):
        is_shown = [pair == (last, perturbation) for pair in zip(steps, wanted, strict=True)]
        paper.line()
        show_headroom(paper, effects.take(np.flatnonzero(is_shown)), top)


def _show_units(paper: Paper, effects: Effects, top: int, *, signed: bool) -> None:
    """Write the units with the most headroom."""
    shown = effects.top(top)
    spelled = []
    for name in COLUMNS:
        spell = (
            _with_sign if signed and name in SIGNED else format_number
        )  # sizes differ too much for one
        spelled.append([spell(value) for value in shown[name]])
    ends = [" (end)" if is_censored else "" for is_censored in shown["censored"]]
    spelled[1] = [f"{cell}{end}" for cell, end in zip(spelled[1], ends, strict=True)]
    rows = zip(
        shown.spelled,
        *spelled,
        shown["verdict"],
        ("cancelling" if is_cancelling else "" for is_cancelling in shown["cancelling"]),
        (status or "" for status in shown["status"]),
        strict=True,
    )
    paper.table(["unit", *HEADS, "verdict", "", "status"], rows, numbers=set(HEADS))
    rest = len(effects) - len(shown)
    if rest:
        paper.line(f"… {rest} more; --top {len(effects)} shows all.")


def _with_sign(value: float | None) -> str:
    """Spell a number with its sign, in four significant digits."""
    return f"{value:+.4g}" if value else format_number(value)


def _columns_in_words(scope: str) -> str:
    """Say what the columns are."""
    whose = (
        "in scope each δ is the mean |δ|, best Δz the median |Δz|, headroom the mean over examples"
        if scope == "each"
        else "one Δz serves all examples, δ is their mean"
    )
    return (
        f"δ: slope ∂C/∂z; {whose}. best Δz: nearest to 0 of the best cost (the least; of a metric "
        "that should grow the highest), (end) where it lies at the radius; headroom: what it wins; "
        "shape κ: headroom / (|δ|·|best Δz|); trust radius: up to here first order is within 10 %; "
        "bound: about what the loss alone would allow of it, free of any run."
    )


def _verdicts_in_words(effects: Effects) -> list[str]:
    """Count each verdict, with its advice."""
    counted = Counter(effects["verdict"])
    return [
        f"{rule.verdict}: {count(counted[rule.verdict], 'unit')} "
        f"({percent(counted[rule.verdict] / len(effects))}): {rule.meaning}. {rule.advice}"
        for rule in RULES
        if counted[rule.verdict]
    ]


def _curve_in_words(curve: Curve) -> str:
    """Say in one line what the numbers answer."""
    whose = "" if curve.manifest is None else f" of {curve.manifest.subject}"
    who = "one Δz for all" if curve.scope == "shared" else "each its own way down"
    return (
        f"What does a demon in {curve.unit} do to the cost{whose} along its way? (Δz within "
        f"{curve.radius_text} = {curve.radius:.4g}; {curve.scope}: {who}; "
        f"{count(curve.per_example.shape[1], 'example')}; the clean cost is {curve.cost:.4g}, "
        f"the slope {curve.slope:+.4g})"
    )


def _best_in_words(curve: Curve) -> str:
    """Say where the least cost is, and what the slope promised of it."""
    place, is_higher = curve.best, curve.better == "higher"
    if curve.gain <= 0:
        return f"No Δz here {'raises the metric' if is_higher else 'lowers the cost'}."
    return (
        f"The {'highest metric' if is_higher else 'least cost'} here is "
        f"{curve.measured[place]:.4g} at Δz = {curve.dz[place]:+.4g}: measured "
        f"{curve.effect[place]:+.4g}, where the slope promised "
        f"{curve.tangent[place] - curve.cost:+.4g}. "
        "neurodemon headroom looks between the points."
    )
