"""Select: the sites of a subject, and its units by pattern or by default."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from neurodemon.engine.recording import Recording
from neurodemon.engine.region import Region, elementwise_below
from neurodemon.errors import SelectionError, SiteNotFoundError
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.groups import Direction, Group
from neurodemon.terms.selecting import gather, select
from neurodemon.terms.sites import Site
from neurodemon.terms.text import format_table
from neurodemon.terms.units import NO_INDEX, Unit, UnitBlock, UnitSet

Made = UnitSet | Unit | Group | Direction | str  # what units can be made of
Units = Made | Sequence[Made] | None

COLUMNS = ("name", "kind", "shape", "axes", "units", "heads", "aliases")
IDENTITIES = {"clone", "dropout", "alias", "contiguous", "detach"}
# What may stand between a Linear and the next without making its units anything else.
PASSING = IDENTITIES | {
    "view", "reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "getitem",
    "batch_norm", "_native_batch_norm_legit_no_training", "layer_norm", "native_layer_norm",
    "rms_norm", "group_norm", "native_group_norm", "max_pool2d", "avg_pool2d", "mean",
    "adaptive_avg_pool2d", "max_pool1d", "avg_pool1d",
}  # fmt: skip
READING = {"linear", "addmm", "mm", "matmul", "conv1d", "conv2d", "conv3d", "convolution"}
NONLINEAR_FREE = IDENTITIES | {
    "add", "sub", "rsub", "mul", "div", "neg", "getitem", "_to_copy", "batch_norm",
    "_native_batch_norm_legit_no_training",
}  # fmt: skip


@dataclass(frozen=True)
class SiteTable:
    """The sites of a subject; prints as a table.

    Attributes:
        sites: in the order the forward pass takes.
        refused: tensors that are no sites, with the reason.
        notes: what the capture wants the user to know.
    """

    sites: tuple[Site, ...]
    refused: dict[str, str]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Count the sites."""
        return len(self.sites)

    def __iter__(self) -> Iterator[Site]:
        """Go through the sites."""
        return iter(self.sites)

    def __getitem__(self, name: str) -> Site:
        """Look a site up by its name or one of its aliases."""
        for site in self.sites:
            if name in site.names:
                return site
        raise KeyError(f"No site is named {name!r}; expected one of {[s.name for s in self]}.")

    def rows(self) -> list[dict[str, object]]:
        """Spell the sites as plain values, by the names in `COLUMNS`."""
        return [
            {
                "name": site.name,
                "kind": site.kind,
                "shape": "×".join(
                    "N" if role == "example" else str(size)
                    for role, size in zip(site.axes, site.shape, strict=True)
                ),
                "axes": ", ".join(site.axes),
                "units": site.n_units,
                "heads": site.heads,
                "aliases": ", ".join(site.aliases),
            }
            for site in self.sites
        ]

    def __str__(self) -> str:
        """Print as a table, with what is no site below it."""
        rows = self.rows()
        names = [name for name in COLUMNS if name != "heads" or any(row[name] for row in rows)]
        table = format_table(names, [[row[name] for name in names] for row in rows])
        below = [f"no site: {name} ({reason})" for name, reason in self.refused.items()]
        return "\n".join([table, *below, *self.notes])

    def __repr__(self) -> str:
        """Print as the table."""
        return str(self)


def sites(subject: Subject) -> SiteTable:
    """List the places of a model where a demon can sit.

    Args:
        subject: what is studied.

    Returns:
        The sites with their kinds, shapes and axis roles; prints as a table.
    """
    refresh(subject)
    captured = subject.capture(0)
    return SiteTable(captured.graph.sites, dict(captured.refused), captured.notes)


def units(subject: Subject, selection: Units = None) -> UnitSet:
    """Select units by pattern, or each hidden neuron and channel once.

    Args:
        subject: what is studied.
        selection: patterns separated by commas (`"layers.*.fc1"`, `"fc1[0:12]"`,
            `"conv1[3]@5"`, `"fc1/position"`); units are passed through. None takes each
            hidden neuron or channel once, at its activation, outputs left out (a model
            without hidden units gives its outputs).

    Returns:
        The units.

    Raises:
        SelectionError: the selection is of no known type, or empty.
    """
    refresh(subject)
    return settle_units(subject, selection)


def settle_units(subject: Subject, selection: Units) -> UnitSet:
    """Settle a selection on a subject that is fresh."""
    if selection is None:
        chosen = UnitSet(tuple(whole(site) for site in hidden_sites(subject.recording(0))))
    elif isinstance(selection, (list, tuple)):
        chosen = sum((_settle_one(subject, one) for one in selection), UnitSet(()))
    else:
        chosen = _settle_one(subject, selection)
    if not len(chosen):
        raise SelectionError("The selection holds no unit; expected at least one.")
    _require_own(subject, chosen)
    return chosen


