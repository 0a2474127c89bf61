"""Explore: how much a demon in each unit could win, where, and how far its slope is right.

Headroom (how much is wrong) and |best_dz| (how far off) are our two measures of a unit's
error: to choose them is a definition. Beside them stands δ, the influence.
"""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.engine.predict import TANGENT, ladder_of
from neurodemon.jobs.benching import (
    Limits,
    cut_blocks,
    explore_block,
    threads_for,
    units_at_once,
)
from neurodemon.jobs.checking import require_sound
from neurodemon.jobs.measuring import Note, collect_parts, no_note, plan_manifest
from neurodemon.jobs.predicting import Progress, no_progress
from neurodemon.jobs.rows import Column, counted_examples, make_rows
from neurodemon.jobs.selecting import Units, settle_units
from neurodemon.judge.trust import free_bound
from neurodemon.judge.verdicts import CANCELLING, judge
from neurodemon.planner.plan import make_plan
from neurodemon.store.writer import open_run
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms import statuses
from neurodemon.terms.effects import Effects
from neurodemon.terms.findings import FLOORS, Array, Findings, Scope, floor_of_mean, read_scope
from neurodemon.terms.radii import Absolute, Radius, Std, settle_radius
from neurodemon.terms.shapes import Float
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitBlock, UnitSet

TINY = np.finfo(np.float64).tiny  # for a share of no example: nothing over it is nothing


def headroom(  # noqa: PLR0913  # the public signature of DESIGN §3
    subject: Subject,
    units: Units = None,
    radius: Std | Absolute | float | str = Std(4),  # noqa: B008  # frozen
    scope: Scope = "shared",
    *,
    out: Path | str | None = None,
    progress: Progress = no_progress,
    note: Note = no_note,
) -> Effects:
    """Give each unit a demon that looks for the Δz with the least cost, and measure it all.

    In scope `shared` one Δz serves all examples (the blind demon: a bias); in scope `each`
    every example gets its own (the seeing demon). The search is a grid over the whole radius,
    refined in its deepest basins, every value a real run. Of a metric that should grow, the
    demon raises it, and headroom is what it gains.

    Args:
        subject: what is studied.
        units: a pattern, units, or None for each hidden neuron and channel.
        radius: how far a demon may go: `nd.Std(4)` is 4·std(z) of the unit, `nd.Absolute(2)`
            or a number the same for all, in units of z.
        scope: `shared` or `each`.
        out: a folder for the run; given again, it goes on where it stopped.
        progress: called as units are done.
        note: called with what the user should know.

    Returns:
        One row per unit. `measured` is the effect at the best Δz (cost after − cost before, the
        mean over the examples), `predicted` what the slope δ·Δz promised of it. Added columns:
        `delta` (δ, the mean over the examples; in scope `each` the mean |δ|), `best_dz` (nearest
        to 0 of those of least cost; in scope `each` the median |Δz|), `headroom` (the most that
        the cost can be lowered; the mean over the examples), `shape` (κ = headroom /
        (|δ|·|best_dz|), in scope `each` of the means; null where that is 0), `trust_radius` (up
        to here, both ways, first order is within 10 % of the measurement; the median in scope
        `each`), `trust_bound` (what the loss alone allows, at no cost; null for other losses
        than cross-entropy and squared error), `radius`, `radius_from` (`unit`, `site` or `one`:
        whose std; or `absolute`), `censored` (best_dz lies at the radius: there may be more
        beyond; in scope `each`, of most examples), `censored_share`, `zero_share` (nothing to
        win), `non_finite_share`, `cancellation` (|mean δ| / mean |δ|), `cancelling` (that is
        under 0.1) and `verdict`.

    Example:
        >>> import neurodemon as nd, torch
        >>> batches = [(torch.ones(1, 2).double(), torch.zeros(1, 1).double())]
        >>> subject = nd.Subject(torch.nn.Linear(2, 1).double(), batches, "squared_error")
        >>> effects = nd.headroom(subject, ":out", nd.Absolute(9))
        >>> [round(kappa, 3) for kappa in effects["shape"]]
        [0.5]

    Source:
        Nielsen ch. 2 (the demon); shape and verdicts are ours, DESIGN §1 and §6.
    """
    refresh(subject)
    scope = read_scope(scope)
    reach = settle_radius(radius)
    chosen = settle_units(subject, units)
    require_sound(subject, note=note)
    limits = Limits(subject, reach)
    wanted = f"best Δz within {reach}, {scope}"
    goal = f"{reach!r}|{scope}|{subject.better}"  # how far, and which way, a demon goes
    sizes = [units_at_once(subject, block) for block in chosen.blocks]
    plan = make_plan(chosen, goal, units_per_chunk=sizes)
    manifest = plan_manifest(subject, "headroom", wanted, plan)

    def stream(done: Container[int]) -> Iterator[tuple[int, Effects]]:
        for number, chunk in enumerate(plan.chunks):
            if number not in done:
                block = plan.block_of(chunk)
                with threads_for(subject):
                    found = explore_block(subject, block, limits, (scope,))[scope]
                yield number, headroom_rows(subject, block, found, limits)

    writer = None if out is None else open_run(Path(out), manifest)
    found = collect_parts(plan, stream, writer=writer, progress=progress, what="explore")
    result = Effects(found.table, found.per_example, (*limits.notes, _shares(found)), manifest)
    if writer is not None:
        writer.finish({"notes": list(result.notes)})
    return result


