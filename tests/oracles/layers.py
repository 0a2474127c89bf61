"""Layers with plain numbers, to be changed one by one; and the numbers of a text."""

import re
from dataclasses import replace
from typing import Any

from neurodemon.terms.questions import Law, Layer, Parting, Question, Split

PLAIN = Layer(
    step=0,
    site="fc1",
    scope="each",
    n_units=4,
    n_examples=9,
    cost=2.3,
    rank_gain=0.8,
    rank_gain_within=0.75,
    rank_distance=0.25,
    rank_distance_within=0.2,
    norm_of_mean=0.1,
    mean_of_norms=0.4,
    cancellation=0.3,
    influence=0.05,
    headroom=0.03,
    distance=1.5,
    trust_radius=0.5,
    verdicts={"CURVED": 0.75, "DEAD": 0.25},
    false_negatives=0.125,
    censored=0.31,
    zero=0.02,
    non_finite=0.0,
    output_slope=0.9,
    unit_slope=0.11,
    flatness={"0.25": 0.98, "0.5": 0.97, "1": 0.9, "2": 0.7, "4": 0.15},
    law=Law(1.1, 0.7, 0.16, 0.94, 0.79, 36, 0.81, 0.26),
    split=Split(0.6, 0.35, 0.05, 36),
    shape=0.51,
)
PARTING = Parting(1260, "fc1[2]", "each", 0.0123, 0.0456, 0.078, "dead here")


def layer(**changes: Any) -> Layer:
    """Make a layer of plain numbers, some of them changed."""
    return replace(PLAIN, **changes)


def asked(answer: tuple[str, ...], layers: list[Layer], partings: list[Parting]) -> Question:
    """Put a question together."""
    steps = tuple(sorted({row.step for row in layers}))
    return Question("Is influence error?", answer, tuple(layers), tuple(partings), steps)


def words_with_digits(text: str) -> set[str]:
    """The words of a text that hold a digit, without punctuation around them."""
    words = (word.strip("().,;:") for word in text.split())
    return {word for word in words if re.search(r"\d", word)}


def unfounded(question: Question) -> set[str]:
    """The numbers of the answer that stand in no table."""
    tables = words_with_digits("\n".join(map(str, question.tables())))
    return words_with_digits(" ".join(question.answer)) - tables