def _settle_one(subject: Subject, selection: object) -> UnitSet:
    """Settle one part of a selection."""
    if isinstance(selection, UnitSet):
        return selection
    if isinstance(selection, Unit):
        return UnitSet.of(selection)
    if isinstance(selection, str):
        try:
            return select(selection, subject.sites())
        except SiteNotFoundError as error:
            reason = subject.capture(0).refused.get(selection.strip())
            if reason is None:
                raise
            raise SiteNotFoundError(f"{selection!r} is no site: {reason}. {error}") from error
    if isinstance(selection, (Group, Direction)):
        return UnitSet((gather(selection, subject.sites()),))
    raise SelectionError(
        f"units is {type(selection).__name__}; expected a pattern, a Unit, a UnitSet, a Group, a "
        "Direction or a list of these. A perturbation comes after the units: "
        "perturbation=nd.Zero()."
    )


def hidden_sites(recording: Recording) -> list[Site]:
    """Find where each hidden neuron or channel is, once: at its activation.

    Args:
        recording: a clean pass, whose shapes bound the elementwise regions.

    Returns:
        The sites, outputs left out; where there are none, the last Linear or Conv, else the
        output.
    """
    graph = recording.graph
    by_node = {site.node: site for site in graph.sites}
    found: dict[str, Site] = {}
    for site in graph.sites:
        place = _activation(recording, site)
        if place in by_node and not _is_output(graph, place):
            found[place] = by_node[place]
    if found:
        return [site for node, site in by_node.items() if node in found]
    last = [site for site in graph.sites if site.kind in {"linear", "conv"}]
    return last[-1:] or [site for site in graph.sites if site.is_output][-1:]


def weighted_inputs(recording: Recording) -> list[Site]:
    """Find where each hidden neuron or channel is, once: at z, what enters its activation.

    Args:
        recording: a clean pass.

    Returns:
        Of each hidden site (`hidden_sites`) the first Linear or Conv whose activation it is,
        Nielsen's weighted input; the site itself where there is none.
    """
    entered: dict[str, Site] = {}
    for site in recording.graph.sites:
        if site.kind in {"linear", "conv"}:
            entered.setdefault(_activation(recording, site), site)
    return list(
        {
            found.name: found
            for site in hidden_sites(recording)
            for found in [entered.get(site.node, site)]
        }.values()
    )


def _activation(recording: Recording, site: Site) -> str:
    """The node at which a site's units are hidden units; empty if they are none."""
    graph = recording.graph
    if site.kind == "recurrent":  # its sequence, else the first that is read of its states
        module = site.name.partition("[")[0]
        own = [one for one in graph.sites if one.name.partition("[")[0] == module]
        return site.node if own[0] == site else ""
    if site.kind not in {"linear", "conv", "activation"}:
        return ""
    start = site.node
    if site.kind == "activation":
        start = next(iter(graph[_computed(graph, site.node)].inputs), site.node)
    if not isinstance(recording.values.get(start), Tensor):
        return ""
    region = elementwise_below(graph, start, recording.values)
    if any(node.operation_name not in NONLINEAR_FREE for node in region.nodes):
        return _before_identities(graph, region)
    is_alone = all(node.operation_name in PASSING for node in region.nodes)  # no residual
    is_hidden = site.kind != "activation" and is_alone and _is_only_read(graph, region.exit)
    return _before_identities(graph, region) if is_hidden else ""


def _computed(graph: Graph, name: str) -> str:
    """The node that computed a value, looking through the items of a tuple."""
    while graph[name].operation_name == "getitem":
        name = graph[name].inputs[0]
    return name


def _before_identities(graph: Graph, region: Region) -> str:
    """The exit of a region, with identities and skip connections left off its end."""
    own = {node.name for node in region.nodes}
    name = region.exit
    while (before := _without_skip(graph, name, own)) is not None:
        name = before
    return name


def _without_skip(graph: Graph, name: str, own: set[str]) -> str | None:
    """What comes before an identity, or before a sum with another branch (a skip connection)."""
    node = graph[name]
    inside = [read for read in node.inputs if read in own]
    others = [read for read in node.inputs if read not in own]
    is_skip = node.operation_name in {"add", "sub"} and any(
        graph[read].example_axis is not None for read in others
    )
    is_identity = node.operation_name in IDENTITIES
    return inside[0] if len(inside) == 1 and (is_skip or is_identity) else None


def _is_only_read(graph: Graph, name: str) -> bool:
    """Whether a value goes into nothing but further Linear and Conv layers."""
    in_cone = {node.name for node in graph.below(name)}
    readers: list[Node] = [graph[user] for user in graph.users[name] if user in in_cone]
    return bool(readers) and all(
        reader.operation_name in READING
        or (reader.operation_name in PASSING and _is_only_read(graph, reader.name))
        for reader in readers
    )


def _is_output(graph: Graph, name: str) -> bool:
    """Whether nothing with weights stands between a value and what the model returns."""
    between = graph.downstream([name]) & graph.upstream(graph.outputs)
    return not any(read in graph.parameters for node in between for read in graph[node].inputs)


def whole(site: Site) -> UnitBlock:
    """Take all units of a site, each over all its positions."""
    return UnitBlock(site, site.unit_kind, np.arange(site.n_units), np.full(site.n_units, NO_INDEX))


def _require_own(subject: Subject, chosen: UnitSet) -> None:
    """Refuse units that were selected from another subject."""
    known = {site.name: site for site in subject.sites()}
    for site in chosen.sites:
        if known.get(site.name) != site:
            raise SelectionError(
                f"Site {site.name!r} of these units is not the one of {subject!r}; expected "
                "units selected from this subject: nd.units(subject, ...)."
            )
