"""The screens: what a stranger reads after a command, from top to bottom.

Made from results alone, so that a stored run shows what the command that made it showed.
This file must never see torch.
"""

from collections import Counter
from collections.abc import Mapping

from neurodemon.cli.render import Paper
from neurodemon.terms.audits import AUDIT_COLUMNS, EXACT, Agreement, Audit, FalseNegative
from neurodemon.terms.effects import SCHEMA, Effects
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.spelling import percent, rounded, speller
from neurodemon.terms.statuses import ADVICE, OK
from neurodemon.terms.text import count

MISSED_SHOWN = 3  # false negatives that the screen names


def show_audit(paper: Paper, audit: Audit, top: int) -> None:
    """Write an audit: question, units, agreement, verdicts, proof, work, answers.

    Args:
        paper: where to.
        audit: what was found.
        top: how many units.
    """
    paper.line(audit.question)
    paper.line()
    _show_units(paper, audit.effects, top)
    paper.line()
    _show_agreement(paper, audit.agreement)
    paper.line()
    for sentence in audit.verdicts.values():
        paper.line(sentence)
    paper.line()
    _show_missed(paper, audit.false_negatives)
    paper.line(audit.certificate.statement)
    paper.line(audit.work.statement)
    paper.line()
    for sentence in audit.answers:
        paper.line(sentence)


def show_effects(paper: Paper, effects: Effects, top: int) -> None:
    """Write effects that were predicted or measured.

    Args:
        paper: where to.
        effects: one row per unit.
        top: how many of them.
    """
    paper.line(_effects_in_words(effects))
    paper.line()
    _show_units(paper, effects, top)


def show_manifest(paper: Paper, manifest: Manifest, *, missing: int) -> None:
    """Write in one line what made a stored run, and in another what it lacks.

    Args:
        paper: where to.
        manifest: of the run.
        missing: how many units were not done when the run was stopped.
    """
    seed = "" if manifest.seed is None else f", seed {manifest.seed}"
    versions = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    paper.line(
        f"Run: {manifest.verb} of {manifest.subject}, {manifest.perturbation}; {manifest.dtype} "
        f"on {manifest.device}{seed}; begun {manifest.created}; {versions or 'versions unknown'}."
    )
    if manifest.allowed is not None:
        paper.line(f"Asked with {_spell_allowed(manifest.allowed)}.")
    if missing:
        thing = "stage" if manifest.verb == "question" else "unit"
        paper.line(
            f"Not complete: {count(missing, thing)} of this run {_are(missing)} not done yet."
        )
    paper.line()


def _spell_allowed(allowed: Mapping[str, object]) -> str:
    """Spell what an audit was allowed, as its options."""
    return " ".join(f"--{name} {value}" for name, value in allowed.items())


def _show_units(paper: Paper, effects: Effects, top: int) -> None:
    """Write the units of largest effect, and what is to be known of all."""
    shown = effects.top(top)
    numbers, texts = _columns_of_numbers(effects), _columns_of_text(effects)
    spell = speller(value for name in ("measured", "predicted") for value in shown[name])
    spelled = {name: [spell(value) for value in shown[name]] for name in numbers}
    if "se" in spelled:
        spelled["se"] = [text.removeprefix("+") for text in spelled["se"]]
    rows = zip(
        shown.spelled,
        *spelled.values(),
        *([text or "" for text in shown[name]] for name in texts),
        strict=True,
    )
    paper.table(["unit", *numbers, *texts], rows, numbers=numbers)
    rest = len(effects) - len(shown)
    if rest:
        paper.line(f"… {rest} more; --top {len(effects)} shows all.")
    if _is_sampled(effects):
        paper.line(
            f"predicted: by {next(iter(effects['predictor']), None) or 'the predictor'}. "
            "measured: with evidence exact, on all examples; sampled, an estimate from some; "
            "predicted, from none. low, high: an interval for the mean over all examples."
        )
    predictor = next(iter(effects["predictor"]), None) or "predicted"
    gap = f"; gap = measured − {predictor}" if "gap" in numbers else ""
    paper.line(f"Effects are cost after − cost before, the mean over the examples{gap}.")
    show_remarks(paper, effects)


