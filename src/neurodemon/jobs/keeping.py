"""Keep results: save them to a folder, load them back."""

from os import PathLike

from neurodemon.errors import StoreError
from neurodemon.store.results import load_result, save_result
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.questions import Question


def save(result: Effects | Audit | Question, folder: str | PathLike[str]) -> None:
    """Save a result as a run folder: manifest, Parquet, summary.

    Args:
        result: what a verb returned.
        folder: a new or empty folder; made if it is not there.

    Raises:
        StoreError: it is no result that has a run folder.
    """
    if not isinstance(result, (Effects, Audit, Question)):
        raise StoreError(
            f"A {type(result).__name__} is not kept in a run folder; expected effects, an audit or "
            "a question. A curve is plain values: json.dumps(curve.to_dict())."
        )
    save_result(result, folder)


def load(folder: str | PathLike[str]) -> Effects | Audit | Question:
    """Load a run folder. Nothing is unpickled; torch is not needed.

    Args:
        folder: what `save` or `--out` wrote.

    Returns:
        The effects; the audit or the question, if the run was one and came to its end.
    """
    return load_result(folder)
