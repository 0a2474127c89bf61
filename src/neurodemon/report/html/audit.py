"""The page of an audit: the answer first, then what it rests on."""

import numpy as np

from neurodemon.report.html.calibration import calibration
from neurodemon.report.html.cards import Card, cards
from neurodemon.report.html.certificate import certificate_card, certify
from neurodemon.report.html.cost import cost, cost_card
from neurodemon.report.html.markup import Markup, element, joined, paragraphs, section
from neurodemon.report.html.missed import missed
from neurodemon.report.html.numbers import Spell, ratio, spell_alike
from neurodemon.report.html.reading import Reading, demon_in_words, order_by_size, read
from neurodemon.report.html.trust import MOST_VERDICTS, found_row, trust, under_pictures, verdicts
from neurodemon.report.html.units import largest_card, pictures, top_units
from neurodemon.terms.audits import Audit
from neurodemon.terms.text import count

FIRST = 5  # units named in the answer


def audit_sections(audit: Audit, top: int) -> Markup:
    """Lay an audit out.

    Args:
        audit: what was found.
        top: how many units are listed.

    Returns:
        The sections, in the order in which they are read.
    """
    reading = read(audit.effects)
    return joined([
        _answer(audit, reading),
        section("The units that matter most", top_units(reading, top)),
        section(
            "Predicted against measured",
            pictures(reading, under_pictures(audit, reading.predictor)),
        ),
        section("What may be trusted, site by site", trust(audit, reading)),
        section("What the prediction missed", missed(audit, reading)),
        section("How well the intervals hold", calibration(audit.calibration)),
        section("What it cost", cost(audit.work)),
        section("Is influence error?", paragraphs(audit.answers)),
    ])


def _answer(audit: Audit, reading: Reading) -> Markup:
    """Say the answer: the units, what may be trusted, what is proved."""
    first = _first_units(reading)
    parts = [
        cards([
            *largest_card(reading),
            _agreement(audit, reading),
            certificate_card(audit.certificate),
            cost_card(audit.work),
        ]),
        element("h3", "The units that matter most"),
        first,
        element("h3", "What may be trusted"),
        verdicts(audit, MOST_VERDICTS),
        element("h3", "What is proved"),
        certify(audit.certificate),
    ]
    return section("The answer", *parts)


def _agreement(audit: Audit, reading: Reading) -> Card:
    """Say on a card how far the chosen predictor ranks the units as the measurement does."""
    row = found_row(audit, reading.predictor)
    if row is None:
        return Card("Rank agreement", "–", "no predictor was compared with the measurement")
    return Card(
        "Rank agreement",
        ratio(row.spearman),
        f"Spearman of {row.predictor} with the measurement, on {count(row.n_units, 'unit')} of "
        f"{row.site or 'all sites'}; 1 is the same order",
    )


def _first_units(reading: Reading) -> Markup:
    """Name the first units in sentences."""
    shown = reading.take(order_by_size(reading.effect)[:FIRST])
    spell = spell_alike(map(float, shown.effect))
    demon = demon_in_words(next(iter(shown.effects["perturbation"]), None))
    lines = [
        element("li", element("strong", unit), f" {demon}: {_change(shown, row, spell)}.")
        for row, unit in enumerate(shown.effects.spelled)
        if np.isfinite(shown.effect[row])
    ]
    return element("ol", *lines)


def _change(reading: Reading, row: int, spell: Spell) -> str:
    """Say what becomes of the cost, what that rests on, and how far off it may be."""
    value, low, high = (float(one[row]) for one in (reading.effect, reading.low, reading.high))
    is_open = reading.evidence[row] != "exact" and not np.isnan(low) and not np.isnan(high)
    within = f", between {spell(low)} and {spell(high)}" if is_open else ""
    verb = "rises" if value > 0 else "falls"
    what = f"{verb} by {spell(abs(value)).removeprefix('+')}" if value else "stays as it is"
    return f"the cost {what} ({reading.how(row)}{within})"
