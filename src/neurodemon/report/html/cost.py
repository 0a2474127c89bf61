"""What an audit cost, in words and as bars: what it did beside what doing all would take."""

from neurodemon.report.html.cards import Card
from neurodemon.report.html.markup import Markup, element, joined, paragraphs
from neurodemon.report.html.numbers import share
from neurodemon.terms.audits import Work
from neurodemon.terms.text import count

WIDTH, HEIGHT = 600, 14
ALMOST_ALL = 0.995  # of the work: this would be rounded to all
TINIEST = 1e-9  # forward passes: what keeps a bar of nothing from being divided by 0


def cost_card(work: Work) -> Card:
    """Say on a card what was saved."""
    saved = _saved(work)
    meaning = (
        f"the arithmetic of {_passes(work.forward_equivalents)}; one for each unit would be "
        f"{work.naive_forwards:,.0f}"
    )
    if saved is None:
        return Card("Work", f"{work.forward_equivalents:,.1f} passes", meaning)
    return Card("Work saved", _spell_saved(saved), meaning)


def cost(work: Work) -> Markup:
    """Say what was predicted, measured and saved.

    Args:
        work: of the audit.

    Returns:
        A picture and paragraphs.
    """
    predicting = (
        f"Predicting: {count(work.backward_passes, 'backward pass', 'backward passes')} over all "
        "batches, shared by all units."
    )
    whole = f" of {work.all_measurements:,} that would be all" if work.all_measurements else ""
    measuring = (
        f"Measuring: {work.measurements:,} measurements (one unit on one example){whole}, by the "
        f"arithmetic of {_passes(work.forward_equivalents)} of the whole model."
    )
    allowed = f" Allowed were {work.budget:,} measurements." if work.budget else ""
    time = f"Time: {work.seconds:,.1f} s. It ended because: {work.stopped}.{allowed}"
    return joined([_bars(work), paragraphs([predicting, measuring, _saved_in_words(work), time])])


def _saved_in_words(work: Work) -> str:
    """Say what was saved, if anything was."""
    saved = _saved(work)
    if saved is None:
        return ""
    return (
        f"Saved: {_spell_saved(saved)} of what one whole pass for each unit would take "
        f"({work.naive_forwards:,.0f})."
    )


def _saved(work: Work) -> float | None:
    """The share of the naive work that was not done; None where nothing was saved."""
    if not 0 <= work.forward_equivalents < work.naive_forwards:
        return None
    return 1 - work.forward_equivalents / work.naive_forwards


def _spell_saved(saved: float) -> str:
    """Spell what was saved; never all of it."""
    return "over 99 %" if saved >= ALMOST_ALL else share(saved)


def _passes(number: float) -> str:
    """Spell a number of forward passes."""
    return f"{number:,.1f} forward passes"


def _bars(work: Work) -> Markup:
    """Draw what was done beside what doing all would take; each bar under its number."""
    lines = [
        ("One whole forward pass for each unit", work.naive_forwards, "rest"),
        ("This audit", work.forward_equivalents, "down"),
    ]
    longest = max(*(number for _, number, _ in lines), TINIEST)
    return joined(
        element("p", f"{words}: {number:,.1f}", _bar(max(number, 0) / longest, class_))
        for words, number, class_ in lines
    )


def _bar(length: float, class_: str) -> Markup:
    """Draw a bar; its number stands above in text, so that it is hidden from readers of text."""
    bar = element("rect", width=round(WIDTH * length, 1), height=HEIGHT, class_=class_)
    return element(
        "svg",
        bar,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        class_="cost",
        aria_hidden="true",
    )