def find(
    subject: Subject,
    units: UnitSet,
    radius: Radius,
    scopes: Sequence[Scope],
    *,
    progress: Progress = no_progress,
) -> dict[Scope, list[Findings]]:
    """Let the demons of all units look for their best Δz.

    Args:
        subject: what is studied, fresh and sound.
        units: where the demons sit.
        radius: how far they may go.
        scopes: who shares the Δz.
        progress: called as units are done.

    Returns:
        By scope: the findings of one run of units of a block after the other; joined, they are
        in the order of the units.
    """
    limits = Limits(subject, radius)
    found: dict[Scope, list[Findings]] = {scope: [] for scope in scopes}
    done = 0
    progress("explore", 0, len(units))
    for block in cut_blocks(subject, units):
        for scope, findings in explore_block(subject, block, limits, scopes).items():
            found[scope].append(findings)
        done += len(block)
        progress("explore", done, len(units))
    return found


def headroom_rows(subject: Subject, block: UnitBlock, found: Findings, limits: Limits) -> Effects:
    """Spell what the demons of a block found as rows."""
    sign = -1.0 if subject.better == "higher" else 1.0
    promised = sign * found.deltas * found.best_dz
    rows = make_rows(
        subject,
        UnitSet((block,)),
        f"best Δz within {limits.radius}, {found.scope}",
        predicted=Column(promised, TANGENT),
        measured=Column(sign * found.effects),
    )
    counted = counted_examples(subject, UnitSet((block,)))
    columns = {
        **_of_demons(found, sign, counted),
        "trust_bound": _numbers(_median(_bound(subject, found))),
        "radius": found.radius,
        "radius_from": limits.sources(block),
        **_shares_of_units(found),
        "cancellation": _numbers(found.cancellation),
        "cancelling": np.nan_to_num(found.cancellation, nan=1.0) < CANCELLING,
        "verdict": judge(found),
        "status": _statuses(found),
    }
    return rows.with_columns(columns)


def _of_demons(
    found: Findings, sign: float, counted: NDArray[np.bool_] | None
) -> dict[str, object]:
    """What the demons of each unit found: of many, the mean or the median; padding left out."""
    is_each = found.scope == "each"
    share = np.array(1.0) if counted is None else np.maximum(counted.mean(0), TINY)
    delta = np.abs(found.delta).mean(0) if is_each else sign * found.delta[0]
    is_counted = counted if is_each else None
    return {
        "delta": delta / share,
        "best_dz": _median(np.abs(found.best_dz), is_counted) if is_each else found.best_dz[0],
        "headroom": found.headroom.mean(0) / share,
        "shape": _numbers(found.mean_shape),
        "trust_radius": _median(found.trust_radius, is_counted),
    }


def _bound(subject: Subject, found: Findings) -> Array:
    """The free bound on the trust radius, where the loss is one that has it."""
    recordings = subject.recordings()
    links = [ladder_of(recordings[place]).link for place in range(len(recordings))]
    kinds = {None if link is None else link.kind for link in links}
    cost = np.concatenate([one.cost.double().cpu().numpy() for one in recordings])
    return free_bound(found, kinds.pop() if len(kinds) == 1 else None, cost)


def _shares_of_units(found: Findings) -> dict[str, object]:
    """Which share of each unit's demons ended at the radius, won nothing, met no number."""
    censored = found.is_censored.mean(0)
    return {
        "censored": censored > 0.5,
        "censored_share": censored,
        "zero_share": (found.headroom <= FLOORS * found.noise[:, None]).mean(0),
        "non_finite_share": 1 - found.is_finite.mean(0),
    }


def _statuses(found: Findings) -> list[str]:
    """Say of each unit what its numbers are worth."""
    floor = FLOORS * floor_of_mean(found.noise)
    conditions = [
        (statuses.NON_FINITE, ~found.is_finite.all(0)),
        (statuses.NO_CHANGE, ~found.moves.any(0)),
        (statuses.NO_SLOPE, ~found.delta.any(0)),
        (statuses.BELOW_NOISE, found.headroom.mean(0) <= floor),
    ]
    masks = [mask for _, mask in conditions]
    names = np.select(masks, [name for name, _ in conditions], statuses.OK)
    return [str(name) for name in names]


def _shares(effects: Effects) -> str:
    """Say in one sentence how many demons are no plain case."""
    shares = [
        100 * float(np.mean(effects.array(f"{name}_share")))
        for name in ("censored", "zero", "non_finite")
    ]
    return (
        f"Of the demons of {count(len(effects), 'unit')}, {shares[0]:.1f} % end at the radius "
        f"(there may be more beyond), {shares[1]:.1f} % have nothing to win above the noise, "
        f"and {shares[2]:.1f} % met a cost that is not finite."
    )


def _median(
    values: Float[Array, "row unit"], counted: NDArray[np.bool_] | None = None
) -> Float[Array, " unit"]:
    """The median over the rows that have a number and count; NaN where there is none."""
    has_number = np.isfinite(values) if counted is None else np.isfinite(values) & counted
    columns = [column[has] for column, has in zip(values.T, has_number.T, strict=True)]
    return np.array([np.median(column) if len(column) else np.nan for column in columns])


def _numbers(values: Array) -> list[float | None]:
    """Spell numbers, nothing where there is no finite one."""
    return [float(value) if np.isfinite(value) else None for value in values]
