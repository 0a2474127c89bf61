"""The page of headroom: what the best Δz wins at each unit, what the slope promised, verdicts."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.verdicts import RULES
from neurodemon.report.html.cards import Card, cards
from neurodemon.report.html.markup import Markup, joined, paragraphs, section
from neurodemon.report.html.numbers import Spell, ratio, share, spell_alike
from neurodemon.report.html.points import Labels, Points, draw_sites
from neurodemon.report.html.reading import order_by_size
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.report.html.units import name_rows
from neurodemon.terms.effects import Effects
from neurodemon.terms.text import count

Array = NDArray[np.float64]
SIGNED = {"delta", "best_dz"}  # the others are sizes
COLUMNS = {"delta", "best_dz", "headroom", "verdict"}
LEGEND = (
    "δ: the slope of the cost at the unit, its influence. Best Δz: where the cost is least, within "
    "the radius. Headroom: what that wins. κ = headroom / (|δ|·|best Δz|): 1 for |z|, ½ for a "
    "parabola, above 1 behind a plateau. Trust radius: up to here, both ways, the slope's promise "
    "is within 10 % of the truth."
)


def has_headroom(effects: Effects) -> bool:
    """Whether effects have a row, and the columns that `nd.headroom` adds."""
    return len(effects) > 0 and set(effects.table.column_names) >= COLUMNS


def headroom_sections(effects: Effects, top: int) -> Markup:
    """Lay headroom out.

    Args:
        effects: as `nd.headroom` returns them.
        top: how many units are listed.

    Returns:
        The sections, in the order in which they are read.
    """
    order = order_by_size(effects.array("headroom"))
    first = effects.take(order[:1])
    wins = float(first.array("headroom")[0])
    verdicts = Counter(verdict or "none" for verdict in effects["verdict"])
    common, units = verdicts.most_common(1)[0]
    answer = [
        cards([
            Card("Most to win", spell_alike([wins])(wins).removeprefix("+"), name_rows(first)[0]),
            Card("Commonest verdict", common, f"{units:,} of {len(effects):,} units"),
        ]),
        _verdicts(verdicts, len(effects)),
    ]
    return joined([
        section("The answer", *answer),
        section("The units with most to win", _units(effects.take(order[:top]), len(effects))),
        section("Promised against won", _pictures(effects)),
    ])


def headroom_in_words(effects: Effects) -> str:
    """Say in one line what headroom answers.

    Args:
        effects: as `nd.headroom` returns them.

    Returns:
        The question.
    """
    whose = "a model" if effects.manifest is None else effects.manifest.subject
    demons = ", ".join(dict.fromkeys(filter(None, effects["perturbation"])))
    return (
        f"How much lower could the cost of {whose} be, if a demon chose the best Δz for one unit? "
        f"({count(len(effects), 'demon')}{demons and '; '}{demons})"
    )


def _verdicts(verdicts: Counter[str], n_units: int) -> Markup:
    """List the verdicts, what each means and what to do."""
    known = {rule.verdict: rule for rule in RULES}
    order = [name for name in (*known, *verdicts) if name in verdicts]
    columns = [
        Column("verdict", names_row=True),
        Column("units", is_number=True),
        Column("share", is_number=True),
        Column("what it means", is_prose=True),
        Column("what to do", is_prose=True),
    ]
    rows = [
        [
            Cell(name),
            Cell(f"{verdicts[name]:,}", verdicts[name]),
            Cell(share(verdicts[name] / n_units), verdicts[name]),
            Cell(known[name].meaning if name in known else ""),
            Cell(known[name].advice if name in known else ""),
        ]
        for name in dict.fromkeys(order)
    ]
    return table("The verdicts", columns, rows)


def _units(shown: Effects, n_units: int) -> Markup:
    """Make the table of the units with most to win."""
    names = ("delta", "best_dz", "headroom", "shape", "trust_radius")
    heads = ("δ", "best Δz", "headroom", "κ", "trust radius")
    found = [name for name in names if name in shown.table.column_names]
    numbers = [shown.array(name) for name in found]
    spells = [_speller(name, values) for name, values in zip(found, numbers, strict=True)]
    columns = [
        Column("unit", names_row=True),
        *(
            Column(head, is_number=True)
            for name, head in zip(names, heads, strict=True)
            if name in found
        ),
        Column("verdict"),
    ]
    rows = [
        [
            Cell(unit),
            *(
                Cell(spell(float(values[row])), float(values[row]))
                for spell, values in zip(spells, numbers, strict=True)
            ),
            Cell(verdict or ""),
        ]
        for row, (unit, verdict) in enumerate(zip(name_rows(shown), shown["verdict"], strict=True))
    ]
    title = f"The {len(shown):,} units with most to win, of {n_units:,}"
    return joined([table(title, columns, rows), paragraphs([LEGEND], "remark")])


def _speller(name: str, values: Array) -> Spell:
    """Choose how a column is spelled: with signs, or as sizes."""
    if name == "shape":
        return ratio
    spell = spell_alike(map(float, values))
    return spell if name in SIGNED else lambda value: spell(value).removeprefix("+")


def _pictures(effects: Effects) -> Markup:
    """Draw what was won against what the slope promised of it."""
    none = np.full(len(effects), np.nan)
    points = Points(
        site=[site or "" for site in effects["site"]],
        name=name_rows(effects),
        along=np.abs(effects.array("delta") * effects.array("best_dz")),
        up=effects.array("headroom"),
        low=none,
        high=none,
        evidence=["exact"] * len(effects),
    )
    labels = Labels("promised: |δ| · |best Δz|", "won: headroom", {})
    drawn, said = draw_sites(points, labels)
    above = "Above the diagonal a demon wins more than the slope promised; below it, less."
    return joined([paragraphs([above]), drawn, paragraphs(said, "remark")])
