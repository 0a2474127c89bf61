"""Pairs of English sentences from templates: some say the same twice, some say another thing.

Made for `minilm`, and ours: nothing is copied from a data set. Lengths vary, so that a batch
of them holds padding.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neurodemon.errors import SubjectError

MOST_PAIRS = 5_000  # far fewer than the templates have to give, so that drawing ends soon

Kind = Literal["paraphrase", "contrast"]


@dataclass(frozen=True)
class SentencePair:
    """Two sentences to be compared.

    Attributes:
        first: the sentence that goes through the model.
        second: the one it is compared with.
        kind: `paraphrase` if both say the same in other words, `contrast` if they do not.
    """

    first: str
    second: str
    kind: Kind


def sentence_pairs(count: int, seed: int = 0) -> list[SentencePair]:
    """Draw pairs of sentences, no first sentence twice.

    Args:
        count: how many; the first few of many are those of few.
        seed: of the draw.

    Returns:
        The pairs, about half of them paraphrases.

    Raises:
        SubjectError: none is asked for, or more than the templates are good for.

    Example:
        >>> pair = sentence_pairs(1)[0]
        >>> pair.first != pair.second
        True
    """
    if not 1 <= count <= MOST_PAIRS:
        raise SubjectError(
            f"{count} sentence pairs were asked for; expected 1 to {MOST_PAIRS:,}. Ask for fewer."
        )
    rng = random.Random(seed)  # noqa: S311  # no secret
    found: dict[str, SentencePair] = {}
    while len(found) < count:
        pair = _draw(rng)
        found.setdefault(pair.first, pair)
    return list(found.values())


# Each template: the first sentence, the same in other words, and something else.
TEMPLATES = (
    (
        "{Person} bought a {colour} {thing} at the {place}{when}.",
        "The {thing} that {Person} got at the {place}{when} is {colour}.",
        "{Person} lost a {colour} {thing} at the {place}{when}.",
    ),
    (
        "The {animal} slept under the {thing}.",
        "Under the {thing} the {animal} was asleep.",
        "The {animal} jumped over the {thing}.",
    ),
    (
        "It was {weather}, so {Person} walked to the {place}.",
        "{Person} went to the {place} on foot because it was {weather}.",
        "It was {weather}, so {Person} stayed away from the {place}.",
    ),
    (
        "{Person} cannot find the {colour} {thing}{when}.",
        "The {colour} {thing} of {Person} is missing{when}.",
        "{Person} has found the {colour} {thing}{when}.",
    ),
    (
        "There are {number} {colour} {thing}s in the {place}.",
        "In the {place} one can count {number} {thing}s, all of them {colour}.",
        "There is not a single {thing} in the {place}, {colour} or otherwise.",
    ),
    (
        "{Person} thinks that the {place} opens at {number} o'clock{when}, before the {animal} has been fed and while it is still {weather} outside.",
        "In the opinion of {Person}, {number} o'clock is when the {place} opens{when}; it will be {weather} then, and the {animal} will be hungry.",
        "The {place} is closed for good, says {Person}, and the {animal} has moved on{when}.",
    ),
    (
        "Who saw the {animal}{when}?",
        "Has anybody seen the {animal}{when}?",
        "Who painted the {thing} {colour}?",
    ),
    ("{Person} is {mood}.", "{Person} feels {mood}.", "{Person} was never {mood} at all."),
    (
        "The {animal} of {Person} eats {number} apples a day, although nobody in the {place} believes it.",
        "Each day {number} apples are eaten by the {animal} that belongs to {Person}, which the people in the {place} find hard to believe.",
        "Nobody in the {place} keeps an animal, least of all {Person}.",
    ),
)

WORDS: Mapping[str, tuple[str, ...]] = {
    "Person": ("Anna", "Ben", "Chidi", "Dolores", "Emil", "Fatima", "Greta", "Hugo", "Ivo", "Jun"),
    "colour": ("red", "green", "blue", "yellow", "black", "white", "purple"),
    "thing": ("table", "bicycle", "kettle", "umbrella", "ladder", "chair", "lamp", "piano"),
    "place": ("market", "library", "harbour", "station", "museum", "bakery", "school", "park"),
    "animal": ("cat", "dog", "horse", "parrot", "goat", "rabbit", "turtle"),
    "weather": ("raining", "snowing", "sunny", "windy", "foggy", "very cold"),
    "number": ("two", "three", "five", "six", "seven", "nine", "eleven"),
    "mood": ("happy", "tired", "angry", "proud", "bored", "hungry", "curious", "calm"),
    "when": ("", "", " today", " last week", " on Monday", " in the winter", " before breakfast"),
}


def _draw(rng: random.Random) -> SentencePair:
    """Draw a template, its words, and which second sentence it gets."""
    first, same, other = rng.choice(TEMPLATES)
    words = {name: rng.choice(choices) for name, choices in WORDS.items()}
    kind: Kind = rng.choice(("paraphrase", "contrast"))
    second = same if kind == "paraphrase" else other
    return SentencePair(first.format(**words), second.format(**words), kind)
