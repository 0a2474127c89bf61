"""Plain text tables, for printing results anywhere without a library."""

from collections.abc import Sequence


def format_number(value: object) -> str:
    """Spell a cell: numbers in at most 4 significant digits, nothing as a dash.

    Args:
        value: the cell.

    Returns:
        The text of the cell.

    Example:
        >>> format_number(0.0123456), format_number(None), format_number("fc1")
        ('0.01235', '–', 'fc1')
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def spell_number(value: float | None) -> str:
    """Spell a number in three significant digits.

    Args:
        value: the number; None where there is none.

    Returns:
        The text, a dash for nothing.

    Example:
        >>> spell_number(0.81321), spell_number(-0.0), spell_number(None)
        ('0.813', '0', '–')
    """
    return "–" if value is None else f"{value + 0.0:.3g}"


def spell_share(share: float | None) -> str:
    """Spell a share in percent.

    Args:
        share: 1 is 100 %; None where there is none.

    Returns:
        The text, a dash for nothing.

    Example:
        >>> spell_share(0.413), spell_share(0.042), spell_share(0.0), spell_share(None)
        ('41 %', '4.2 %', '0 %', '–')
    """
    if share is None:
        return "–"
    value = 100 * share
    return f"{value:.{1 if 0 < value < 9.95 else 0}f} %"  # 9.96 is 10, not 10.0


def count(number: int, thing: str, things: str | None = None) -> str:
    """Spell a number of things, one or many.

    Args:
        number: how many.
        thing: the word for one.
        things: the word for many, where it is not the first with an s.

    Returns:
        Both, in words.

    Example:
        >>> count(1, "unit"), count(64, "unit")
        ('1 unit', '64 units')
    """
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def format_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out under their columns: numbers to the right, words to the left.

    Args:
        columns: the heads of the columns.
        rows: the cells, one sequence per row.

    Returns:
        The table, lines joined by newlines, without a trailing one.

    Example:
        >>> print(format_table(("unit", "effect"), [("a", 1.0), ("b", -0.25)]))
        unit  effect
        a          1
        b      -0.25
    """
    cells = [[format_number(cell) for cell in row] for row in rows]
    widths = [
        max(len(head), *(len(row[place]) for row in cells)) if cells else len(head)
        for place, head in enumerate(columns)
    ]
    to_right = [
        bool(rows) and all(isinstance(row[place], (int, float, type(None))) for row in rows)
        for place in range(len(columns))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_right, strict=True)
        ).rstrip()
        for line in [list(columns), *cells]
    ]
    return "\n".join(lines)
