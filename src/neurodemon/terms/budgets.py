"""Budgets: how much an audit may measure, and how that is written.

`all`, a share such as `10%`, a number of (unit, example) pairs, or a time such as `2min`.
"""

import re
from dataclasses import dataclass
from numbers import Integral

from neurodemon.errors import BudgetError

TOP = 50  # leaders that an audit looks for, if it is not told how many
SECONDS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
EXPECTED = (
    'expected "all", a share such as "10%", a whole number of (unit, example) measurements such '
    'as 5000, or a time such as "30s", "2min", "1h".'
)


@dataclass(frozen=True)
class Budget:
    """How much may be measured: one of the three.

    Attributes:
        share: of all pairs, above 0 and at most 1.
        pairs: so many.
        seconds: as many as fit in that time.
    """

    share: float | None = None
    pairs: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """Spell the budget as it may be written."""
        if self.seconds is not None:
            return f"{_spell(self.seconds)}s"
        if self.pairs is not None:
            return str(self.pairs)
        return "all" if self.is_all else f"{_spell(100 * (self.share or 0))}%"

    @property
    def is_all(self) -> bool:
        """Whether everything is measured."""
        return self.share == 1

    def of(self, n_pairs: int) -> int:
        """Count the measurements allowed, of so many that there are; at least 1.

        Args:
            n_pairs: units × examples.

        Returns:
            The number; of a time all, since it is the clock that ends it.
        """
        if self.pairs is not None:
            return min(self.pairs, n_pairs)
        return max(1, int((self.share or 1.0) * n_pairs + 1e-9))


def parse_budget(budget: object) -> Budget:
    """Read a budget.

    Args:
        budget: text, a whole number, or a `Budget`.

    Returns:
        The budget.

    Raises:
        BudgetError: it is none.

    Example:
        >>> parse_budget("10%").of(2000), parse_budget(500).of(2000), parse_budget("2min").seconds
        (200, 500, 120.0)
    """
    if isinstance(budget, Budget):
        return budget
    if isinstance(budget, bool) or not isinstance(budget, (Integral, str)):
        raise BudgetError(f"budget is {budget!r}; {EXPECTED}")
    text = str(budget).strip().lower()
    if re.fullmatch(r"\d{1,3}([,_]\d{3})+", text, re.ASCII):  # thousands
        text = text.replace(",", "").replace("_", "")
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(%|s|sec|min|h)?", text, re.ASCII)
    if text == "all":
        return Budget(share=1.0)
    if found is None or float(found[1]) <= 0:
        raise BudgetError(f"budget is {budget!r}; {EXPECTED}")
    return _read(float(found[1]), found[2], budget)


def _read(number: float, unit: str | None, budget: object) -> Budget:
    """Make sense of a number and what it is a number of."""
    if unit in SECONDS:
        return Budget(seconds=number * SECONDS[unit])
    if unit is None and not number.is_integer():
        raise BudgetError(f"budget is {budget!r}; {EXPECTED} A share ends in %.")
    if unit is None:
        return Budget(pairs=int(number))
    if number > 100:
        raise BudgetError(f"budget is {budget!r}, more than there is; {EXPECTED}")
    return Budget(share=number / 100)


def _spell(number: float) -> str:
    """Spell a number without an exponent, to 12 places: two budgets are not spelled alike."""
    return f"{number:.12f}".rstrip("0").rstrip(".")
