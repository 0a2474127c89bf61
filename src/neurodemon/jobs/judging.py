"""Judge: turn what an audit predicted and measured into agreement, verdicts and proof."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.predict import FIRST_ORDER, LINEAR_LOGITS, TANGENT, ladder_of
from neurodemon.engine.region import find_region
from neurodemon.jobs.answering import answer
from neurodemon.jobs.rows import counted_examples
from neurodemon.judge.agreement import agree, verdict
from neurodemon.judge.bootstrap import spearman_interval, spearman_within
from neurodemon.judge.missed import cause_of, find_missed
from neurodemon.subjects.subject import Subject
from neurodemon.terms import statuses
from neurodemon.terms.audits import (
    EXACT,
    Agreement,
    Audit,
    AuditCertificate,
    Coverage,
    FalseNegative,
    Work,
)
from neurodemon.terms.effects import Effects
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitSet

MOST_MISSED = 20  # false negatives that are named
Predictions = Mapping[str, NDArray[np.float64]]  # of each predictor, (example, unit)


@dataclass(frozen=True, eq=False)
class Findings:
    """All that an audit has to be judged by.

    Attributes:
        subject: what was studied.
        units: the units, in the order of the rows.
        effects: the rows, with the columns of an audit.
        predicted: by each predictor.
        main: the predictor of the column `predicted`.
        certificate: what is proved.
        work: what it cost.
        calibration: how well the intervals hold.
        seed: of what was drawn at random.
    """

    subject: Subject
    units: UnitSet
    effects: Effects
    predicted: Predictions
    main: str
    certificate: AuditCertificate
    work: Work
    calibration: tuple[Coverage, ...] = ()
    seed: int = 0


def conclude(findings: Findings) -> Audit:
    """Compare the predictions with the measurements and put it into words."""
    effects, subject, units = findings.effects, findings.subject, findings.units
    agreement = _all_agreement(findings)
    n_all = len(units)
    is_sample = not all(effects["is_random"])
    clean = np.mean([float(cost) for one in subject.recordings() for cost in one.cost])
    sites = ", ".join(site.name for site in units.sites)
    return Audit(
        effects=effects,
        agreement=agreement,
        certificate=findings.certificate,
        work=findings.work,
        verdicts={
            site.name: verdict(agreement, site.name, is_sample=is_sample) for site in units.sites
        },
        answers=answer(subject, units, _known(effects), agreement, is_sample=is_sample),
        question=(
            f"What does a demon do to the {_metric(subject)} of {subject.name}? "
            f"({effects['perturbation'][0]} in each of {count(n_all, 'unit')} at {sites}; "
            f"{count(subject.n_examples, 'example')}; the clean {_metric(subject)} is "
            f"{clean:.4g})"
        ),
        false_negatives=_false_negatives(findings),
        calibration=findings.calibration,
        seed=findings.seed,
    )


def count_work(
    subject: Subject,
    units: UnitSet,
    pairs: Mapping[int, int],
    *,
    predictors: tuple[str, ...],
    seconds: float,
) -> Work:
    """Count what was done: nodes computed for each pair, against a whole forward for each unit.

    Args:
        subject: what is studied.
        units: the set of units.
        pairs: how many (unit, example) pairs were run, by the number of the block.
        predictors: by which effects were predicted.
        seconds: wall time.

    Returns:
        The work; its measurements are those of `pairs`.
    """
    recording = subject.recording(0)
    graph = recording.graph
    n_nodes = sum(node.operation is not None for node in graph.nodes)
    nodes_run = 0.0
    for number, block in enumerate(units.blocks):
        source = graph.site_by_name[block.site.name].node
        exit_node = find_region(graph, source, recording.values).exit
        is_cut = graph.whole is None  # else the whole model runs for each unit
        nodes = len(graph.cone(exit_node)) if is_cut else n_nodes
        nodes_run += pairs.get(number, 0) / subject.n_examples * nodes
    outputs = ladder_of(recording).n_outputs if LINEAR_LOGITS in predictors else 0
    measurements = sum(pairs.values())
    return Work(
        measurements=measurements,
        forward_equivalents=nodes_run / n_nodes,
        naive_forwards=float(len(units)),
        backward_passes=(FIRST_ORDER in predictors) + outputs,
        seconds=seconds,
        all_measurements=len(units) * subject.n_examples,
        budget=measurements,
    )


def _metric(subject: Subject) -> str:
    """What the effects are effects on, in a word."""
    return "metric" if subject.better == "higher" else "cost"


def _known(effects: Effects) -> Effects:
    """The rows with an effect only where it was measured on all examples."""
    is_exact = np.array(effects["evidence"]) == EXACT
    if is_exact.all():
        return effects
    return effects.with_columns({"measured": np.where(is_exact, effects.array("measured"), np.nan)})


def _all_agreement(findings: Findings) -> tuple[Agreement, ...]:
    """The agreement of each predictor at each site, and over all, on random units alone."""
    names = np.array(findings.effects["site"])
    rows = np.array(findings.effects["is_random"])
    groups: list[tuple[str | None, NDArray[np.bool_]]] = [
        (site.name, rows & (names == site.name)) for site in findings.units.sites
    ]
    if len(groups) > 1:
        groups.append((None, rows))
    counted = counted_examples(findings.subject, findings.units)
    measured = findings.effects.per_example
    found = []
    for site, own in groups:
        for predictor, numbers in findings.predicted.items():
            row = _agreement(findings.effects, own, site=site, predictor=predictor)
            if measured is not None and own.any():
                guess = numbers[:, own]
                guess = guess if counted is None else np.where(counted[:, own], guess, np.nan)
                row = _with_interval(row, guess, measured[:, own], findings, own)
            found.append(row)
    return tuple(found)


def _agreement(
    effects: Effects, own: NDArray[np.bool_], *, site: str | None, predictor: str
) -> Agreement:
    """How far a predictor agrees with the measurements of a group of units."""
    return agree(
        effects.array(predictor)[own],
        effects.array("measured")[own],
        site=site,
        predictor=predictor,
        is_signal=_is_signal(effects)[own],
    )


def _is_signal(effects: Effects) -> NDArray[np.bool_]:
    """Which units have an effect above the noise."""
    return np.asarray(np.array(effects["status"]) == statuses.OK)


def _with_interval(
    row: Agreement,
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    findings: Findings,
    own: NDArray[np.bool_],
) -> Agreement:
    """Add what the examples say: how sure the ranking is, and how it is within one."""
    if row.spearman is None:
        return row
    signal = _is_signal(findings.effects)[own]
    ends = spearman_interval(predicted, measured, signal, findings.seed)
    low, high = (None, None) if ends is None else ends
    return replace(
        row,
        spearman_within=spearman_within(predicted, measured),
        spearman_low=low,
        spearman_high=high,
    )


def _false_negatives(findings: Findings) -> tuple[FalseNegative, ...]:
    """Name the leaders that were predicted far from the top, and say why."""
    effects = findings.effects
    predicted, measured = effects.array("predicted"), effects.array("measured")
    is_exact = np.array(effects["evidence"]) == EXACT
    per_example = effects.per_example
    top = findings.certificate.top
    places, by_prediction, by_effect = find_missed(predicted, measured, is_exact, top)
    if per_example is None:
        return ()
    slope = findings.predicted.get(FIRST_ORDER, findings.predicted.get(TANGENT))
    main = findings.predicted[findings.main]
    slope = main if slope is None else slope
    return tuple(
        FalseNegative(
            unit=effects.spelled[place],
            site=effects["site"][place],
            predicted=float(predicted[place]),
            measured=float(measured[place]),
            predicted_rank=int(by_prediction[place]),
            measured_rank=int(by_effect[place]),
            cause=cause_of(slope[:, place], main[:, place], per_example[:, place]),
        )
        for place in places[:MOST_MISSED].tolist()
    )