def show_remarks(paper: Paper, effects: Effects) -> None:
    """Say what is odd about some units.

    Args:
        paper: where to.
        effects: one row per unit.
    """
    for status, units in sorted(Counter(effects["status"]).items(), key=str):
        if status not in {OK, None}:
            advice = ADVICE.get(status, "")
            paper.line(f"{count(units, 'unit')} {_are(units)} {status}: {advice}")
    for note in effects.notes:
        paper.line(f"note: {note}")


def _columns_of_numbers(effects: Effects) -> list[str]:
    """Choose the columns to show: of an audit each predictor, else the one, or what was measured."""
    own = {*SCHEMA.names, *AUDIT_COLUMNS, "name"}
    added = [name for name in effects.table.column_names if name not in own]
    wanted = [*added, "measured", "gap"] if added else ["predicted", "measured", "gap", "se"]
    if _is_sampled(effects):
        wanted = ["predicted", "measured", "low", "high"]
    return [name for name in wanted if any(value is not None for value in effects[name])]


def _columns_of_text(effects: Effects) -> list[str]:
    """Choose what stands behind the numbers: the status, and with a budget the evidence."""
    return ["evidence", "status"] if _is_sampled(effects) else ["status"]


def _is_sampled(effects: Effects) -> bool:
    """Whether some units were not measured on all examples."""
    has_evidence = "evidence" in effects.table.column_names
    return has_evidence and any(value != EXACT for value in effects["evidence"])


def _show_missed(paper: Paper, missed: tuple[FalseNegative, ...]) -> None:
    """Name the leaders that were predicted far from the top."""
    if not missed:
        return
    named = "; ".join(
        f"{one.unit} ({one.measured:+.2g}, predicted {one.predicted:+.2g}: {one.cause})"
        for one in missed[:MISSED_SHOWN]
    )
    more = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
    paper.line(f"Large, and predicted small: {named}{more}.")
    paper.line()


def _show_agreement(paper: Paper, agreement: tuple[Agreement, ...]) -> None:
    """Write how far each predictor agrees with the measurement."""
    words = ["site", "predictor"]
    numbers = ["units", "Pearson", "Spearman", "sign", "slope", "error", "ties"]
    rows = [
        [
            "all" if row.site is None else row.site,
            row.predictor,
            str(row.n_units),
            rounded(row.pearson),
            rounded(row.spearman),
            percent(row.sign),
            rounded(row.slope),
            percent(row.median_relative_error),
            percent(row.tied),
        ]
        for row in agreement
    ]
    paper.table([*words, *numbers], rows, numbers=numbers)
    paper.line(
        "tangent: δ·Δz, the book's promise; first_order: the same behind the unit's own "
        "nonlinearity (equal where none follows); link: first order put into the known loss; "
        "linear_logits: the exact cost of linearised outputs."
    )
    paper.line(
        "sign: right signs; slope: of measured on predicted; error: median of |predicted − "
        "measured| / |measured|; ties: units without an effect above the noise."
    )


def _effects_in_words(effects: Effects) -> str:
    """Say in one line what the numbers answer."""
    perturbation, n_examples, predictor = (
        next(iter(effects[name]), None) for name in ("perturbation", "n_examples", "predictor")
    )
    has_measured = any(value is not None for value in effects["measured"])
    how = [f"predicted by {predictor}"] * bool(predictor) + ["measured"] * has_measured
    details = [f"{perturbation or 'unknown'}: {count(len(effects), 'unit')}"]
    if n_examples is not None:
        details.append(count(n_examples, "example"))
    if how:
        details.append(" and ".join(how))
    whose = "" if effects.manifest is None else f" of {effects.manifest.subject}"
    verb = "does a demon do" if has_measured else "would a demon do"
    return f"What {verb} to the cost{whose} ({', '.join(details)})?"


def _are(number: int) -> str:
    """Say `is` of one, `are` of several."""
    return "is" if number == 1 else "are"
