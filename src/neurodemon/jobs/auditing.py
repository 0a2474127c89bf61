"""Audit: predict all units, measure them, and say how far the predictions can be trusted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.predict import FIRST_ORDER, LINEAR_LOGITS, choose, ladder_of
from neurodemon.engine.region import find_region
from neurodemon.jobs.answering import answer
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.measuring import Note, capture_notes, measure_plan, no_note, plan_manifest
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import (
    Progress,
    available_predictors,
    no_progress,
    predict_all,
)
from neurodemon.jobs.rows import Column, counted_examples, make_rows, means
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.judge.agreement import agree, verdict
from neurodemon.planner.plan import make_plan
from neurodemon.store.writer import open_run
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms import statuses
from neurodemon.terms.audits import Agreement, Audit, AuditCertificate, Work
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Perturbation, Zero
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitSet


def audit(  # noqa: PLR0913  # the public signature of DESIGN §3
    subject: Subject,
    units: Units = None,
    perturbation: Perturbation = Zero(),  # noqa: B008  # frozen
    *,
    predictor: str = "auto",
    out: Path | str | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Audit:
    """Predict what every demon would do, measure what it does, and judge the predictions.

    Every unit is measured on every example, so the certificate is `exact`.

    Args:
        subject: what is studied.
        units: a pattern, units, or None for each hidden neuron and channel.
        perturbation: what each demon does.
        predictor: which one fills the column `predicted`; all that apply are judged.
        out: a folder for the run; given again, it goes on where it stopped.
        progress: called as batches and units are done.
        note: called with what the user should know.

    Returns:
        Predictions beside measurements, agreement per site and in all, verdicts, answers.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        >>> subject = nd.Subject(model, [(torch.ones(4, 2), torch.zeros(4, 1))], "squared_error")
        >>> nd.audit(subject).certificate.kind
        'exact'
    """
    begun = time.perf_counter()
    refresh(subject)
    chosen = settle_units(subject, units)
    require_sound(subject, note=note)
    nudges = Nudges(subject, perturbation)
    predictors = available_predictors(subject)
    main = choose(predictor, predictors)
    predicted = predict_all(subject, chosen, nudges, predictors, progress=progress)
    plan = make_plan(chosen, f"{nudges.fingerprint}|{main}")
    manifest = plan_manifest(subject, "audit", str(perturbation), plan)

    def rows(part: UnitSet, place: slice, effects: NDArray[np.float64]) -> Effects:
        column = Column(predicted[main][:, place], main)
        made = make_rows(
            subject, part, str(perturbation), predicted=column, measured=Column(effects)
        )
        counted = counted_examples(subject, part)
        return made.with_columns({
            name: means(predicted[name][:, place], counted) for name in predictors
        })

    writer = None if out is None else open_run(Path(out), manifest)
    found = measure_plan(subject, plan, nudges, rows, writer=writer, progress=progress)
    notes = (*capture_notes(subject), *nudges.notes)
    effects = Effects(found.table, found.per_example, notes, manifest)
    work = _work(subject, chosen, predictors, time.perf_counter() - begun)
    result = _judge(subject, chosen, effects, predictors, work)
    if writer is not None:
        writer.finish({**result.summary(), "notes": list(effects.notes)})
    return result


@dataclass(frozen=True, eq=False)
class _Compared:
    """The rows of one site, or of all."""

    site: str | None
    rows: NDArray[np.bool_]


def _judge(
    subject: Subject, units: UnitSet, effects: Effects, predictors: Sequence[str], work: Work
) -> Audit:
    """Compare the predictions with the measurements and put it into words."""
    names = np.array(effects["site"])
    groups = [_Compared(site.name, names == site.name) for site in units.sites]
    if len(groups) > 1:
        groups.append(_Compared(None, np.ones(len(effects), bool)))
    agreement = tuple(
        _agreement(effects, group, predictor) for group in groups for predictor in predictors
    )
    perturbation = effects["perturbation"][0]
    n_examples = effects["n_examples"][0]
    clean = np.mean([float(cost) for one in subject.recordings() for cost in one.cost])
    return Audit(
        effects=effects,
        agreement=agreement,
        certificate=AuditCertificate(
            "exact",
            f"Certificate: exact. Measured: {count(len(units), 'unit')} on "
            f"{count(n_examples, 'example')}, that is all; nothing is estimated.",
        ),
        work=work,
        verdicts={site.name: verdict(agreement, site.name) for site in units.sites},
        answers=answer(subject, units, effects, agreement),
        question=(
            f"What does a demon do to the cost of {subject.name}? ({perturbation} in each of "
            f"{count(len(units), 'unit')} at {', '.join(site.name for site in units.sites)}; "
            f"{count(n_examples, 'example')}; the clean cost is {clean:.4g})"
        ),
    )


def _agreement(effects: Effects, group: _Compared, predictor: str) -> Agreement:
    """How far a predictor agrees with the measurements of a group of units."""
    status = np.array(effects["status"])
    return agree(
        effects.array(predictor)[group.rows],
        effects.array("measured")[group.rows],
        site=group.site,
        predictor=predictor,
        is_signal=(status == statuses.OK)[group.rows],
    )


def _work(subject: Subject, units: UnitSet, predictors: Sequence[str], seconds: float) -> Work:
    """Count what was done: nodes computed for each unit, against a whole forward for each."""
    recording = subject.recording(0)
    graph = recording.graph
    n_nodes = sum(node.operation is not None for node in graph.nodes)
    nodes_run = 0
    for block in units.blocks:
        source = graph.site_by_name[block.site.name].node
        exit_node = find_region(graph, source, recording.values).exit
        is_cut = graph.whole is None  # else the whole model runs for each unit
        nodes_run += len(block) * (len(graph.cone(exit_node)) if is_cut else n_nodes)
    outputs = ladder_of(recording).n_outputs if LINEAR_LOGITS in predictors else 0
    return Work(
        measurements=len(units) * subject.n_examples,
        forward_equivalents=nodes_run / n_nodes,
        naive_forwards=float(len(units)),
        backward_passes=(FIRST_ORDER in predictors) + outputs,
        seconds=seconds,
    )
