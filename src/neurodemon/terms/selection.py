"""The language in which units are named: `layers.*.fc1[0:12], block:relu@5`, and its parser.

A selection is one or more patterns, separated by commas. Each pattern spells a site and then,
if wanted, which of its units::

    path [:tail] [#call] [[out=k]]        the site, spelled as `nd.sites` prints it
    [17]  [0:12]  [5:]                    along the unit axis
    @5                                    at one (flattened) position, each feature a unit
    /position  /position[5]  [0:4]        each position is a unit, all its features together
    /head  /head[3]  [0:2]                each attention head is a unit; @5 may follow

In a path `*` stands for any text within one part and `**` for any number of parts, none
included. In a tail `*` stands for any text. `#*` means every call of a reused module. With
wildcards, `/head` means the sites whose heads are known.

Reading text needs no model; `terms.selecting` finds what was meant among a model's sites.
"""

import re
from dataclasses import dataclass
from typing import Literal

from neurodemon.errors import SelectionError, UnitIndexError

Axis = Literal["unit", "head", "position"]
DIGITS = "0123456789"
MOST_DIGITS = 18  # what a 64-bit integer can hold for certain
MARKS = ",:#[]@/"  # with a meaning of their own; in a module's name '*' can stand for one
EXAMPLE = "Example: 'layers.*.fc1[0:12], block:relu@5, attention/head[3]'."


@dataclass(frozen=True)
class Span:
    """One index or a run of them: `[17]`, `[0:12]`, `[5:]`, `[:5]`.

    Attributes:
        first: the first index, from 0.
        end: one past the last; None for all that follow.

    Example:
        >>> str(Span(17, 18)), str(Span(0, 12)), str(Span(5, None))
        ('17', '0:12', '5:')
    """

    first: int
    end: int | None

    @property
    def is_single(self) -> bool:
        """Whether this is one index, not a run."""
        return self.end == self.first + 1

    def __str__(self) -> str:
        """Spell the span as it stands between its brackets."""
        end = "" if self.end is None else self.end
        return str(self.first) if self.is_single else f"{self.first}:{end}"


@dataclass(frozen=True)
class Selector:
    """One pattern of a selection, read.

    Attributes:
        path: the dotted module path, wildcards included; empty for the root module.
        tail: `in`, `out` (of the root) or an operation's name; None for a module's output.
        call: which call of the module or operation, counted from 1; None for every call.
        out: which tensor of a tuple or dict, counted from 0.
        axis: what one unit is: a `unit` of the unit axis, a `head` or a `position`.
        span: which of them; None for all.
        position: the one position to take a unit or head at; None for all positions at once.

    Example:
        >>> selector, = parse_selection("layers.*.fc1[0:12]")
        >>> selector.matches("layers.3.fc1"), selector.matches("layers.3.fc1:in")
        (True, False)
    """

    path: str
    tail: str | None = None
    call: int | None = 1
    out: int = 0
    axis: Axis = "unit"
    span: Span | None = None
    position: int | None = None

    @property
    def site_text(self) -> str:
        """The part of the pattern that spells the site."""
        tail = "" if self.tail is None else f":{self.tail}"
        call = "" if self.call == 1 else f"#{self.call or '*'}"
        out = f"[out={self.out}]" if self.out else ""
        return f"{self.path}{tail}{call}{out}"

    def matches(self, name: str) -> bool:
        """Tell whether this pattern means the site of that name."""
        path, tail, call, out = _split_name(name)
        return (
            out == str(self.out)
            and (self.call is None or call == str(self.call))
            and _fits_tail(self.tail, tail)
            and _fits_path(self.path, path)
        )


def parse_selection(text: str) -> tuple[Selector, ...]:
    """Read a selection of units.

    Text that does not follow the grammar is a `SelectionError` that points at the place; a
    negative index is a `UnitIndexError`.

    Args:
        text: patterns separated by commas, e.g. `layers.*.fc1[0:12], block:relu@5`.

    Returns:
        One selector per pattern, in the order written.

    Example:
        >>> for selector in parse_selection("fc1[3], **:in"):
        ...     print(selector.site_text, selector.span)
        fc1 3
        **:in None
    """
    reader = _Reader(text)
    selectors = [_read_selector(reader)]
    while reader.takes(","):
        selectors.append(_read_selector(reader))
    if reader.place < len(text):
        raise reader.error("',' before another pattern, or the end")
    return tuple(selectors)


