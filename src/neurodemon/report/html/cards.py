"""Cards: the few numbers that are the answer, large, each with what it means below."""

from collections.abc import Sequence
from dataclasses import dataclass

from neurodemon.report.html.markup import Markup, element


@dataclass(frozen=True)
class Card:
    """One number.

    Attributes:
        name: what it is.
        value: the number, spelled.
        meaning: what it says, in half a sentence.
    """

    name: str
    value: str
    meaning: str


def cards(chosen: Sequence[Card]) -> Markup:
    """Lay cards out side by side, as a list of names and values."""
    return element("dl", *(_card(one) for one in chosen), class_="cards")


def _card(card: Card) -> Markup:
    """Make one card."""
    return element(
        "div",
        element("dt", card.name),
        element("dd", card.value, class_="value"),
        element("dd", card.meaning),
    )
