"""Look at one stage of training: what the demons of all units find, as layers and rows."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from neurodemon.engine.layout import unit_slopes
from neurodemon.engine.predict import influence
from neurodemon.engine.recording import record
from neurodemon.jobs.benching import Limits, cut_blocks, explore_block
from neurodemon.jobs.curving import curves
from neurodemon.jobs.exploring import headroom_rows
from neurodemon.jobs.factors import Factors, find_factors
from neurodemon.jobs.predicting import Progress
from neurodemon.jobs.selecting import settle_units
from neurodemon.jobs.staging import Note, to_precision_of
from neurodemon.judge.flatness import flatness
from neurodemon.judge.layers import Aside, join_findings, make_layer
from neurodemon.judge.norms import mean_of_norms, norm_of_mean
from neurodemon.judge.parting import find_partings
from neurodemon.judge.verdicts import judge, judge_demons
from neurodemon.subjects.examples import LARGEST_BATCH
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import Images
from neurodemon.terms.effects import Effects, concatenate
from neurodemon.terms.findings import Array, Findings, Scope
from neurodemon.terms.questions import Layer, Parting, layer_from_dict
from neurodemon.terms.radii import Radius
from neurodemon.terms.units import UnitBlock, UnitSet
from neurodemon.tracing.capture import bind

MOST_PARTINGS = 5  # units named for each step, site and scope
BESIDE = b"neurodemon.stage"  # in a part's metadata: what its rows do not say


@dataclass(frozen=True, eq=False)
class Look:
    """How each stage is looked at.

    Attributes:
        units: where the demons sit.
        radius: how far they may go.
        scopes: who shares the Δz.
        trained_on: the training examples, where they are known.
    """

    units: UnitSet
    radius: Radius
    scopes: tuple[Scope, ...]
    trained_on: Images | None


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen at one stage.

    Attributes:
        layers: of each site and scope.
        partings: units where influence and error part.
        effects: one row for each unit and scope.
    """

    layers: tuple[Layer, ...]
    partings: tuple[Parting, ...]
    effects: Effects


def look_at(look: Look, step: int, subject: Subject, *, progress: Progress, note: Note) -> Seen:
    """Let all demons of one stage look for their best Δz, and judge what they find.

    Args:
        look: how.
        step: of training.
        subject: the stage's own.
        progress: called as units are done.
        note: called with what the reader should know.

    Returns:
        What was seen.
    """
    subject.refresh()
    own = settle_units(subject, look.units)
    found = _explore(look, subject, own, lambda *count: progress(f"step {step}", *count))
    asides = _asides(look, subject, own, note)
    layers: list[Layer] = []
    partings: list[Parting] = []
    for place, block in enumerate(own.blocks):
        for scope in look.scopes:
            findings = join_findings([one.findings for one in found if one.is_of(place, scope)])
            layer = _layer(subject, findings, asides[place], step, block.site.name)
            if layer is None:
                note(f"{block.site.name} at step {step}, {scope}: no finite number, so left out.")
                continue
            layers.append(layer)
            partings += _partings(findings, step, block)
    rows = [one.rows for scope in look.scopes for one in found if one.scope == scope]
    effects = concatenate(rows).with_columns({"step": [step] * sum(map(len, rows))})
    return Seen(tuple(layers), tuple(partings), replace(effects, notes=()))


@dataclass(frozen=True, eq=False)
class _Found:
    """What the demons of a run of units found, in one scope."""

    block: int
    scope: Scope
    findings: Findings
    rows: Effects

    def is_of(self, block: int, scope: Scope) -> bool:
        """Whether it belongs to a block and a scope."""
        return (self.block, self.scope) == (block, scope)


def _explore(
    look: Look, subject: Subject, own: UnitSet, progress: Callable[[int, int], None]
) -> list[_Found]:
    """Let the demons look, a run of units at a time."""
    limits = Limits(subject, look.radius)
    found: list[_Found] = []
    done = 0
    progress(0, len(own))
    for place, whole in enumerate(own.blocks):
        for block in cut_blocks(subject, UnitSet((whole,))):
            for scope, findings in explore_block(subject, block, limits, look.scopes).items():
                rows = headroom_rows(subject, block, findings, limits)
                rows = rows.with_columns({"scope": [scope] * len(rows)})
                found.append(_Found(place, scope, findings, rows))
            done += len(block)
            progress(done, len(own))
    return found


