"""Curve: the cost along one demon's way, measured, beside what each predictor says of it."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neurodemon.engine.bench import spread
from neurodemon.engine.layout import canonical
from neurodemon.engine.predict import TANGENT, Request, ladder_of
from neurodemon.engine.predict import predict as predict_batch
from neurodemon.errors import PerturbationError, SelectionError
from neurodemon.jobs.benching import Limits, cut_blocks, make_benches, threads_for
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.measuring import Note, no_note
from neurodemon.jobs.nudging import real_positions
from neurodemon.jobs.predicting import Progress, available_predictors, no_progress
from neurodemon.jobs.rows import counted_examples, make_manifest
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.curves import Curve
from neurodemon.terms.findings import Array, Scope, read_scope
from neurodemon.terms.radii import Absolute, Radius, Std, require_finite, settle_radius
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock, UnitSet

POINTS = 81
POINTS_OF_MANY = 201  # of the curves of many units
NUMBERS_TRIED = 1 << 18  # effects, of many units at once
NUMBERS_MOVED = 1 << 24  # of the Δz of one shared prediction


def curve(  # noqa: PLR0913  # the public signature of DESIGN §3
    subject: Subject,
    unit: Units,
    radius: Std | Absolute | float | str = Std(4),  # noqa: B008  # frozen
    scope: Scope = "shared",
    *,
    points: int = POINTS,
    at: Sequence[float] = (),
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Curve:
    """Measure the cost along the way of one unit's demon, and ask each predictor about it.

    Args:
        subject: what is studied.
        unit: one unit, or a pattern that selects one; None where the subject has only one.
        radius: how far the demon goes, both ways: `nd.Std(4)` is 4·std(z) of the unit,
            `nd.Absolute(2)` or a number is in units of z.
        scope: `shared`: one Δz for all examples; `each`: dz counts along each example's own
            way down.
        points: how many Δz, evenly from −radius to radius; an even number gets one more, so
            that 0 is among them.
        at: further Δz that must be among the points.
        progress: called as points are done.
        note: called with what the user should know.

    Returns:
        Δz, the measured cost, the tangent and every predictor's cost; `nd.plot` draws it.

    Raises:
        SelectionError: the pattern selects more than one unit.
        PerturbationError: a number of points under 3, or a Δz that is not finite.

    Example:
        >>> import neurodemon as nd, torch
        >>> subject = nd.Subject(torch.nn.Linear(1, 1), [(torch.ones(1, 1), torch.zeros(1, 1))], "squared_error")
        >>> drawn = nd.curve(subject, ":out", nd.Absolute(1))
        >>> len(drawn), float(drawn.dz[0]), float(drawn.dz[40])
        (81, -1.0, 0.0)
    """
    refresh(subject)
    scope = read_scope(scope)
    reach = settle_radius(radius)
    _require_points(points, at)
    chosen = settle_units(subject, unit)
    block = _only(chosen)
    require_sound(subject, note=note)
    here = _counted(subject, chosen)[:, 0]
    limits = Limits(subject, reach)
    size = float(limits.reach(block).radius[0])
    side = points // 2
    dz = np.union1d(np.arange(-side, side + 1) / side * size, np.asarray(at, float))
    benches = make_benches(subject, block)
    way = _directions(subject, benches.delta, scope)
    progress("measure", 0, len(dz))
    with threads_for(subject):
        effects, _ = benches.try_out(dz[:, None, None] * way)
        progress("measure", len(dz), len(dz))
        predicted = _predict(subject, block, dz[:, None] * way[:, 0], progress)
    cost = float(benches.cost[here].mean())
    predicted = {name: total / here.sum() for name, total in predicted.items()}
    key = f"{chosen.fingerprint}|{reach}|{scope}"
    return Curve(
        unit=str(next(iter(chosen))),
        scope=scope,
        radius=size,
        radius_text=str(reach),
        radius_from=limits.sources(block)[0],
        dz=dz,
        measured=cost + effects[:, here, 0].mean(1),
        tangent=cost + predicted[TANGENT],
        predicted={name: cost + effect for name, effect in predicted.items()},
        per_example=benches.cost[here] + effects[:, here, 0],
        cost=cost,
        slope=float((benches.delta * way)[here].mean()),
        better="higher" if subject.better == "higher" else "lower",
        notes=limits.notes,
        manifest=make_manifest(subject, "curve", f"Δz within {reach}, {scope}", key),
    )


def curves(
    subject: Subject, units: UnitSet, radius: Radius, *, points: int = POINTS_OF_MANY
) -> Iterator[tuple[Float[Array, "point unit"], Float[Array, "point unit"]]]:
    """Measure the mean cost of many units along a shared Δz.

    Args:
        subject: what is studied, fresh and sound.
        units: the units.
        radius: how far each demon goes.
        points: how many Δz, evenly from −radius to radius; odd.

    Yields:
        Δz and the mean cost there of one run of units after the other, in order.
    """
    limits = Limits(subject, radius)
    side = points // 2
    steps = np.arange(-side, side + 1) / side
    for block in cut_blocks(subject, units):
        benches = make_benches(subject, block)
        dz = steps[:, None] * limits.reach(block).radius
        at_once = max(1, NUMBERS_TRIED // (subject.n_examples * len(block)))
        pieces = np.split(dz[:, None], range(at_once, points, at_once))
        here = _counted(subject, UnitSet((block,)))
        clean = (benches.cost[:, None] * here).sum(0) / here.sum(0)
        effects = [benches.try_out(piece)[0].sum(1) / here.sum(0) for piece in pieces]
        yield dz, clean + np.concatenate(effects)


def _counted(subject: Subject, units: UnitSet) -> NDArray[np.bool_]:
    """Which examples count for which unit, (example, unit); it refuses units that have none."""
    found = counted_examples(subject, units)
    if found is None:
        return np.ones((subject.n_examples, len(units)), bool)
    if not found.any(0).all():
        unit = str(list(units)[int(np.argmin(found.any(0)))])
        raise SelectionError(
            f"Every example is padded at {unit!r}, so that there is no curve; expected a position "
            "that is real in one of them. Take another."
        )
    return found


def _only(chosen: UnitSet) -> UnitBlock:
    """The block of the only unit, or raise."""
    if len(chosen) != 1:
        spelled = [str(unit) for _, unit in zip(range(3), chosen, strict=False)]
        raise SelectionError(
            f"{len(chosen)} units are selected ({', '.join(spelled)}, …); expected one, as a "
            "curve is of one unit: name it, such as "
            f"{spelled[0]!r}. nd.headroom takes many."
        )
    return chosen.blocks[0]


def _require_points(points: object, at: object) -> None:
    """Refuse a grid that is none."""
    if not isinstance(points, int) or points < 3:
        raise PerturbationError(f"points is {points!r}; expected a whole number of at least 3.")
    if isinstance(at, str) or not isinstance(at, Iterable):
        raise PerturbationError(f"at is {at!r}; expected a list of Δz, such as [-1, -4].")
    for dz in at:
        require_finite("at (a Δz)", dz)


def _directions(
    subject: Subject, delta: Float[Array, "example 1"], scope: Scope
) -> Float[Array, "_ 1"]:
    """Which way dz counts: up for all, or each example's own way down."""
    if scope == "shared":
        return np.ones((1, 1))
    sign = -1.0 if subject.better == "higher" else 1.0
    return np.where(sign * delta > 0, -1.0, 1.0)


def _predict(
    subject: Subject, block: UnitBlock, dz: Float[Array, "point _"], progress: Progress
) -> dict[str, Float[Array, " point"]]:
    """What each predictor says of each point, summed over the examples."""
    names = available_predictors(subject)
    sums = {name: np.zeros(len(dz)) for name in names}
    start, recordings = 0, subject.recordings()
    for place in range(len(recordings)):
        progress("predict", place, len(recordings))
        recording = recordings[place]
        stop = start + recording.n_examples
        site = recording.graph.site_by_name[block.site.name]
        z = canonical(recording.values[site.node], site)
        real = real_positions(subject, block.site, place)
        own = torch.from_numpy(dz if dz.shape[1] == 1 else dz[:, start:stop])
        at_once = max(1, NUMBERS_MOVED // z.numel())
        for first in range(0, len(own), at_once):
            part = own[first : first + at_once]
            requests = [Request(block, spread(one[:, None], z, block, real)) for one in part]
            found = predict_batch(recording, requests, names, ladder_of(recording))
            for name in names:
                totals = [float(result[name].sum()) for result in found]
                sums[name][first : first + at_once] += totals
        start = stop
    progress("predict", len(recordings), len(recordings))
    return sums
