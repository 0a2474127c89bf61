"""The screen of a question: what was asked, the tables, and the answer last.

Made from the result alone, so that a stored run shows what the command that made it showed.
This file must never see torch.
"""

from neurodemon.cli.render import Paper
from neurodemon.terms.questions import Question

WORDS = {"site", "scope", "unit", "cause"}  # columns that hold no numbers


def show_question(paper: Paper, question: Question) -> None:
    """Write a question: what was asked, its tables, notes, the answer.

    Args:
        paper: where to.
        question: what was found.
    """
    paper.line(question.question)
    for table in question.tables():
        paper.line()
        paper.line(table.title)
        paper.table(table.columns, table.rows, numbers=set(table.columns) - WORDS)
        paper.line(table.legend)
    paper.line()
    for note in question.notes:
        paper.line(f"note: {note}")
    for paragraph in question.answer:
        paper.line()
        paper.line(paragraph)
