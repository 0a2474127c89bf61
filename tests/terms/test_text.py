"""Plain tables: numbers, alignment, nothing to show."""

import math

import pytest

from neurodemon.terms.text import format_number, format_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0123456, "0.01235"),
        (-1234567.0, "-1.235e+06"),
        (1234567, "1234567"),
        (0.0, "0"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ("fc1", "fc1"),
        (True, "True"),
    ],
)
def test_a_cell_is_spelled_in_four_digits_or_as_a_dash(value, text):
    assert format_number(value) == text


def test_numbers_stand_to_the_right_and_words_to_the_left():
    table = format_table(
        ("site", "unit", "measured"), [("fc1", 3, 0.5), ("layers.0.fc1", 12, None)]
    )
    assert table.splitlines() == [
        "site          unit  measured",
        "fc1              3       0.5",
        "layers.0.fc1    12         –",
    ]


def test_a_column_with_a_word_in_it_is_words():
    assert format_table(("a", "b"), [(1, "x"), ("yy", "x")]).splitlines() == [
        "a   b",
        "1   x",
        "yy  x",
    ]


def test_lines_have_no_trailing_blanks():
    assert format_table(("word", "long word"), [("a", "b")]).splitlines() == [
        "word  long word",
        "a     b",
    ]


def test_a_table_without_rows_is_its_head():
    assert format_table(("site", "unit"), []) == "site  unit"


def test_a_table_without_columns_is_empty():
    assert format_table((), []) == ""
