"""The question: is influence error? For one network, at stages of its training, in numbers."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch

from neurodemon.errors import SelectionError
from neurodemon.jobs.benching import threads_for
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.looking import Look, Seen, from_part, look_at, to_part
from neurodemon.jobs.measuring import Note, no_note
from neurodemon.jobs.predicting import Progress, no_progress
from neurodemon.jobs.rows import make_manifest
from neurodemon.jobs.selecting import Units, settle_units, weighted_inputs, whole
from neurodemon.jobs.staging import Checkpoints, Staging, stage
from neurodemon.judge.concluding import conclude
from neurodemon.store.writer import RunWriter, open_run
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.effects import concatenate
from neurodemon.terms.findings import SCOPES, Scope, read_scope
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.questions import Question
from neurodemon.terms.radii import Absolute, Std, settle_radius
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitSet


def question(  # noqa: PLR0913  # a public verb's options
    subject: Subject,
    units: Units = None,
    *,
    steps: Sequence[int] | None = None,
    checkpoints: Checkpoints | None = None,
    scopes: Sequence[str] = SCOPES,
    radius: Std | Absolute | float | str = Std(4),  # noqa: B008  # frozen
    out: str | PathLike[str] | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Question:
    """Ask of a network whether influence is error, at stages of its training.

    At each stage every unit gets its demons; what they find says how far |δ| ranks as headroom
    and as distance do, where the two part and why, what training silences, and which factor of
    δ it takes away. All in float64 on copies where the model runs in it.

    Args:
        subject: what is studied. Built-in ones are trained again from their seed.
        units: a pattern, units, or None for each hidden neuron and channel once, at z (the
            Linear or Conv before its activation), where a ReLU that is off can be seen.
        steps: after which steps of training; None for the untrained network, the trained one
            and a few between (all checkpoints, where they are given).
        checkpoints: a folder of safetensors files kept while training, or the files; each
            one's step is the last number in its name.
        scopes: who shares the Δz: `shared`, `each`, or both.
        radius: how far a demon may go.
        out: a folder for the run; given again, it goes on with the stages not done yet.
        progress: called as stages and units are done.
        note: called with what the user should know.

    Returns:
        The answer in plain sentences, each number of which stands in the tables.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        >>> subject = nd.Subject(model, [(torch.ones(4, 2), torch.zeros(4, 1))], "squared_error")
        >>> print(nd.question(subject).answer[0][:19])
        Is influence error?

    Source:
        DESIGN §6; Nielsen ch. 2 (the demon).
    """
    refresh(subject)
    settled = _settle_scopes(scopes)
    _require_lists(steps=steps, checkpoints=checkpoints)
    reach = settle_radius(radius)
    chosen = _settle_units(subject, units)
    notes = _Notes(note)
    with torch.inference_mode(mode=False), threads_for(subject):
        staging = stage(subject, steps, checkpoints, note=notes)
        look = Look(chosen, reach, settled, staging.stages.trained_on())
        manifest = _manifest(subject, look, staging)
        require_sound(subject, note=notes)
        writer = None if out is None else open_run(Path(out), manifest)
        stages = _look_at_all(look, staging, writer, progress, notes)
    result = _conclude(subject, look, staging, stages)
    result = replace(result, notes=tuple(notes.kept), manifest=manifest)
    if writer is not None:
        writer.finish(result.to_dict())
    return result


class _Notes:
    """Pass notes on, each once, and keep them."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self.kept: list[str] = []

    def __call__(self, text: str) -> None:
        if text not in self.kept:
            self.kept.append(text)
            self._note(text)


def _settle_scopes(scopes: object) -> tuple[Scope, ...]:
    """Check the scopes, and put them in order."""
    given = [scopes] if isinstance(scopes, str) else scopes
    wanted = [read_scope(scope) for scope in given] if isinstance(given, Iterable) else []
    if not wanted:
        raise SelectionError(f"scopes is {scopes!r}; expected 'shared', 'each' or both.")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _require_lists(**given: object) -> None:
    """Refuse what is neither a list, a folder nor left out."""
    for name, value in given.items():
        if value is not None and not isinstance(value, (Iterable, PathLike)):
            raise SelectionError(f"{name} is {value!r}; expected a list, or None.")


def _settle_units(subject: Subject, units: Units) -> UnitSet:
    """Settle the units; by default the hidden ones, at what enters their activation."""
    if units is not None:
        return settle_units(subject, units)
    return UnitSet(tuple(whole(site) for site in weighted_inputs(subject.recording(0))))


def _manifest(subject: Subject, look: Look, staging: Staging) -> Manifest:
    """Write down what makes the run: a part for each stage."""
    digest = hashlib.blake2b(digest_size=16)
    parts = (look.units.fingerprint, look.radius, look.scopes, staging.steps, subject.better)
    digest.update(repr((*parts, staging.stages.fingerprint())).encode())
    return make_manifest(
        subject,
        "question",
        f"best Δz within {look.radius}, {' and '.join(look.scopes)}",
        digest.hexdigest(),
        chunks=tuple((f"step {step}", 0, 1) for step in staging.steps),
    )


def _look_at_all(
    look: Look, staging: Staging, writer: RunWriter | None, progress: Progress, notes: "_Notes"
) -> list[Seen]:
    """Look at each stage that is not done yet; each is kept as soon as it is."""
    done = frozenset[int]() if writer is None else writer.done()
    parts = {} if writer is None else {place: writer.read(place) for place in done}
    for text in (text for part in parts.values() for text in part.notes):
        notes(text)
    seen = {place: from_part(part) for place, part in parts.items()}
    missing = [step for place, step in enumerate(staging.steps) if place not in done]
    for step, subject in _told(staging.subjects(missing, progress), staging, progress):
        place = staging.steps.index(step)
        seen[place] = look_at(look, step, subject, progress=progress, note=notes)
        if writer is not None:
            writer.write(place, replace(to_part(seen[place]), notes=tuple(notes.kept)))
    progress("stages", len(staging.steps), len(staging.steps))
    return [seen[place] for place in sorted(seen)]


def _told(
    subjects: Iterator[tuple[int, Subject]], staging: Staging, progress: Progress
) -> Iterator[tuple[int, Subject]]:
    """Tell of each stage as it is begun."""
    for step, subject in subjects:
        progress("stages", staging.steps.index(step), len(staging.steps))
        yield step, subject


def _conclude(subject: Subject, look: Look, staging: Staging, stages: Sequence[Seen]) -> Question:
    """Put tables and answer together."""
    layers = tuple(row for seen in stages for row in seen.layers)
    partings = [row for seen in stages for row in seen.partings]
    partings.sort(key=lambda row: (-row.step, -row.headroom))
    sites = ", ".join(site.name for site in look.units.sites)
    steps = ", ".join(map(str, staging.steps))
    return Question(
        question=(
            f"Is influence error, for {subject.name}? ({count(len(look.units), 'unit')} at "
            f"{sites}; {count(subject.n_examples, 'example')}; radius {look.radius}; "
            f"{'steps' if len(staging.steps) > 1 else 'step'} {steps})"
        ),
        answer=conclude(layers, partings),
        layers=layers,
        partings=tuple(partings),
        steps=staging.steps,
        effects=concatenate([seen.effects for seen in stages]),
    )
