"""Budgets: what is written is what is meant, and what is meant is written so again."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodemon.errors import BudgetError
from neurodemon.terms.budgets import EXPECTED, Budget, parse_budget

FIXED = settings(deadline=None, max_examples=100, derandomize=True)

WRITTEN = [
    ("all", Budget(share=1.0)),
    (" ALL ", Budget(share=1.0)),
    ("100%", Budget(share=1.0)),
    ("10%", Budget(share=0.1)),
    ("0.5 %", Budget(share=0.005)),
    (".5%", Budget(share=0.005)),
    (5000, Budget(pairs=5000)),
    ("5000", Budget(pairs=5000)),
    ("5,000", Budget(pairs=5000)),
    ("5_000", Budget(pairs=5000)),
    ("5.0", Budget(pairs=5)),
    ("30s", Budget(seconds=30.0)),
    ("30 sec", Budget(seconds=30.0)),
    ("2min", Budget(seconds=120.0)),
    ("1.5 H", Budget(seconds=5400.0)),
]
NONE = ["", "some", "10 %%", "-5", -5, 0, "0", "0%", "0s", "1e3", "5 days", "%", "nan", "inf", "s"]


@pytest.mark.parametrize(("written", "expected"), WRITTEN, ids=repr)
def test_budgets_are_read(written, expected):
    assert parse_budget(written) == expected


def test_a_budget_is_taken_as_it_is():
    budget = Budget(share=0.1)
    assert parse_budget(budget) is budget


@pytest.mark.parametrize("written", NONE, ids=repr)
def test_what_is_no_budget_is_refused_with_what_is_one(written):
    with pytest.raises(BudgetError, match=re.escape(f"budget is {written!r}; {EXPECTED}")):
        parse_budget(written)


@pytest.mark.parametrize("written", [True, False, None, 0.1, 5.0, [5]])
def test_a_budget_is_text_or_a_whole_number(written):
    with pytest.raises(BudgetError, match=re.escape(f"budget is {written!r}; ")):
        parse_budget(written)


@pytest.mark.parametrize("written", ["0.1", "2.5", "9" * 400])
def test_a_part_of_a_measurement_is_told_how_to_write_a_share(written):
    with pytest.raises(BudgetError, match=r"A share ends in %\.$"):
        parse_budget(written)


@pytest.mark.parametrize("written", ["101%", "100.1 %"])
def test_more_than_all_is_refused(written):
    with pytest.raises(BudgetError, match="more than there is"):
        parse_budget(written)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget(share=1.0), "all"),
        (Budget(share=0.1), "10%"),
        (Budget(share=0.07), "7%"),
        (Budget(share=1e-9), "0.0000001%"),
        (Budget(pairs=5000), "5000"),
        (Budget(pairs=10**12), "1000000000000"),
        (Budget(seconds=120.0), "120s"),
        (Budget(seconds=1234567.0), "1234567s"),
        (Budget(seconds=0.5), "0.5s"),
    ],
)
def test_budgets_are_spelled_as_they_may_be_written(budget, expected):
    assert str(budget) == expected


budgets = st.one_of(
    st.floats(1e-6, 100).map(lambda number: f"{number:.6f}%"),
    st.integers(1, 10**12).map(str),
    st.floats(1e-3, 1e7).map(lambda number: f"{number:.3f}s"),
)


@FIXED
@given(budgets)
def test_what_is_spelled_is_read_as_the_same(written):
    budget = parse_budget(written)
    again = parse_budget(str(budget))
    assert again.pairs == budget.pairs
    assert (again.share or 0) == pytest.approx(budget.share or 0, rel=1e-5, abs=1e-14)
    assert (again.seconds or 0) == pytest.approx(budget.seconds or 0, abs=1e-9)


def test_budgets_that_differ_are_not_spelled_alike():
    """A run that is gone on with knows its budget by how it is spelled."""
    assert str(parse_budget("12.34567%")) != str(parse_budget("12.34568%"))
    assert str(parse_budget("1000001s")) != str(parse_budget("1000002s"))


@pytest.mark.parametrize(
    ("budget", "n_pairs", "expected"),
    [
        (Budget(share=0.1), 2000, 200),
        (Budget(share=0.1), 9, 1),
        (Budget(share=0.07), 100, 7),  # 7.000000000000001 as a float, and 0.29·100 is less than 29
        (Budget(share=0.29), 100, 29),
        (Budget(share=1.0), 2000, 2000),
        (Budget(share=1e-9), 2000, 1),
        (Budget(pairs=500), 2000, 500),
        (Budget(pairs=5000), 2000, 2000),
        (Budget(seconds=1.0), 2000, 2000),
    ],
)
def test_a_budget_allows_so_many_measurements(budget, n_pairs, expected):
    assert budget.of(n_pairs) == expected


def test_only_the_whole_is_all():
    assert parse_budget("all").is_all
    assert not any(parse_budget(part).is_all for part in ("99%", 10**9, "1h"))
