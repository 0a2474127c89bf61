"""Stage: one subject for each stage of a network's training, in float64 where it runs in it.

In float32 the headrooms of single examples of a trained network are rounding (theory.md §5).
All is done on copies: the user's model and batches stay as they are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike

import torch
from torch import nn

from neurodemon.errors import NeurodemonError
from neurodemon.subjects.admitting import Batch
from neurodemon.subjects.checkpoints import find_checkpoints
from neurodemon.subjects.dtypes import model_in, name_dtype, to_dtype
from neurodemon.subjects.stages import Present, Progress, Retraining, Stages
from neurodemon.subjects.subject import Subject
from neurodemon.tracing.capture import Capture
from neurodemon.tracing.leaves import floating_leaves

Note = Callable[[str], None]
Checkpoints = str | PathLike[str] | Iterable[str | PathLike[str]]
MOST_NUMBERS_COPIED = 50_000_000  # weights, for a copy in float64


@dataclass(frozen=True, eq=False)
class Staging:
    """A subject's stages.

    Attributes:
        subject: what is studied, as the user gave it.
        stages: where its weights come from.
        steps: the steps of training that are looked at.
        note: told what their reader should know.
    """

    subject: Subject
    stages: Stages
    steps: tuple[int, ...]
    note: Note

    def subjects(self, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, Subject]]:
        """Make the subjects of some steps, one after the other.

        Args:
            steps: some of `steps`.
            progress: called as weights are made or read.

        Yields:
            Each step and the subject with its weights.
        """
        if not steps:
            return
        lent: tuple[Capture, ...] = ()
        for step, model in self.stages.models(steps, progress):
            if isinstance(self.stages, Retraining) and step == self.steps[-1]:
                self._compare_end(model)
            made = precise(self.subject, model, self.note)
            made.lent = lent
            yield step, made
            lent = tuple(made.capture(place) for place in range(len(made.batches)))

    def _compare_end(self, model: nn.Module) -> None:
        """Tell if the subject's weights are not those that its training ends with."""
        last = self.stages.steps(None)[-1]
        own = dict(self.subject.model.state_dict())
        if self.steps[-1] == last and not all(
            torch.equal(value.to(own[name].dtype), own[name])
            for name, value in model.state_dict().items()
        ):
            self.note(
                f"{self.subject.name}'s weights were changed since its training: the stages are "
                "those of the training from its seed."
            )


def stage(
    subject: Subject, steps: Sequence[int] | None, checkpoints: Checkpoints | None, *, note: Note
) -> Staging:
    """Find the stages of a subject's training.

    Args:
        subject: what is studied.
        steps: which steps; None for a few, from the first to the last.
        checkpoints: a folder of safetensors files, or the files; None for the training of a
            built-in subject, else the model as it is.
        note: told what their reader should know.

    Returns:
        The stages.
    """
    stages: Stages = subject.stages or Present(subject.model)
    if checkpoints is not None:
        stages = find_checkpoints(subject.model, checkpoints)
    elif isinstance(stages, Present):
        note("One stage only, the model as it is (step 0): what training does is not told.")
    return Staging(subject, stages, stages.steps(steps), note)


def precise(subject: Subject, model: nn.Module, note: Note) -> Subject:
    """Make a subject of other weights, in float64 where that runs or in the dtype asked for.

    Args:
        subject: gives the batches, the cost and the way to call the model.
        model: a copy with the weights; it stays as it is.
        note: told which precision it came to.

    Returns:
        The subject.
    """
    if subject.dtype is not None:
        note(f"Computed in {name_dtype(subject.dtype)}, as asked.")
        return subject.but(model_in(model, subject.dtype), subject.batches)
    own = {name_dtype(weight.dtype) for weight in model.parameters()}
    numbers = sum(weight.numel() for weight in model.parameters())
    plain = subject.but(model, subject.batches)
    if own <= {"float64"}:
        return plain
    if numbers <= MOST_NUMBERS_COPIED:
        try:
            batches = [to_dtype(batch, torch.float64) for batch in subject.batches]
            made = subject.but(model_in(model, torch.float64), batches)
            if made.eager(made.batches[0]).cost.dtype == torch.float64:
                note(f"Computed in float64, on copies of the model ({', '.join(sorted(own))}).")
                return made
        except (NeurodemonError, RuntimeError, TypeError):  # a cast inside, a device without it
            pass
    note(
        f"Computed in {', '.join(sorted(own))}, as the model does not run in float64 here: small "
        "headrooms of single examples are rounding."
    )
    return plain


def to_precision_of(subject: Subject, batch: Batch) -> Batch:
    """Bring a batch's real numbers to the dtype that a subject's batches have."""
    like = floating_leaves(subject.batches[0])
    inputs, target = to_dtype(batch, like[0].dtype) if like else batch
    return inputs, target
