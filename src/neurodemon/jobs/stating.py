"""State: the certificate of a budgeted audit in words, with the numbers it rests on."""

import numpy as np

from neurodemon.judge.certify import Bound, leaders
from neurodemon.judge.intervals import missed_by_counting
from neurodemon.judge.race import Race
from neurodemon.terms.audits import AuditCertificate
from neurodemon.terms.text import count


def state(race: Race, bound: Bound, rigorous: Bound | None, *, n_examples: int) -> AuditCertificate:
    """Put what a race proves into words.

    Args:
        race: at its end.
        bound: on the leaders missed, kind `clt` or `exact`.
        rigorous: the same of kind `eb`, where the weights give a range.
        n_examples: how many examples there are.

    Returns:
        The certificate: `eb` where that says as much as was asked for, or as much as `clt`.
    """
    top, recall = race.field.top, race.field.recall
    n_units = len(race.n_drawn)
    allowed = int((1 - recall) * top + 1e-9)
    if rigorous is not None and rigorous.missed <= max(allowed, bound.missed):
        bound, rigorous = rigorous, None
    share = (top - bound.missed) / top
    counted = missed_in_sample(race)
    claim = (
        f"Certificate: {bound.kind}. With {100 * race.field.confidence:g} % confidence the "
        f"{top} units found hold at least {top - bound.missed} of the true top {top} by |mean "
        f"effect| (recall {share:.2f} or more), of {count(n_units, 'unit')} on "
        f"{count(n_examples, 'example')}."
    )
    sentences = [claim, bound.assumes]
    if bound.n_undecided:
        sentences.append(f"{count(bound.n_undecided, 'unit')} outside may belong to them.")
    if rigorous is not None:
        sentences.append(
            f"What holds without any assumption is less: at least {top - rigorous.missed} (kind eb)."
        )
    if counted is not None:
        sentences.append(
            f"Counting alone, from {count(len(race.random), 'random unit')}, would not exclude "
            f"{counted} missed."
        )
    if bound.kind == "exact":
        sentences = [state_all(n_units, n_examples)]
    return AuditCertificate(
        bound.kind,
        " ".join(sentence for sentence in sentences if sentence),
        assumes=bound.assumes,
        top=top,
        confidence=race.field.confidence if bound.kind != "exact" else 1.0,
        recall_bound=share,
        method="all" if bound.kind == "exact" else "elimination" if has_looked(race) else "gaps",
        n_undecided=bound.n_undecided,
        missed_by_counting=counted if bound.kind != "exact" else None,
    )


def state_all(n_units: int, n_examples: int) -> str:
    """Say that all was measured."""
    return (
        f"Certificate: exact. Measured: {count(n_units, 'unit')} on "
        f"{count(n_examples, 'example')}, that is all; nothing is estimated."
    )


def has_looked(race: Race) -> bool:
    """Whether every unit was measured on some examples."""
    return bool((race.n_drawn > 0).all())


def missed_in_sample(race: Race) -> int | None:
    """Bound the leaders among the units that are not measured whole, by counting alone.

    Args:
        race: at its end.

    Returns:
        The hypergeometric bound; None if no unit was drawn at random, or all is measured.
    """
    exact = race.estimate.is_exact
    if exact.all() or not len(race.random):
        return None
    chosen = np.setdiff1d(np.flatnonzero(exact), race.random)
    lead = np.isin(race.random, leaders(race.estimate, race.field.top))
    n_rest = len(exact) - len(chosen)
    found = missed_by_counting(n_rest, len(race.random), int(lead.sum()), race.field.confidence)
    return min(found, race.field.top)
