"""Audit: predict all units, measure what the budget allows, and say how far both can be trusted."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.predict import choose
from neurodemon.errors import BudgetError
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.judging import Findings, conclude, count_work
from neurodemon.jobs.measuring import (
    Note,
    capture_notes,
    measure_plan,
    no_note,
    plan_manifest,
    plan_work,
)
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import (
    Progress,
    available_predictors,
    no_progress,
    predict_all,
)
from neurodemon.jobs.rows import Column, counted_examples, make_rows, means
from neurodemon.jobs.sampling import Sampling, sample
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.jobs.stating import state_all
from neurodemon.jobs.within import within
from neurodemon.planner.plan import Plan, make_plan
from neurodemon.store.writer import RunWriter, open_run
from neurodemon.subjects.subject import Subject
from neurodemon.terms.audits import EXACT, Audit, AuditCertificate
from neurodemon.terms.budgets import TOP, Budget, parse_budget
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Perturbation, Zero
from neurodemon.terms.units import UnitSet


@dataclass(frozen=True, eq=False)
class _Job:
    """What both ways of auditing share."""

    subject: Subject
    units: UnitSet
    nudges: Nudges
    predicted: Mapping[str, NDArray[np.float64]]
    main: str
    plan: Plan
    writer: RunWriter | None
    progress: Progress
    begun: float


def audit(  # noqa: PLR0913  # the public signature of DESIGN §3
    subject: Subject,
    units: Units = None,
    perturbation: Perturbation = Zero(),  # noqa: B008  # frozen
    *,
    budget: str | int | Budget = "all",
    top: int = TOP,
    recall: float = 0.95,
    confidence: float = 0.95,
    predictor: str = "auto",
    seed: int = 0,
    out: Path | str | None = None,
    memory: str | int | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Audit:
    """Predict what every demon would do, measure what it does, and judge the predictions.

    All units are predicted. With `budget="all"` every unit is measured on every example, and
    the certificate is `exact`. With less, the budget is spent where it tells most: some units at
    random on all examples, every unit on a few if that can be paid, and more and more examples of
    the units of which it is unclear whether they belong to the top k. Then every unit has an
    interval, and the certificate says how many of the true top k can have been missed.

    Args:
        subject: what is studied.
        units: a pattern, units, or None for each hidden neuron and channel.
        perturbation: what each demon does.
        budget: how much may be measured: "all"; a share of all (unit, example) pairs, "10%"; a
            number of pairs, 5000; or a time, "2min", of predicting and measuring.
        top: k: how many leaders to find, the units of largest |mean effect|.
        recall: the share of the true top k that is enough: the audit stops when it is certain of
            it, or when the budget ends.
        confidence: how surely, and how often an interval holds.
        predictor: which one fills the column `predicted` and leads the measuring; all that apply
            are judged.
        seed: of what is drawn at random: the same seed gives the same audit (not so of a
            budget of time).
        out: a folder for the run; given again, it goes on where it stopped.
        memory: how much may be taken, beyond the model and the batches: "2GB"; None for as much
            as there is. Where it runs out, passes are halved, which a note tells.
        progress: called as batches and units are done.
        note: called with what the user should know.

    Returns:
        Predictions beside measurements with intervals, agreement per site and in all, verdicts,
        what was missed, the certificate, the work, answers.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        >>> subject = nd.Subject(model, [(torch.ones(4, 2), torch.zeros(4, 1))], "squared_error")
        >>> nd.audit(subject).certificate.kind
        'exact'
    """
    begun = time.perf_counter()
    allowed = parse_budget(budget)
    _require_sense(top=top, recall=recall, confidence=confidence, seed=seed)
    with within(subject, memory) as room:
        chosen = settle_units(subject, units)
        require_sound(subject, note=note)
        nudges = Nudges(subject, perturbation)
        predictors = available_predictors(subject)
        main = choose(predictor, predictors)
        predicted = predict_all(subject, chosen, nudges, predictors, progress=progress)
        key = f"{nudges.fingerprint}|{main}"
        if not allowed.is_all:
            key += f"|{allowed}|{top}|{recall}|{confidence}|{seed}"
        plan = plan_work(subject, chosen, key) if allowed.is_all else make_plan(chosen, key)
        asked = _spell_allowed(allowed, top, recall, confidence, seed)
        manifest = replace(plan_manifest(subject, "audit", str(perturbation), plan), allowed=asked)
        writer = None if out is None else open_run(Path(out), manifest)
        job = _Job(subject, chosen, nudges, predicted, main, plan, writer, progress, begun)
        findings = (
            _measure_all(job, top)
            if allowed.is_all
            else _measure_some(
                job, allowed, top=top, recall=recall, confidence=confidence, seed=seed
            )
        )
    notes = (*capture_notes(subject), *nudges.notes, *findings.effects.notes, *room.notes)
    notes += _about_top(allowed, top, len(chosen))
    effects = replace(findings.effects, notes=notes, manifest=manifest)
    result = conclude(replace(findings, effects=effects, seed=seed))
    if writer is not None:
        if not allowed.is_all:
            _write_parts(job, result.effects)
        writer.finish({**result.summary(), "notes": list(notes)})
    return result


def _about_top(budget: Budget, top: int, n_units: int) -> tuple[str, ...]:
    """Say that a top of all units is none, where a certificate is about it."""
    if budget.is_all or top < n_units:
        return ()
    told = (
        f"top is {top} and there are {n_units} units, so that all of them lead, and the "
        "certificate says nothing: ask for fewer."
    )
    return (told,)


def _spell_allowed(
    budget: Budget, top: int, recall: float, confidence: float, seed: int
) -> dict[str, str | int | float] | None:
    """Spell what is allowed, as the command's options are named; nothing where all is measured."""
    if budget.is_all:
        return None
    return {
        "budget": str(budget),
        "top": int(top),
        "recall": float(recall),
        "confidence": float(confidence),
        "sampling-seed": int(seed),
    }


