"""The words of the page are explained, folded away."""

from oracles.reports import read_fragment, text_of

from neurodemon.report.html.words import WORDS, legend


def test_every_word_has_its_meaning():
    made = read_fragment(legend()).find("details")
    assert made.get("open") is None
    assert [text_of(one) for one in made.iter("dt")] == list(WORDS)
    assert {"effect", "predicted", "measured", "interval", "certificate"} <= set(WORDS)
