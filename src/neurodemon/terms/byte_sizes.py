"""Sizes of memory as users write them: `2GB`, `500 MB`, or a number of bytes."""

import re
from numbers import Integral

from neurodemon.errors import BudgetError

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}  # fmt: skip
EXPECTED = 'expected a size such as "2GB", "500 MB", "1.5GiB", or a number of bytes.'


def parse_bytes(size: object) -> int:
    """Read a size of memory.

    Args:
        size: text, or a whole number of bytes.

    Returns:
        The number of bytes, at least 1.

    Raises:
        BudgetError: it is none.

    Example:
        >>> parse_bytes("2GB"), parse_bytes("1.5 MiB"), parse_bytes(4096)
        (2000000000, 1572864, 4096)
    """
    if isinstance(size, bool) or not isinstance(size, (Integral, str)):
        raise BudgetError(f"memory is {size!r}; {EXPECTED}")
    text = str(size).strip().lower()
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kmg]?i?b)?", text, re.ASCII)
    unit = "" if found is None else found[2] or ""
    if found is None or unit not in UNITS or float(found[1]) * UNITS[unit] < 1:
        raise BudgetError(f"memory is {size!r}; {EXPECTED}")
    return int(float(found[1]) * UNITS[unit])