def _require_sense(**wanted: object) -> None:
    """Refuse what an audit cannot reach."""
    for name, least in (("top", 1), ("seed", 0)):
        value = wanted[name]
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
            raise BudgetError(f"{name} is {value!r}; expected a whole number from {least} on.")
    for name in ("recall", "confidence"):
        value = wanted[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
            raise BudgetError(f"{name} is {value!r}; expected a share of 1, such as 0.95.")
    if wanted["confidence"] == 1:
        raise BudgetError(
            'confidence is 1; expected less, such as 0.95. For certainty measure all: budget="all".'
        )


def _measure_all(job: _Job, top: int) -> Findings:
    """Measure every unit on every example."""
    subject, units = job.subject, job.units
    perturbation = str(job.nudges.perturbation)

    def rows(part: UnitSet, place: slice, effects: NDArray[np.float64]) -> Effects:
        column = Column(job.predicted[job.main][:, place], job.main)
        made = make_rows(subject, part, perturbation, predicted=column, measured=Column(effects))
        counted = counted_examples(subject, part)
        return made.with_columns({
            **{name: means(job.predicted[name][:, place], counted) for name in job.predicted},
            "low": made["measured"],
            "high": made["measured"],
            "evidence": [EXACT] * len(part),
            "n_measured": made["n_examples"],
            "is_random": [True] * len(part),
        })

    effects = measure_plan(
        subject, job.plan, job.nudges, rows, writer=job.writer, progress=job.progress
    )
    n_examples = effects["n_examples"][0]
    pairs = {place: len(block) * subject.n_examples for place, block in enumerate(units.blocks)}
    return Findings(
        subject,
        units,
        effects,
        job.predicted,
        job.main,
        AuditCertificate(
            "exact",
            state_all(len(units), n_examples),
            top=min(top, len(units)),
        ),
        count_work(
            subject,
            units,
            pairs,
            predictors=tuple(job.predicted),
            seconds=time.perf_counter() - job.begun,
        ),
    )


def _measure_some(  # noqa: PLR0913  # what an audit is to reach is this much
    job: _Job, budget: Budget, *, top: int, recall: float, confidence: float, seed: int
) -> Findings:
    """Measure what the budget allows."""
    sampling = Sampling(
        job.subject,
        job.units,
        job.nudges,
        job.predicted,
        job.main,
        budget=budget,
        top=min(top, len(job.units)),
        recall=recall,
        confidence=confidence,
        seed=seed,
        begun=job.begun,
    )
    folder = None if job.writer is None else job.writer.folder
    return sample(
        sampling, folder=folder, progress=job.progress, keep=lambda rows: _write_parts(job, rows)
    )


def _write_parts(job: _Job, effects: Effects) -> None:
    """Write all rows, cut as the plan is."""
    if job.writer is None:
        return
    starts = np.cumsum([0, *(chunk.last - chunk.first for chunk in job.plan.chunks)]).tolist()
    for number in range(len(job.plan.chunks)):
        job.writer.write(number, effects.take(np.arange(starts[number], starts[number + 1])))
