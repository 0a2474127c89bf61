"""Report results: a screen for people, or one JSON object. Works without torch."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from neurodemon.cli.as_json import print_json, spell_curve, spell_result
from neurodemon.cli.exploring_screens import show_curve, show_headroom, show_stages
from neurodemon.cli.kept import QUESTION, count_kept
from neurodemon.cli.question_screen import show_question
from neurodemon.cli.render import Paper
from neurodemon.cli.screens import show_audit, show_effects, show_manifest
from neurodemon.jobs.keeping import load
from neurodemon.store.layout import summary_path
from neurodemon.terms.audits import Audit
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.questions import Question


def report(
    result: Effects | Audit | Question, *, out: Path | None, top: int, as_json: bool
) -> None:
    """Report what a command found, and where it lies.

    Args:
        result: what was found.
        out: the folder it was saved in, if any.
        top: how many units the table shows.
        as_json: whether to print JSON instead.
    """
    if as_json:
        print_json(spell_result(result, out=out, is_complete=True))
        return
    paper = Paper()
    _show(paper, result, top)
    if out is not None:
        folder = shlex.quote(str(out))
        paper.line()
        paper.line(
            f"Saved in {out}. See it again: neurodemon show {folder}; as a page to send: "
            f"neurodemon report {folder}"
        )
    sys.stdout.flush()


def report_curve(curve: Curve, *, also: Sequence[float], as_json: bool) -> None:
    """Report a curve.

    Args:
        curve: what was measured.
        also: Δz that the table shows in any case.
        as_json: whether to print JSON instead.
    """
    if as_json:
        print_json(spell_curve(curve))
        return
    show_curve(Paper(), curve, also)
    sys.stdout.flush()


def report_stored(folder: Path, *, top: int, as_json: bool) -> Effects | Audit | Question:
    """Report a stored run.

    Args:
        folder: the run's folder.
        top: how many units the table shows.
        as_json: whether to print JSON instead.

    Returns:
        What was stored.
    """
    result = load(folder)
    manifest = (
        result.manifest if isinstance(result, (Effects, Question)) else result.effects.manifest
    )
    done = _count_done(result, manifest)
    _, total = count_kept(folder) or (0, done)
    if as_json:
        is_complete = done == total and summary_path(folder).is_file()
        print_json(spell_result(result, out=folder, is_complete=is_complete))
        return result
    paper = Paper()
    if manifest is not None:
        show_manifest(paper, manifest, missing=total - done)
    _show(paper, result, top)
    sys.stdout.flush()
    return result


def _count_done(result: Effects | Audit | Question, manifest: Manifest | None) -> int:
    """Count units, or stages; not the files that are there: one of them can be damaged."""
    if isinstance(result, Question):
        return 0 if manifest is None else sum(last - first for _, first, last in manifest.chunks)
    effects = result.effects if isinstance(result, Audit) else result
    is_of_stages = manifest is not None and manifest.verb == QUESTION
    return len(set(effects["step"])) if is_of_stages else len(effects)


def _show(paper: Paper, result: Effects | Audit | Question, top: int) -> None:
    """Write the screen that belongs to a result."""
    if isinstance(result, Question):
        show_question(paper, result)
    elif isinstance(result, Audit):
        show_audit(paper, result, top)
    elif "step" in result.table.column_names:
        show_stages(paper, result, top)
    elif "verdict" in result.table.column_names:
        show_headroom(paper, result, top)
    else:
        show_effects(paper, result, top)