def _layer(
    subject: Subject, findings: Findings, aside: Aside, step: int, site: str
) -> Layer | None:
    """Put one site's findings into numbers; a metric that should grow keeps its own sign."""
    verdicts = judge(findings) if findings.scope == "shared" else judge_demons(findings).ravel()
    layer = make_layer(findings, map(str, verdicts), aside, step=step, site=site)
    if layer is None or subject.better == "lower":
        return layer
    return replace(layer, cost=-layer.cost)


def _partings(findings: Findings, step: int, block: UnitBlock) -> list[Parting]:
    """Name the units where influence and error part."""
    spelled = [str(unit) for unit in block]
    return [
        Parting(
            step=step,
            unit=spelled[one.place],
            scope=findings.scope,
            influence=one.influence,
            headroom=one.headroom,
            share=one.share,
            cause=one.cause,
        )
        for one in find_partings(findings, most=MOST_PARTINGS)
    ]


def _asides(look: Look, subject: Subject, own: UnitSet, note: Note) -> list[Aside]:
    """What is known of each block beside its demons."""
    factors: Factors = find_factors(subject, own)
    for text in factors.notes:
        note(text)
    trained = _trained_deltas(look, subject, own)
    return [
        Aside(
            output_slope=factors.output_slope,
            unit_slope=factors.unit_slopes[place],
            flatness=_flatness(look, subject, block),
            norm_of_mean_trained=norm_of_mean(trained[place]) if trained else None,
            mean_of_norms_trained=mean_of_norms(trained[place]) if trained else None,
        )
        for place, block in enumerate(own.blocks)
    ]


def _flatness(look: Look, subject: Subject, block: UnitBlock) -> dict[str, float | None]:
    """Slope against distance on the curves of a block's units."""
    sign = -1.0 if subject.better == "higher" else 1.0
    drawn = list(curves(subject, UnitSet((block,)), look.radius))
    std = Limits(subject, look.radius).reach(block).std
    dz, cost = (np.concatenate(part, axis=1) for part in zip(*drawn, strict=True))
    return dict(flatness(dz, sign * cost, std))


def _trained_deltas(look: Look, subject: Subject, own: UnitSet) -> list[Array]:
    """δ on the examples of the training, block by block; nothing where they are not known."""
    captured = subject.capture(0)
    if look.trained_on is None or not captured.has_dynamic_batch:
        return []
    sites = [captured.graph.site_by_name[block.site.name] for block in own.blocks]
    parts: list[list[Array]] = [[] for _ in sites]
    pieces = zip(*(torch.split(part, LARGEST_BATCH) for part in look.trained_on), strict=True)
    for piece in pieces:
        with subject.held() as model:
            values = bind(captured.graph, model, to_precision_of(subject, piece))
            recording = record(captured.graph, values)
        slopes = influence(recording, [site.node for site in sites])
        for kept, site, block in zip(parts, sites, own.blocks, strict=True):
            own_slopes = unit_slopes(slopes[site.node], site, block)
            kept.append(own_slopes.cpu().numpy())
    return [np.concatenate(kept) for kept in parts]


def to_part(seen: Seen) -> Effects:
    """Spell what was seen as one part of a run: its rows, and the rest beside them."""
    spelled = {
        "layers": [asdict(row) for row in seen.layers],
        "partings": [asdict(row) for row in seen.partings],
    }
    table = seen.effects.table.replace_schema_metadata({BESIDE: json.dumps(spelled).encode()})
    return replace(seen.effects, table=table)


def from_part(part: Effects) -> Seen:
    """Read back what `to_part` spelled."""
    spelled = json.loads((part.table.schema.metadata or {})[BESIDE])
    return Seen(
        layers=tuple(layer_from_dict(row) for row in spelled["layers"]),
        partings=tuple(Parting(**row) for row in spelled["partings"]),
        effects=replace(part, table=part.table.replace_schema_metadata(None)),
    )
