"""One JSON object on standard output, strict: what is no number there is null."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from neurodemon.terms.audits import Audit
from neurodemon.terms.curves import Curve
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question


def print_json(values: dict[str, Any]) -> None:
    """Print plain values as one JSON object on one line, in ASCII.

    Args:
        values: numbers that are NaN or infinite become null.
    """
    print(json.dumps(_strict(values), allow_nan=False))
    sys.stdout.flush()


def spell_result(
    result: Effects | Audit | Question, *, out: Path | None, is_complete: bool
) -> dict[str, Any]:
    """Spell a result as plain values.

    Args:
        result: what a verb returned, or a stored run.
        out: the folder of the run, if there is one.
        is_complete: whether the run came to its end.

    Returns:
        `effects`, a list of objects with the columns' names; of an audit or a question what it
        concludes, too.
    """
    effects = result if isinstance(result, Effects) else result.effects
    source = result if isinstance(result, Question) else effects
    concluded = result.summary() if isinstance(result, Audit) else {}
    return {
        "effects": [] if effects is None else effects.table.to_pylist(),
        **(result.to_dict() if isinstance(result, Question) else concluded),
        "notes": [] if source is None else list(source.notes),
        "manifest": None
        if source is None or source.manifest is None
        else source.manifest.to_dict(),
        "out": None if out is None else str(out),
        "complete": is_complete,
    }


def spell_curve(curve: Curve) -> dict[str, Any]:
    """Spell a curve as plain values.

    Args:
        curve: what `nd.curve` returned.

    Returns:
        `curve`, its lists and what belongs to the unit; `effects`, a list of objects, one for
        each Δz: the measured effect, the promised ones, and their ratio.
    """
    return {
        "curve": curve.to_dict(),
        "effects": curve.rows(),
        "notes": list(curve.notes),
        "manifest": None if curve.manifest is None else curve.manifest.to_dict(),
    }


def _strict(value: Any) -> Any:
    """Replace what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value
