"""HTML from plain functions: what is text gets escaped, what is HTML already says so by its type.

Names of sites and units, and notes, come from other people's models: none of them may become
an element of the page. So every element is made here, and here only.
"""

import html
import unicodedata
from collections.abc import Iterable

Number = float | int  # types are checked as they stand: an int is no float


class Markup(str):
    """Text that is HTML already: it was made by `element`, or is our own."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: str | Number | bool | None) -> Markup:
    """Make an element.

    Args:
        name: its tag.
        content: what stands inside; all but `Markup` is escaped.
        attributes: by name, `class_` for `class` and `data_key` for `data-key`; True stands
            alone, None and False are left out.

    Returns:
        The element.

    Example:
        >>> element("td", "a < b", class_="number", data_key=1.5)
        '<td class="number" data-key="1.5">a &lt; b</td>'
    """
    spelled = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{spelled}>{joined(content)}</{name}>")


def joined(content: Iterable[str]) -> Markup:
    """Put pieces one after the other; all but `Markup` is escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in content))


def escape(value: str | Number) -> Markup:
    """Spell text so that a page shows it as it is; characters no page may hold become a box."""
    text = "".join(letter if _may_stand(letter) else "\ufffd" for letter in str(value))
    return Markup(html.escape(text))


def paragraphs(sentences: Iterable[str], class_: str | None = None) -> Markup:
    """Make a paragraph of each; nothing of those that are empty."""
    return joined(element("p", one, class_=class_) for one in sentences if one)


def section(title: str, *content: str) -> Markup:
    """Make a section under a heading; nothing, if nothing stands in it."""
    inside = joined(content)
    return element("section", element("h2", title), inside) if inside else inside


def _may_stand(letter: str) -> bool:
    """Whether a character may stand in a page: no control character, no half of a pair."""
    return letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cs"}
