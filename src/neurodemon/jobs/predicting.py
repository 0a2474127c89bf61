"""Predict: the effects of all units from shared passes, and δ itself."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodemon.engine.memory import give_back, memory_told
from neurodemon.engine.predict import Ladder, Request, choose, influence, ladder_of
from neurodemon.engine.predict import predict as predict_batch
from neurodemon.engine.recording import Recording
from neurodemon.errors import SelectionError, SiteNotFoundError
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.parts import record_examples
from neurodemon.jobs.rows import Column, make_manifest, make_rows
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Perturbation, Zero
from neurodemon.terms.selecting import select
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitSet

Progress = Callable[[str, int, int], None]  # (what, done, of how many)


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def predict(
    subject: Subject,
    units: Units = None,
    perturbation: Perturbation = Zero(),  # noqa: B008  # frozen
    *,
    predictor: str = "auto",
    progress: Progress = no_progress,
) -> Effects:
    """Predict what a demon in each unit would do to the cost.

    One forward and one backward pass per batch serve all units of all sites;
    `linear_logits` takes one backward pass per output (theory.md §1.4).

    Args:
        subject: what is studied.
        units: a pattern, units, or None for each hidden neuron and channel.
        perturbation: what each demon does.
        predictor: `tangent` (δ·Δz, Nielsen's promise), `first_order` (δ_a·Δa behind the
            unit's own nonlinearity), `link`, `linear_logits`, or `auto` for the best that
            applies.
        progress: called as batches are done.

    Returns:
        One row per unit, `predicted` filled in, in units of the cost.

    Example:
        >>> import neurodemon as nd, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        >>> subject = nd.Subject(model, [(torch.ones(4, 2), torch.zeros(4, 1))], "squared_error")
        >>> len(nd.predict(subject))
        3
    """
    refresh(subject)
    chosen = settle_units(subject, units)
    nudges = Nudges(subject, perturbation)
    name = choose(predictor, available_predictors(subject))
    effects = predict_all(subject, chosen, nudges, (name,), progress=progress)[name]
    rows = make_rows(subject, chosen, str(perturbation), predicted=Column(effects, name))
    key = f"{chosen.fingerprint}|{nudges.fingerprint}|{name}"
    manifest = make_manifest(subject, "predict", str(perturbation), key)
    return Effects(rows.table, rows.per_example, tuple(nudges.notes), manifest)


def available_predictors(subject: Subject) -> tuple[str, ...]:
    """The predictors that apply to a subject, from the lowest rung to the highest."""
    return ladder_of(subject.recording(0)).predictors


def predict_all(
    subject: Subject,
    units: UnitSet,
    nudges: Nudges,
    predictors: Sequence[str],
    *,
    progress: Progress = no_progress,
) -> dict[str, NDArray[np.float64]]:
    """Predict by several predictors at once.

    Args:
        subject: what is studied.
        units: the units.
        nudges: Δz of each site and batch.
        predictors: names of predictors that apply.
        progress: called as batches are done.

    Returns:
        Per predictor: float64 of shape (example, unit).
    """
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in predictors}
    count = len(subject.batches)
    for place in range(count):
        progress("predict", place, count)
        for recording, rows in _pieces(subject, place, units):
            requests = [
                Request(block, _taken(nudges(block, place), rows)) for block in units.blocks
            ]
            ladder: Ladder = ladder_of(recording)
            with memory_told(f"predicting on {recording.n_examples} examples"):
                found = predict_batch(recording, requests, predictors, ladder)
            for name, collected in parts.items():
                columns = torch.cat([result[name] for result in found], dim=1)
                collected.append(columns.cpu().numpy())
    progress("predict", count, count)
    return {name: np.concatenate(collected) for name, collected in parts.items()}


def _taken(dz: Tensor, rows: slice) -> Tensor:
    """Δz of some examples, which does not hold that of the others."""
    return dz if rows == slice(None) else dz[rows].clone()


def _pieces(subject: Subject, place: int, units: UnitSet) -> Iterator[tuple[Recording, slice]]:
    """A batch's recording, or recordings of some examples after the others where memory is short."""
    whole = subject.recording(place)
    most = subject.room.examples_predicted(whole, [block.site for block in units.blocks])
    if most >= whole.n_examples or not subject.capture(place).has_dynamic_batch:
        yield whole, slice(None)
        return
    for start in range(0, whole.n_examples, most):
        stop = min(start + most, whole.n_examples)
        give_back()
        yield record_examples(subject, place, torch.arange(start, stop)), slice(start, stop)


def delta(subject: Subject, site: str) -> Float[Tensor, "example *site"]:  # noqa: F821  # a shape
    """Compute δ = ∂C/∂z at a site, per example: the influence (Nielsen ch. 2, eq. 29).

    Args:
        subject: what is studied.
        site: the site's name.

    Returns:
        δ in the layout of the site's value, examples of all batches one after the other
        along the site's example axis.

    Raises:
        SelectionError: the site is no text.
        SiteNotFoundError: the name matches more than one site.

    Example:
        >>> import neurodemon as nd, torch
        >>> subject = nd.Subject(torch.nn.Linear(2, 1), [(torch.ones(1, 2), torch.zeros(1, 1))], "quadratic")
        >>> nd.delta(subject, ":out").shape
        torch.Size([1, 1])
    """
    if not isinstance(site, str):
        raise SelectionError(
            f"site is {type(site).__name__}; expected the name of a site, whose δ is given whole: "
            "that of a direction v is its product with v."
        )
    refresh(subject)
    found = select(site, subject.sites()).sites
    if len(found) != 1:
        names = [one.name for one in found]
        raise SiteNotFoundError(f"{site!r} matches {names}; expected one site. Name one of them.")
    parts = []
    recordings = subject.recordings()
    for place in range(len(recordings)):
        node = recordings[place].graph.site_by_name[found[0].name].node
        parts.append(influence(recordings[place], [node])[node])
    return torch.cat(parts, dim=found[0].axes.index("example"))
