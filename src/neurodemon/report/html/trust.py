"""What may be trusted: a sentence for each site, and the numbers behind it."""

import math

from neurodemon.report.html.markup import Markup, element, joined, paragraphs
from neurodemon.report.html.numbers import interval, ratio, share
from neurodemon.report.html.reading import Reading
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.terms.audits import Agreement, Audit
from neurodemon.terms.text import count

COLUMNS = (
    Column("site", names_row=True),
    Column("predictor"),
    *(
        Column(head, is_number=True)
        for head in (
            "units", "Spearman", "95 % interval", "within examples", "Pearson", "right signs",
            "slope", "median error", "ties",
        )
    ),
)  # fmt: skip
MOST_VERDICTS = 6  # sentences in the answer
PREDICTORS = (
    "tangent: δ·Δz, the book's promise. first_order: the same behind the unit's own nonlinearity. "
    "link: first order put into the known loss. linear_logits: the exact cost of linearised "
    "outputs."
)
NUMBERS = (
    "Spearman: whether prediction and measurement rank the units alike, 1 being the same order; "
    "its interval is a bootstrap over the examples; within examples: inside each example, then "
    "the mean. Right signs: of the units with an effect above the noise. Slope: of measured on "
    "predicted, 1 being the right size. Median error: |predicted − measured| / |measured|. Ties: "
    "units without an effect above the noise."
)


def trust(audit: Audit, reading: Reading) -> Markup:
    """Say what may be trusted where, and by which numbers.

    Args:
        audit: what was found.
        reading: its effects.

    Returns:
        Sentences, and the table of agreement.
    """
    return joined([
        verdicts(audit) if len(audit.verdicts) > MOST_VERDICTS else Markup(""),
        paragraphs([_judged_on(reading)]),
        table("How far each predictor agrees with the measurement", COLUMNS, map(_row, audit.agreement)),
        paragraphs([PREDICTORS, NUMBERS], "remark"),
    ])  # fmt: skip


def verdicts(audit: Audit, most: int | None = None) -> Markup:
    """List what may be trusted, a sentence for each site; of many sites the first ones.

    Args:
        audit: what was found.
        most: how many sentences; all, if it is not given.

    Returns:
        The list.
    """
    said = list(audit.verdicts.values())
    rest = len(said[most:]) if most is not None else 0
    lines = [element("li", one) for one in said[:most]]
    more = f"{count(rest, 'more site')}: see “What may be trusted, site by site”."
    return element("ul", *lines, element("li", more) if rest else "")


def found_row(audit: Audit, predictor: str, site: str | None = None) -> Agreement | None:
    """Find how far a predictor agrees at a site, or over all where there are several."""
    rows = [row for row in audit.agreement if row.predictor == predictor]
    named = [row for row in rows if row.site == site]
    if named:
        return named[0]
    return rows[0] if site is None and len(rows) == 1 else None


def under_pictures(audit: Audit, predictor: str) -> dict[str, str]:
    """Say below the picture of each site how far the predictor agrees there."""
    rows = [row for row in audit.agreement if row.predictor == predictor and row.site is not None]
    return {str(row.site): _rank_in_words(row) for row in rows}


def _judged_on(reading: Reading) -> str:
    """Say which units agreement is judged on, where not all were measured."""
    if "is_random" not in reading.effects.table.column_names:
        return ""
    drawn = sum(map(bool, reading.effects["is_random"]))
    n_units = len(reading.effects)
    if drawn == n_units:
        return ""
    return (
        f"Agreement is judged on {drawn:,} of {n_units:,} units, drawn at random: the others were "
        "chosen because they looked large, and would flatter or blame the prediction."
    )


def _rank_in_words(row: Agreement) -> str:
    """Spell the rank correlation, with its interval where there is one."""
    ends = _ends(row)
    return f"Spearman {ratio(row.spearman)}" + ("" if ends == "–" else f" ({ends})")


def _ends(row: Agreement) -> str:
    """Spell the interval of the rank correlation."""
    return interval(row.spearman_low, row.spearman_high, ratio)


def _row(row: Agreement) -> list[Cell]:
    """Spell a row of the table."""
    width = math.nan
    if row.spearman_low is not None and row.spearman_high is not None:
        width = row.spearman_high - row.spearman_low
    return [
        Cell(row.site or "all"),
        Cell(row.predictor),
        Cell(f"{row.n_units:,}", row.n_units),
        Cell(ratio(row.spearman), row.spearman),
        Cell(_ends(row), width),
        Cell(ratio(row.spearman_within), row.spearman_within),
        Cell(ratio(row.pearson), row.pearson),
        Cell(share(row.sign), row.sign),
        Cell(ratio(row.slope), row.slope),
        Cell(share(row.median_relative_error), row.median_relative_error),
        Cell(share(row.tied), row.tied),
    ]
