"""The table of docs/models.md is the zoo as it is now; differences vary between machines."""

import pytest
from zoo.comparing import study
from zoo.entries import BY_NAME, ENTRIES
from zoo.table import BEGIN, END, PAGE, read_rows, write_rows

LIMIT = 1e-5
QUICK = ("MLP", "ResNet", "gather", "branch on values")  # seconds; all: tests/long/zoo


def test_the_table_lists_every_entry_with_its_tracings_and_small_differences() -> None:
    rows = read_rows(PAGE.read_text("utf-8"))
    assert list(rows) == [entry.name for entry in ENTRIES]
    for entry in ENTRIES:
        row = rows[entry.name]
        assert (row.note, row.tracing) == (entry.note, entry.tracings[0])
        assert set(row.gaps) == set(entry.tracings)
        assert max(row.gaps.values()) <= LIMIT, entry.name


@pytest.mark.parametrize("name", QUICK)
def test_the_sites_of_the_table_are_those_found_now(name: str) -> None:
    tracing = BY_NAME[name].tracings[0]
    sites = study(name, tracing).subject.sites()
    assert read_rows(PAGE.read_text("utf-8"))[name].n_sites == len(sites)


def test_a_page_without_rows_has_none() -> None:
    """Negative control: what is read comes from between the markers."""
    assert read_rows(f"| a | b |\n{BEGIN}\n{END}\n| c | d |") == {}
    row = read_rows(PAGE.read_text("utf-8"))["MLP"]
    assert list(read_rows(write_rows(f"before {BEGIN} old {END} after", [row]))) == ["MLP"]
