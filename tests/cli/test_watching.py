"""So many pieces of endless work, or what there was at Ctrl-C."""

import io
import signal
from itertools import count

import pytest
from rich.console import Console

from neurodemon.cli.progress import Bars
from neurodemon.cli.watching import gather


@pytest.fixture
def bars():
    return Bars(Console(file=io.StringIO(), force_terminal=False))


class Told(Bars):
    """Bars that remember what they were told."""

    def __init__(self):
        self.told = []

    def progress(self, what, done, total):
        self.told.append((what, done, total))


def stopped(after):
    yield from range(after)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
    signal.raise_signal(signal.SIGINT)
    raise AssertionError("not interrupted")


def test_as_many_are_taken_as_were_asked_for(bars):
    found = gather(count(), 3, what="epochs", bars=bars)
    assert found.done == (0, 1, 2)
    assert found.is_whole
    assert found.interruption is None


def test_the_bar_follows():
    bars = Told()
    gather(count(), 2, what="epochs", bars=bars)
    assert bars.told == [("epochs", 0, 2), ("epochs", 1, 2), ("epochs", 2, 2)]


def test_an_interrupt_keeps_what_was_done(bars):
    found = gather(stopped(2), 5, what="steps", bars=bars)
    assert found.done == (0, 1)
    assert not found.is_whole
    assert found.interruption == "2 of 5 steps were done, and are shown."


def test_an_interrupt_before_anything_is_passed_on(bars):
    with pytest.raises(KeyboardInterrupt):
        gather(stopped(0), 5, what="steps", bars=bars)


def test_an_error_is_no_interrupt(bars):
    def failing():
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gather(failing(), 5, what="steps", bars=bars)
