"""Which way a subject is captured: by an export, or by hooks where that fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch

from neurodemon.engine.recording import record
from neurodemon.errors import SubjectError
from neurodemon.subjects.admitting import Batch
from neurodemon.tracing.capture import Capture, bind
from neurodemon.tracing.coverage import EagerRun, Parity, as_run, prove, require_same_runs
from neurodemon.tracing.heads import with_heads
from neurodemon.tracing.hooked import Studied, capture_hooked, common_sites
from neurodemon.tracing.model_state import studied

How = Literal["auto", "exported", "hooked"]
MOST_WORDS = 160  # letters of a reason


@dataclass(frozen=True, eq=False)
class Hooking:
    """How the batches of a subject are captured by hooks.

    Attributes:
        studied: the model and its cost.
        eager: runs the model itself on a batch, from a seed; what is as in an earlier run is held
            once for both.
        heads: pattern of sites → number of heads, as the user gave it.
        because: why an export failed; empty if none was tried.
        may_stack: whether rows may be stacked.
    """

    studied: Studied
    eager: Callable[[Batch, int, EagerRun | None], EagerRun]
    heads: Mapping[str, int]
    because: str
    may_stack: bool


def read_how(text: object) -> How:
    """Read the way of capture that a user asks for.

    Args:
        text: what was given.

    Returns:
        The way.

    Raises:
        SubjectError: there is no such way.

    Example:
        >>> read_how("hooked")
        'hooked'
    """
    for how in get_args(How):
        if text == how:
            return how  # type: ignore[no-any-return]  # one of the words
    raise SubjectError(f"capture is {text!r}; expected 'auto', 'exported' or 'hooked'.")


def hook_batches(how: Hooking, batches: Sequence[Batch]) -> list[tuple[Capture, Parity]]:
    """Capture every batch by hooks, and prove each capture on its batch.

    Args:
        how: the subject's way.
        batches: all of them, since another one may take another way through the model.

    Returns:
        A capture and its proof for each batch; all have the same sites.
    """
    model = how.studied.model
    made = []
    for batch in batches:
        run = how.eager(batch, 0, None)
        with studied(model, evaluate=how.studied.evaluate):
            require_same_runs(model, run, how.eager(batch, 1, run))
            one = capture_hooked(how.studied, batch, may_stack=how.may_stack)
            sites = with_heads(one.graph.sites, model, how.heads)
        made.append(replace(one, graph=replace(one.graph, sites=sites)))
    found = []
    for one, batch in zip(common_sites(made), batches, strict=True):
        captured = replace(one, notes=(*_note(how, one), *one.notes))
        with studied(model, evaluate=how.studied.evaluate), torch.no_grad():
            values = record(captured.graph, bind(captured.graph, model, batch)).values
            run = how.eager(batch, 0, as_run(captured.graph, values))
            found.append((captured, prove(captured, values, run)))
    return found


def reason_of(error: BaseException) -> str:
    """Say in a few words why an export failed."""
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = lines[0] if lines else type(cause).__name__
    if "data-dependent" in text:
        text = "it branches on numbers of the batch"
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}…"


def _note(how: Hooking, captured: Capture) -> tuple[str, ...]:
    """Say once that hooks were taken, and why."""
    if not how.because:
        return ()
    rows = "" if captured.has_dynamic_batch else ", one forward per unit"
    name = type(how.studied.model).__name__
    return (f"torch.export could not capture {name} ({how.because}); measured with hooks{rows}.",)
