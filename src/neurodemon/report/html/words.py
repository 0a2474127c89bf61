"""The words of the page, for a reader who meets them here for the first time."""

from neurodemon.report.html.markup import Markup, element, joined

WORDS = {
    "unit": "one coordinate inside the model: a neuron, a channel, a head, a position.",
    "site": "a place in the model where units sit, such as the outputs of one layer.",
    "demon": "somebody who changes one unit while the model runs, and leaves the rest alone.",
    "cost": "what the model is judged by, one number per example; smaller is better.",
    "effect": "the cost with the demon minus the cost without it, the mean over the examples. "
    "Above 0 the demon hurts: the model needs the unit as it is.",
    "influence (δ)": "the slope ∂C/∂z: how fast the cost changes when the unit begins to move.",
    "predicted": "the effect as it is worked out for all units at once, from a few shared passes.",
    "measured": "the effect as it is: the model ran again with the demon in that unit.",
    "estimated": "measured on some of the examples; the rest is inferred, hence an interval.",
    "interval": "where the effect over all examples lies, as surely as is said beside it.",
    "agreement": "how far predictions and measurements say the same.",
    "certificate": "what this run proves, and what has to be true for it; never more than that.",
    "recall bound": "the least share of the truly largest units that this list holds, with the "
    "confidence that is named.",
}


def legend() -> Markup:
    """Explain the words, folded away until somebody asks."""
    terms = joined(
        joined([element("dt", word), element("dd", meaning)]) for word, meaning in WORDS.items()
    )
    return element(
        "details", element("summary", "What the words mean"), element("dl", terms, class_="words")
    )
