"""Tables: heads for columns and rows, and keys that scripts can sort by."""

import math

import pytest
from oracles.reports import heads_of, read_fragment, rows_of

from neurodemon.report.html.tables import Cell, Column, facts, table

COLUMNS = (Column("unit", names_row=True), Column("effect", is_number=True), Column("why"))


@pytest.fixture
def made():
    return read_fragment(
        table("Units & effects", COLUMNS, [[Cell("a<b"), Cell("+0.5", 0.5), Cell("so")]])
    )


def test_a_table_has_a_caption_heads_and_rows(made):
    assert "".join(made.find(".//caption").itertext()) == "Units & effects"
    assert heads_of(made) == ["unit", "effect", "why"]
    assert rows_of(made) == [["a<b", "+0.5", "so"]]


def test_heads_say_what_they_are_the_head_of(made):
    assert {head.get("scope") for head in made.iterfind(".//thead//th")} == {"col"}
    assert [head.get("scope") for head in made.iterfind(".//tbody//th")] == ["row"]


def test_a_frame_that_scrolls_can_be_reached_by_keyboard_and_has_a_name(made):
    frame = made.find("div")
    assert (frame.get("tabindex"), frame.get("role")) == ("0", "region")
    assert frame.get("aria-label") == "Table: Units & effects"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (0.5, "0.5"),
        (3, "3"),
        (None, ""),
        (math.nan, ""),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers_are_sorted_by_their_value_and_what_is_none_by_nothing(key, expected):
    node = read_fragment(table("t", [Column("n", is_number=True)], [[Cell("shown", key)]]))
    assert node.find(".//td").get("data-key") == expected


def test_words_are_sorted_as_they_are_shown():
    node = read_fragment(table("t", [Column("w", is_prose=True)], [[Cell("shown")]]))
    assert node.find(".//td").get("data-key") == "shown"
    assert node.find(".//td").get("class") == "prose"


def test_facts_without_a_value_are_left_out():
    node = read_fragment(facts([("seed", "0"), ("device", "")]))
    assert rows_of(node) == [["seed", "0"]]
