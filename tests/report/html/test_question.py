"""The page of a question: its answer, and its tables that can be sorted."""

from oracles.drawables import make_question
from oracles.reports import read_fragment, text_of

from neurodemon.report.html.question import question_sections


def test_the_answer_comes_first_and_then_every_table():
    question = make_question()
    made = read_fragment(question_sections(question))
    heads = [text_of(one) for one in made.iter("h2")]
    assert heads == ["The answer"] * bool(question.answer) + [
        one.title for one in question.tables()
    ]
    cells = [text_of(one) for one in made.iterfind(".//tbody/tr/*")]
    assert cells == [cell for one in question.tables() for row in one.rows for cell in row]


def test_numbers_are_sorted_by_value_and_dashes_by_nothing():
    made = read_fragment(question_sections(make_question()))
    keys = {text_of(one): one.get("data-key") for one in made.iter("td")}
    assert keys["–"] == ""
    assert keys["35 %"] == "35.0"
    assert keys["0.8"] == "0.8"
