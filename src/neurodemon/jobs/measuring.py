"""Measure: do what each demon would do, chunk by chunk, and keep what is done."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.room import are_all_kept, numbers_below
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import Progress, no_progress
from neurodemon.jobs.rows import Column, make_manifest, make_rows
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.jobs.within import within
from neurodemon.planner.plan import FEWEST_UNITS, NUMBERS_PER_PASS, Plan, make_plan, units_for
from neurodemon.planner.run import run
from neurodemon.store.writer import RunWriter, open_run
from neurodemon.subjects.subject import Subject
from neurodemon.terms.effects import Effects, concatenate
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.perturbations import Perturbation, Zero
from neurodemon.terms.units import UnitBlock, UnitSet

AGAIN = 4  # times the fewest units of a chunk, where each records some batches anew

Note = Callable[[str], None]
Rows = Callable[[UnitSet, slice, NDArray[np.float64]], Effects]


def no_note(_text: str) -> None:
    """Say nothing."""


def measure(  # noqa: PLR0913  # the public signature of DESIGN §3
    subject: Subject,
    units: Units = None,
    perturbation: Perturbation = Zero(),  # noqa: B008  # frozen
    *,
    out: Path | str | None = None,
    memory: str | int | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Effects:
    """Measure what a demon in each unit does to the cost, by really running.

    Only what lies below a unit is computed; the rest comes from one recorded clean pass.

    Args:
        subject: what is studied.
        units: a pattern, units, or None for each hidden neuron and channel.
        perturbation: what each demon does.
        out: a folder for the run; given again, it goes on where it stopped.
        memory: how much may be taken, beyond the model and the batches: "2GB"; None for as much
            as there is. Where it runs out, passes are halved, which a note tells.
        progress: called as units are done.
        note: called with what the user should know.

    Returns:
        One row per unit, `measured` filled in: cost after − cost before, the mean over all
        examples, in units of the cost.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        >>> subject = nd.Subject(model, [(torch.ones(4, 2), torch.zeros(4, 1))], "squared_error")
        >>> nd.measure(subject, "1[2]", nd.Add(0.0))["status"]
        ['no_change']
    """
    with within(subject, memory) as room:
        chosen = settle_units(subject, units)
        require_sound(subject, note=note)
        nudges = Nudges(subject, perturbation)
        plan = plan_work(subject, chosen, nudges.fingerprint)
        manifest = plan_manifest(subject, "measure", str(perturbation), plan)

        def rows(part: UnitSet, _place: slice, effects: NDArray[np.float64]) -> Effects:
            return make_rows(subject, part, str(perturbation), measured=Column(effects))

        writer = None if out is None else open_run(Path(out), manifest)
        found = measure_plan(subject, plan, nudges, rows, writer=writer, progress=progress)
    notes = (*capture_notes(subject), *nudges.notes, *room.notes)
    result = Effects(found.table, found.per_example, notes, manifest)
    if writer is not None:
        writer.finish({"notes": list(result.notes)})
    return result


def capture_notes(subject: Subject) -> tuple[str, ...]:
    """What the readers of a result must know of how it was captured: that it ran with hooks."""
    captured = subject.capture(0)
    return captured.notes if captured.engine != "exported" else ()


def plan_work(subject: Subject, units: UnitSet, perturbation: str) -> Plan:
    """Cut units into chunks of some seconds, each of which is kept once it is measured.

    Args:
        subject: what is studied.
        units: the units, in the order of the rows to come.
        perturbation: a fingerprint of it.

    Returns:
        The plan: the same on every machine.

    Raises:
        DeviceMemoryError: some units take more memory than the subject may, whichever they are.
    """
    _require_room(subject, units)
    # Where batches are recorded anew for each chunk, small chunks would double the work.
    is_kept = are_all_kept(subject.recording(0), subject.n_examples)
    fewest = FEWEST_UNITS if is_kept else AGAIN * FEWEST_UNITS
    numbers = [numbers_per_unit(subject, block) for block in units.blocks]
    sizes = [units_for(own, fewest=fewest) for own in numbers]
    return make_plan(units, perturbation, units_per_chunk=sizes)


def _require_room(subject: Subject, units: UnitSet) -> None:
    """Refuse what is too little memory for some units now, not when their turn comes."""
    if subject.room.most_bytes is not None:
        recording = subject.recording(0)
        for site in units.sites:
            own = recording.graph.site_by_name[site.name]
            subject.room.pass_size(recording, own, NUMBERS_PER_PASS)


def numbers_per_unit(subject: Subject, block: UnitBlock) -> float:
    """How many numbers are computed to measure one unit on all examples, at the most."""
    recording = subject.recording(0)
    site = recording.graph.site_by_name[block.site.name]
    return sum(numbers_below(recording, site)) * subject.n_examples / recording.n_examples


def plan_manifest(subject: Subject, verb: str, perturbation: str, plan: Plan) -> Manifest:
    """Write down what makes a planned run."""
    return make_manifest(
        subject,
        verb,
        perturbation,
        plan.fingerprint,
        chunks=plan.spelled,
        numbers_per_pass=plan.numbers_per_pass,
    )


def measure_plan(  # noqa: PLR0913  # the seam between plan, rows, store and shell
    subject: Subject,
    plan: Plan,
    nudges: Nudges,
    rows: Rows,
    *,
    writer: RunWriter | None = None,
    progress: Progress = no_progress,
) -> Effects:
    """Run a plan to its end, each chunk written as soon as it is measured.

    Args:
        subject: what is studied.
        plan: the plan.
        nudges: Δz of each site and batch.
        rows: makes the rows of a part of the units, from its place and its effects.
        writer: the run's folder, if any; what it holds is not measured again.
        progress: called as units are done.

    Returns:
        The rows of all units.
    """
    starts = np.cumsum([0, *(chunk.last - chunk.first for chunk in plan.chunks)]).tolist()

    def stream(done: Container[int]) -> Iterator[tuple[int, Effects]]:
        for number, effects in run(
            plan, subject.recordings(), nudges, done=done, room=subject.room
        ):
            part = UnitSet((plan.block_of(plan.chunks[number]),))
            yield number, rows(part, slice(starts[number], starts[number + 1]), effects)

    return collect_parts(plan, stream, writer=writer, progress=progress, what="measure")


def collect_parts(
    plan: Plan,
    stream: Callable[[Container[int]], Iterator[tuple[int, Effects]]],
    *,
    writer: RunWriter | None,
    progress: Progress,
    what: str,
) -> Effects:
    """Gather the parts of a plan, each written as soon as it is there.

    Args:
        plan: the plan.
        stream: makes the parts that are not done yet, from the numbers of those that are.
        writer: the run's folder, if any; what it holds is not made again.
        progress: called as units are done.
        what: the kind of work, for the progress.

    Returns:
        The rows of all units.
    """
    done = frozenset[int]() if writer is None else writer.done()
    parts = {} if writer is None else {number: writer.read(number) for number in done}
    count = sum(len(part) for part in parts.values())
    progress(what, count, len(plan.units))
    for number, part in stream(done):
        parts[number] = part
        if writer is not None:
            writer.write(number, part)
        count += len(part)
        progress(what, count, len(plan.units))
    return concatenate([parts[number] for number in sorted(parts)])
