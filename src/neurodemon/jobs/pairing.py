"""Pairs: patch units of one run with their values of another, and score how far that brings it.

The field's activation patching. *Denoising*: the base is the corrupt run, units are patched
from the clean one; what restores the behaviour is sufficient. *Noising*: the base is the clean
run, units are patched from the corrupt one; what breaks it is necessary. Which is which is only
a matter of what the subject's batches are and what the source is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from neurodemon.errors import PerturbationError
from neurodemon.jobs.measuring import Note, measure, no_note
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import Progress, no_progress
from neurodemon.jobs.rows import noise_floors
from neurodemon.jobs.selecting import Units
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.effects import Effects
from neurodemon.terms.findings import FLOORS, floor_of_mean
from neurodemon.terms.perturbations import Patch


def pair_score(  # noqa: PLR0913  # what `measure` takes
    subject: Subject,
    units: Units,
    source: Iterable[tuple[Any, Any]],
    *,
    out: Path | str | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Effects:
    """Patch each unit from paired inputs and score it: (patched − base) / (source − base).

    0: the unit changes nothing; 1: alone it brings the base run to the source run. The score
    may be below 0 or above 1. Base and source are the mean costs (or metric, such as
    `nd.logit_difference`) of the two runs; the source's inputs are judged by the base's targets.

    Args:
        subject: the base run. For denoising its batches are the corrupt inputs and `source`
            holds the clean ones; for noising the other way round.
        units: a pattern, units, or None for each hidden neuron and channel.
        source: batches `(inputs, target)` aligned one to one with the subject's.
        out: a folder for the measured run, without the scores; given again, it goes on where it
            stopped.
        progress: called as units are done.
        note: called with what the user should know.

    Returns:
        What `nd.measure(subject, units, nd.Patch(source))` gives, with the columns `pair_score`,
        `base` and `source` added; the last two are the same in each row.

    Raises:
        PerturbationError: base and source do not differ by more than noise, or the source does
            not line up with the subject's batches.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
        >>> base, source = torch.zeros(4, 2), torch.ones(4, 2)
        >>> subject = nd.Subject(model, [(base, torch.zeros(4, 1))], "squared_error")
        >>> len(nd.pair_score(subject, "0", [(source, None)])["pair_score"])
        3

    Source:
        Zhang and Nanda (2024), Towards best practices of activation patching; Heimersheim and
        Nanda (2024), How to use and interpret activation patching.
    """
    refresh(subject)
    if isinstance(source, Subject) or not isinstance(source, Iterable):
        raise PerturbationError(
            f"source is {type(source).__name__}; expected batches (inputs, target), one for each of "
            "the subject's: those of another subject are its .batches."
        )
    patch = Patch(source if isinstance(source, (list, tuple)) else list(source))
    base, reached = _mean_costs(subject, patch)
    effects = measure(subject, units, patch, out=out, progress=progress, note=note)
    score = effects.array("measured") / (reached - base)
    return effects.with_columns({
        "pair_score": [float(one) if np.isfinite(one) else None for one in score],
        "base": [base] * len(effects),
        "source": [reached] * len(effects),
    })


def _mean_costs(subject: Subject, patch: Patch) -> tuple[float, float]:
    """The mean cost of the base run and of the source run; raise unless they differ."""
    nudges = Nudges(subject, patch)  # which refuses a source that does not line up
    recordings = subject.recordings()
    base = np.concatenate([one.cost.double().cpu().numpy() for one in recordings])
    reached = nudges.source_costs()
    floor = FLOORS * floor_of_mean(noise_floors(subject))
    if not abs(reached.mean() - base.mean()) > floor:
        raise PerturbationError(
            f"Base and source have the same mean cost ({base.mean():.4g} and "
            f"{reached.mean():.4g}), so that no score can be given; expected runs that differ. "
            "Take pairs in which the source's inputs lead to another answer."
        )
    return float(base.mean()), float(reached.mean())
