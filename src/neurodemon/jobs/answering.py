"""Answer the two questions of the book's readers, with the numbers of this very run.

Is a neuron's influence its error? And do we not want influential neurons? The two toys are
run beside it, once: |x|, and Nielsen's saturated neuron (chapter 3).
"""

import functools
from collections.abc import Sequence

import numpy as np

from neurodemon.engine.layout import unit_slopes
from neurodemon.engine.measure import measure
from neurodemon.engine.predict import FIRST_ORDER, TANGENT, influence
from neurodemon.engine.trials import PassSize
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import predict_all
from neurodemon.jobs.selecting import settle_units
from neurodemon.judge.agreement import SAMPLE_NEEDED, UNITS_NEEDED, most_misjudged
from neurodemon.judge.verdicts import CANCELLING
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import DISTANCES, kink, saturated
from neurodemon.terms.audits import Agreement
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Add
from neurodemon.terms.units import UnitSet

SAME = 1e-9  # a relative gap below this is rounding
TOY_STEPS = (-1.0, -4.0)  # of the saturated neuron: book/README.md


def answer(
    subject: Subject,
    units: UnitSet,
    effects: Effects,
    agreement: Sequence[Agreement],
    *,
    is_sample: bool = False,
) -> tuple[str, ...]:
    """Put the answers into sentences.

    Args:
        subject: what was studied.
        units: the units, in the order of the rows.
        effects: predicted and measured.
        agreement: of each predictor, per site.
        is_sample: whether it is of units drawn at random from more.

    Returns:
        Sentences, each number of which is of this run or of the toys.
    """
    return (
        "Is a neuron's influence (δ = ∂C/∂z) its error? Not in general: it is the slope at "
        "Δz = 0. "
        + _agreement_in_words(agreement, is_sample=is_sample)
        + _worst_in_words(units, effects),
        *_toys_in_words(),
        "Do we not want influential neurons? Yes, of influence on the output. "
        + _needed_in_words(subject, units, effects),
    )


def _agreement_in_words(agreement: Sequence[Agreement], *, is_sample: bool) -> str:
    """Where predictions rank the units best, and where worst, of those judged at all."""
    needed = SAMPLE_NEEDED if is_sample else UNITS_NEEDED
    rows = [
        row
        for row in agreement
        if row.site is not None and row.spearman is not None and row.n_units >= needed
    ]
    if not rows:
        drawn = " drawn at random" if is_sample else ""
        return f"This run has too few units{drawn} that differ to rank predictions by."
    ranked = sorted(rows, key=lambda row: row.spearman or 0.0)
    best, worst = ranked[-1], ranked[0]
    slopes = [row for row in ranked if row.predictor == FIRST_ORDER]
    text = (
        f"Here prediction and truth agree best at {best.site} by {best.predictor} (Spearman "
        f"{best.spearman:.3f}) and worst at {worst.site} by {worst.predictor} "
        f"({worst.spearman:.3f})."
    )
    if slopes:
        reached = [
            f"{row.spearman:.3f} at {row.site}" for row in slopes[:: max(1, len(slopes) - 1)]
        ]
        text += f" First order alone ranks the units at {' and '.join(reached)}."
    return text


def _worst_in_words(units: UnitSet, effects: Effects) -> str:
    """The unit that first order misjudges most."""
    worst = most_misjudged(effects.array(FIRST_ORDER), effects.array("measured"))
    if worst is None:
        return ""
    unit = list(units)[worst]
    promised, done = effects[FIRST_ORDER][worst], effects["measured"][worst]
    if abs(done - promised) <= SAME * abs(done):
        return " First order misjudges no unit."
    return f" First order misjudges {unit} most: promised {promised:+.4g}, really {done:+.4g}."


@functools.cache  # the toys are what they are: once in a process is enough
def _toys_in_words() -> tuple[str, str]:
    """What the two toys say, really run."""
    neuron = saturated()
    pairs = [_promised_and_done(neuron, step) for step in TOY_STEPS]
    (promise, done), (far_promise, far_done) = pairs
    line = kink(*DISTANCES)
    recording = line.recording(0)
    site = settle_units(line, "fc").sites[0]
    slopes = influence(recording, [site.node])[site.node].flatten().tolist()
    costs = recording.cost.tolist()
    saturation = (
        f"Two toys, apart from your model. The saturated neuron breaks “influence = error”: at Δz = {TOY_STEPS[0]:g} its slope "
        f"promised {promise:.4f}, really {done:.4f}; at Δz = {TOY_STEPS[1]:g} promised "
        f"{far_promise:.4f}, really {far_done:.4f} ({far_done / far_promise:.2f} times as much): "
        "small influence, large error."
    )
    kinked = (
        f"|x| breaks it too: at distance {costs[0]:g} and at distance {costs[-1]:g} the slope is "
        f"{slopes[0]:g} and {slopes[-1]:g}: the same influence, "
        f"{costs[-1] / costs[0]:g} times the error."
    )
    return saturation, kinked


def _promised_and_done(neuron: Subject, step: float) -> tuple[float, float]:
    """What δ·Δz promises of a toy neuron, and what the demon really does."""
    chosen = settle_units(neuron, "fc")
    nudges = Nudges(neuron, Add(step))
    promised = predict_all(neuron, chosen, nudges, (TANGENT,))[TANGENT]
    block = chosen.blocks[0]
    done = measure(neuron.recording(0), block, nudges(block, 0), PassSize(1, 1))
    return float(promised.mean()), float(done.mean())


def _needed_in_words(subject: Subject, units: UnitSet, effects: Effects) -> str:
    """The unit that is needed most, beside the slope that its cost has left."""
    measured = effects.array("measured")
    worth = -measured if subject.better == "higher" else measured
    if not np.isfinite(worth).any():
        return "No unit of this run has a finite effect."
    place = int(np.nanargmax(np.where(np.isfinite(worth), worth, np.nan)))
    done = effects["perturbation"][place]
    cost = "metric" if subject.better == "higher" else "cost"
    if worth[place] <= 0:
        return f"In this run {done} makes the {cost} worse at no unit."
    unit = list(units)[place]
    block = UnitSet.of(unit).blocks[0]
    slopes = []
    recordings = subject.recordings()
    for number in range(len(recordings)):
        site = recordings[number].graph.site_by_name[unit.site.name]
        delta = influence(recordings[number], [site.node])[site.node]
        slopes.append(unit_slopes(delta, site, block).cpu().numpy())
    found = np.concatenate(slopes)
    each, together = float(np.abs(found).mean()), float(found.mean())
    is_silenced = abs(together) < CANCELLING * each
    return (
        f"Here {done} makes the {cost} worst at {unit}, by {measured[place]:+.4g}, while its mean "
        f"δ is {together:+.2g} beside a mean |δ| of {each:.2g}"
        + (": the mean of δ is silent, the unit is not." if is_silenced else ".")
    )
