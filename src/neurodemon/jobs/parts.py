"""Parts: the clean pass over some examples of a batch."""

from torch import Tensor

from neurodemon.engine.recording import Recording, record
from neurodemon.subjects.subject import Subject
from neurodemon.tracing.capture import bind
from neurodemon.tracing.leaves import take_examples


def record_examples(subject: Subject, place: int, rows: Tensor) -> Recording:
    """Run the graph of a batch on some of its examples, and keep every value.

    Args:
        subject: what is studied.
        place: the number of the batch, whose graph holds for any number of examples.
        rows: which examples.

    Returns:
        The recording, which the subject does not keep.
    """
    graph = subject.capture(place).graph
    with subject.held() as model:
        return record(graph, bind(graph, model, take_examples(subject.batches[place], rows)))
