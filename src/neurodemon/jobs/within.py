"""Within: keep a verb within so much memory."""

import contextlib
from collections.abc import Iterator

from neurodemon.engine.room import Room
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.byte_sizes import parse_bytes


@contextlib.contextmanager
def within(subject: Subject, memory: str | int | None) -> Iterator[Room]:
    """Refresh a subject, and take no more than so much memory for a while.

    Args:
        subject: what is studied.
        memory: how much, beyond the model and the batches: "2GB"; None for as much as there is.

    Yields:
        What is known of the memory; its notes say how often passes were halved.

    Raises:
        BudgetError: the memory is none.
        SubjectError: the subject is none.
    """
    most = None if memory is None else parse_bytes(memory)
    refresh(subject)
    subject.room = room = Room(most)
    if most is not None:
        subject.forget_recordings()
    try:
        yield room
    finally:
        subject.room = Room()