class _Reader:
    """A text, and the place up to which it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def sees(self, mark: str) -> bool:
        """Whether the mark stands next."""
        return self.text.startswith(mark, self.place)

    def takes(self, mark: str) -> bool:
        """Whether the mark stands next; if so, go past it."""
        is_next = self.sees(mark)
        self.place += len(mark) if is_next else 0
        return is_next

    def needs(self, mark: str) -> None:
        """Go past the mark, or raise."""
        if not self.takes(mark):
            raise self.error(repr(mark))

    def skip_spaces(self) -> None:
        """Go past white space."""
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1

    def name(self) -> str:
        """Read up to the next mark, white space or the end; may be empty."""
        start = self.place
        while self.place < len(self.text) and not _ends_name(self.text[self.place]):
            self.place += 1
        return self.text[start : self.place]

    def number(self, expected: str) -> int:
        """Read a whole number from 0, or raise with what was expected."""
        start = self.place
        self.takes("-")
        is_negative = self.place > start
        first_digit = self.place
        while self.place < len(self.text) and self.text[self.place] in DIGITS:
            self.place += 1
        digits = self.text[first_digit : self.place]
        if not digits:
            raise self.error(expected, start)
        if len(digits) > MOST_DIGITS:
            raise self.error(f"{expected}, of at most {MOST_DIGITS} digits", start)
        if is_negative:
            raise UnitIndexError(
                f"Index -{digits} in selection {self.text!r} is negative; counting starts at 0, "
                "and no index counts from the end. nd.sites(subject) shows each site's units."
            )
        return int(digits)

    def error(self, expected: str, place: int | None = None) -> SelectionError:
        """Make the error that points at a place; at the place reached if none is given."""
        place = self.place if place is None else place
        found = repr(self.text[place]) if place < len(self.text) else "the end"
        shown = "".join(char if char.isprintable() else " " for char in self.text)
        return SelectionError(
            f"Selection {self.text!r} cannot be read at column {place + 1}: "
            f"found {found}, expected {expected}.\n    {shown}\n    {' ' * place}^\n{EXAMPLE}"
        )


def _ends_name(char: str) -> bool:
    """Whether a character cannot belong to a name."""
    return char in MARKS or char.isspace()


def _read_selector(reader: _Reader) -> Selector:
    """Read one pattern, with the white space around it."""
    reader.skip_spaces()
    path = _read_path(reader)
    tail = _read_tail(reader, path)
    call = _read_call(reader)
    out = _read_out(reader)
    span = _read_span(reader)
    position = _read_position(reader)
    axis_place = reader.place
    axis = _read_axis(reader)
    if axis != "unit":
        if span is not None or (axis == "position" and position is not None):
            raise reader.error(f"no '[…]' or '@' before '/{axis}'; write '/{axis}[3]'", axis_place)
        span = _read_span(reader)
    if axis == "head" and position is None:
        position = _read_position(reader)
    reader.skip_spaces()
    return Selector(path, tail, call, out, axis, span, position)


def _read_path(reader: _Reader) -> str:
    """Read a dotted path; it may be empty only before ':'."""
    place = reader.place
    path = reader.name()
    if not path and reader.sees(":"):
        return path
    for part in path.split("."):
        if not part:
            dots = ": a part before and after each dot" if path else ", such as 'fc1'"
            raise reader.error(f"the name of a site{dots}", place)
        if "**" in part and part != "**":
            raise reader.error("'**' alone between dots ('*' stands within a part)", place)
        place += len(part) + 1
    return path


def _read_tail(reader: _Reader, path: str) -> str | None:
    """Read `:in`, `:out` of the root or `:operation`, if there is one."""
    if not reader.takes(":"):
        return None
    place = reader.place
    tail = reader.name()
    if not tail:
        raise reader.error("'in' or an operation's name, such as 'relu', after ':'")
    if tail == "out" and path:
        raise reader.error(f"no ':out': the output of a module is {path!r} alone", place)
    return tail


def _read_call(reader: _Reader) -> int | None:
    """Read `#2` or `#*` (None: every call); the first call without it."""
    if not reader.takes("#"):
        return 1
    if reader.takes("*"):
        return None
    place = reader.place
    expected = "the number of a call, counted from 1, or '*' after '#'"
    if reader.sees("-") or not (call := reader.number(expected)):
        raise reader.error(expected, place)
    return call


def _read_out(reader: _Reader) -> int:
    """Read `[out=1]`; 0 without it."""
    if not reader.takes("[out="):
        return 0
    out = reader.number("the number of a tensor, counted from 0, after 'out='")
    reader.needs("]")
    return out


def _read_span(reader: _Reader) -> Span | None:
    """Read `[17]`, `[0:12]`, `[5:]`, `[:5]` or `[:]`, if there is one."""
    if not reader.takes("["):
        return None
    first = 0 if reader.sees(":") else reader.number("an index such as 17, or a run such as 0:12")
    end: int | None = first + 1
    if reader.takes(":"):
        end = None if reader.sees("]") else reader.number("the end of the run, or ']'")
    reader.needs("]")
    return Span(first, end)


def _read_position(reader: _Reader) -> int | None:
    """Read `@5`, if there is one."""
    return reader.number("the number of a position after '@'") if reader.takes("@") else None


def _read_axis(reader: _Reader) -> Axis:
    """Read `/head` or `/position`; units of the unit axis without it."""
    if reader.takes("/head"):
        return "head"
    if reader.takes("/position"):
        return "position"
    if reader.sees("/"):
        raise reader.error("'/head' or '/position'")
    return "unit"


def _split_name(name: str) -> tuple[str, str | None, str, str]:
    """Take a site's name apart: path, tail, call and number of the tensor, as text."""
    name, _, out = name.removesuffix("]").partition("[out=")
    name, _, call = name.partition("#")
    path, colon, tail = name.partition(":")
    return path, tail if colon else None, call or "1", out or "0"


def _fits_tail(pattern: str | None, tail: str | None) -> bool:
    """Whether a site's tail is meant; no pattern means no tail."""
    if pattern is None or tail is None:
        return pattern is tail
    return re.fullmatch(_glob(pattern), tail) is not None


def _fits_path(pattern: str, path: str) -> bool:
    """Whether a module path is meant, part by part; each part is read with its dot after it."""
    parts = pattern.split(".") if pattern else []
    wanted = (r"(?:[^.]+\.)*" if part == "**" else _glob(part) + r"\." for part in parts)
    return re.fullmatch("".join(wanted), f"{path}." if path else "") is not None


def _glob(pattern: str) -> str:
    """Translate `*` (any text without a dot) to a regular expression; the rest is literal."""
    return "[^.]*".join(re.escape(literal) for literal in pattern.split("*"))
