"""Sizes of memory are read as users write them, and refused in words."""

import numpy as np
import pytest

from neurodemon.errors import BudgetError
from neurodemon.terms.byte_sizes import parse_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2GB", 2_000_000_000), ("2 gb", 2_000_000_000), ("1.5GiB", 1_610_612_736),
        (" 500MB ", 500_000_000), (".5kB", 500), ("301", 301), (300, 300), (np.int64(7), 7),
        ("12 b", 12), ("64KiB", 65_536),
    ],
)  # fmt: skip
def test_sizes(text: object, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "much", "2TB", "-1GB", "0", -5, True, 1.5, None, "0.1", "1,000", "2 GB RAM", "٣"],
)
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(BudgetError, match="expected a size such as"):
        parse_bytes(text)
