"""The page of a question: the answer first, then its tables."""

from neurodemon.report.html.markup import Markup, joined, paragraphs, section
from neurodemon.report.html.tables import Cell, Column, table
from neurodemon.terms.questions import Question, Table

NAMES = {"site", "unit"}  # of rows
WORDS = {"site", "scope", "unit", "cause"}  # columns that hold no numbers


def question_sections(question: Question) -> Markup:
    """Lay a question out.

    Args:
        question: as `nd.question` returns it.

    Returns:
        The sections, in the order in which they are read.
    """
    return joined([
        section("The answer", paragraphs(question.answer)),
        *(section(one.title, _table(one)) for one in question.tables()),
    ])


def _table(one: Table) -> Markup:
    """Make a table of the question; its cells are spelled already."""
    columns = [
        Column(head, is_number=head not in WORDS, names_row=head in NAMES) for head in one.columns
    ]
    rows = [
        [
            Cell(text, _number(text) if column.is_number else text)
            for column, text in zip(columns, row, strict=True)
        ]
        for row in one.rows
    ]
    return joined([table(one.title, columns, rows), paragraphs([one.legend], "remark")])


def _number(text: str) -> float | None:
    """Read a spelled number, or a share; None where there is a dash."""
    try:
        return float(text.removesuffix(" %").replace(",", ""))
    except ValueError:
        return None
