"""The page of effects that were predicted or measured, without a judgement."""

from collections import Counter

import numpy as np

from neurodemon.report.html.cards import Card, cards
from neurodemon.report.html.markup import Markup, element, joined, paragraphs, section
from neurodemon.report.html.numbers import spell_alike
from neurodemon.report.html.reading import Reading, demon_in_words, read
from neurodemon.report.html.units import largest_card, pictures, top_units
from neurodemon.terms.effects import Effects
from neurodemon.terms.statuses import ADVICE, OK
from neurodemon.terms.text import count


def effects_sections(effects: Effects, top: int) -> Markup:
    """Lay effects out.

    Args:
        effects: one row per unit.
        top: how many units are listed.

    Returns:
        The sections, in the order in which they are read.
    """
    reading = read(effects)
    return joined([
        section("The answer", _answer(reading)),
        section("The units that matter most", top_units(reading, top)),
        section("The effects at each site", pictures(reading, {})),
    ])


def question_in_words(effects: Effects) -> str:
    """Say in one line what effects answer.

    Args:
        effects: one row per unit.

    Returns:
        The question.
    """
    reading = read(effects)
    whose = "a model" if effects.manifest is None else effects.manifest.subject
    demon = demon_in_words(next(iter(effects["perturbation"]), None))
    sites = len(set(effects["site"]))
    examples = "" if reading.n_examples is None else f"; {count(reading.n_examples, 'example')}"
    return (
        f"What happens to the cost of {whose} when a unit is {demon}? "
        f"({count(len(effects), 'unit')} at {count(sites, 'site')}{examples})"
    )


def _answer(reading: Reading) -> Markup:
    """Say which unit stands out, and how the effects are spread."""
    effect = reading.effect
    n_up, n_down = int((effect > 0).sum()), int((effect < 0).sum())
    how = "measured" if reading.has_measured else f"predicted by {reading.predictor or 'nobody'}"
    middle = np.abs(effect[np.isfinite(effect)])
    spell = spell_alike([float(np.median(middle))] if len(middle) else [])
    typical = spell(float(np.median(middle))).removeprefix("+") if len(middle) else "–"
    return joined([
        cards([
            *largest_card(reading),
            Card("A typical effect", typical, "the median size over all units"),
            Card("Units", f"{len(effect):,}", f"{how}; {_spread(n_up, n_down, len(effect))}"),
        ]),
        paragraphs([
            ""
            if reading.has_measured
            else "These are predictions. Nothing was measured: neurodemon audit says how far they "
            "can be trusted."
        ]),
    ])  # fmt: skip


def _spread(n_up: int, n_down: int, n_units: int) -> str:
    """Say how many units raise the cost, and how many lower it."""
    rest = n_units - n_up - n_down
    still = f", {rest:,} do neither" if rest else ""
    return f"{n_up:,} raise the cost, {n_down:,} lower it{still}"


def status_lines(effects: Effects) -> list[str]:
    """Say what is odd about some units, and what to do about it."""
    found = sorted(Counter(status for status in effects["status"] if status).items())
    return [
        f"{count(units, 'unit')}: {status}. {ADVICE.get(status, '')}"
        for status, units in found
        if status != OK
    ]


def remarks(effects: Effects | None, notes: tuple[str, ...]) -> Markup:
    """List what a reader should know: notes of the run, and odd units."""
    lines = [*([] if effects is None else status_lines(effects)), *notes]
    return element("ul", *(element("li", line) for line in lines)) if lines else Markup("")
