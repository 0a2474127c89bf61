"""What the prediction missed: units of large effect that it had ranked low, each with its cause."""

from neurodemon.report.html.markup import Markup, joined, paragraphs
from neurodemon.report.html.numbers import Spell, spell_alike
from neurodemon.report.html.reading import Reading
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.terms.audits import Audit, FalseNegative

CAUSES = {
    "saturation": "the unit sits on a plateau, where slopes are next to nothing",
    "cancellation": "the slopes of single examples are large, and cancel in the mean",
    "curvature": "the cost bends on the way, so that its slope at the start misleads",
    "unexplained": "none of these was found",
}


def missed(audit: Audit, reading: Reading) -> Markup:
    """List the units of large effect that the prediction had ranked low.

    Args:
        audit: what was found.
        reading: its effects.

    Returns:
        A table, or a sentence that says why there is none.
    """
    if "evidence" not in reading.effects.table.column_names and not audit.false_negatives:
        return paragraphs([
            "This run was made before audits looked for them: run it again to know."
        ])
    if not audit.false_negatives:
        return paragraphs([
            "Nothing that was found: no unit of large effect had been predicted small."
        ])
    spell = spell_alike([
        number for one in audit.false_negatives for number in (one.predicted, one.measured)
    ])
    columns = [
        Column("unit", names_row=True),
        *(
            Column(head, is_number=True)
            for head in ("predicted", "measured", "rank as predicted", "rank as measured")
        ),
        Column("cause"),
    ]
    causes = [one for one in CAUSES if one in {unit.cause for unit in audit.false_negatives}]
    return joined([
        paragraphs(["These units matter, and whoever trusts the prediction passes them over."]),
        table(
            "Units of large effect that were predicted small",
            columns,
            (_missed_row(one, spell) for one in audit.false_negatives),
        ),
        paragraphs([f"{cause}: {CAUSES[cause]}." for cause in causes], "remark"),
    ])


def _missed_row(one: FalseNegative, spell: Spell) -> list[Cell]:
    """Spell a row of the table of missed units."""
    return [
        Cell(one.unit),
        Cell(spell(one.predicted), one.predicted),
        Cell(spell(one.measured), one.measured),
        Cell(f"{one.predicted_rank:,}", one.predicted_rank),
        Cell(f"{one.measured_rank:,}", one.measured_rank),
        Cell(one.cause),
    ]
