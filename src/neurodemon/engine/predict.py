"""Predict: what every unit's demon would do, from one backward pass shared by all.

The ladder (theory.md §1.4), each rung per example, before any average:
`tangent` δ·Δz, the book's promise; `first_order` δ_a·Δa, the unit's own bend exact; `link`,
the loss put back on top; `linear_logits`, the exact cost of linearised outputs. Gradients come
from `torch.autograd.grad` with respect to the graph's own values, never `.backward()`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.engine.folding import Pass
from neurodemon.engine.layout import along, canonical, coordinates, over_units, require_units
from neurodemon.engine.link import Link, recognise
from neurodemon.engine.plugins import Place, ask, registered
from neurodemon.engine.recording import Recording
from neurodemon.engine.refusals import is_refusal
from neurodemon.engine.region import Move, move, z_of
from neurodemon.engine.replay import Replay
from neurodemon.engine.shifts import EntropyOfShifts
from neurodemon.engine.tape import Tape, make_tape
from neurodemon.errors import PredictorError
from neurodemon.graph.graph import Graph
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock

TANGENT, FIRST_ORDER, LINK, LINEAR_LOGITS = "tangent", "first_order", "link", "linear_logits"
LADDER = (TANGENT, FIRST_ORDER, LINK, LINEAR_LOGITS)
MOST_OUTPUTS = 32  # of linear_logits, which costs a backward pass each
ROWS_AT_ONCE = 4_000_000  # numbers in one pass of linearised outputs


@dataclass(frozen=True, eq=False)
class Request:
    """Units of one site, and what is done to that site.

    Attributes:
        block: the units.
        dz: Δz of every unit of the site, from `nudge`; of directions Δc of the block's.
    """

    block: UnitBlock
    dz: Float[Tensor, "example position coordinate"]


@dataclass(frozen=True, eq=False)
class Ladder:
    """What the cost of a recording allows.

    Attributes:
        output: the one output the cost reads, if it is one vector per example.
        n_outputs: its size.
        link: the recognised loss.
    """

    output: str | None
    n_outputs: int
    link: Link | None

    @property
    def predictors(self) -> tuple[str, ...]:
        """The predictors that apply, from the lowest rung to the highest; then the plug-ins."""
        link = (LINK,) if self.link is not None else ()
        is_small = self.output is not None and self.n_outputs <= MOST_OUTPUTS
        own = (TANGENT, FIRST_ORDER, *link, *((LINEAR_LOGITS,) if is_small else ()))
        return (*own, *registered())


def ladder_of(recording: Recording) -> Ladder:
    """Find out which predictors apply to a recording."""
    graph = recording.graph
    reaching = graph.upstream([graph.cost])
    outputs = [name for name in dict.fromkeys(graph.outputs) if name in reaching]
    usable = [name for name in outputs if _is_vector(recording, name) and _is_last(graph, name)]
    found = next((name for name in usable if not _has_bypass(recording, name)), None)
    if found is None:
        return Ladder(None, 0, None)
    value = recording.values[found]
    n_outputs = value.shape[1] if value.ndim == 2 else 1
    return Ladder(found, n_outputs, recognise(recording, found))


def choose(predictor: str, available: Sequence[str]) -> str:
    """Settle which predictor is used.

    Args:
        predictor: a name, or `auto` for the highest rung that applies.
        available: the predictors that apply, from the lowest to the highest, then plug-ins.

    Returns:
        The predictor's name.

    Raises:
        PredictorError: it does not exist, or does not apply.
    """
    if predictor == "auto":
        return [name for name in available if name in LADDER][-1]
    if predictor in available:
        return predictor
    known = (*LADDER, *registered())
    if predictor not in known:
        raise PredictorError(
            f"Predictor {predictor!r} does not exist; expected auto or one of {', '.join(known)}."
        )
    raise PredictorError(
        f"Predictor {predictor!r} does not apply here: {_REASONS[predictor]} "
        f"Available: {', '.join(available)}."
    )


def influence(
    recording: Recording,
    sources: Iterable[str],
    target: str | None = None,
    *,
    along: Tensor | None = None,
) -> dict[str, Tensor]:
    """Compute δ = ∂C/∂value per example for the values of nodes (Nielsen ch. 2, eq. 29).

    Args:
        recording: the clean pass.
        sources: the nodes.
        target: the node to differentiate; the cost, if None.
        along: of the target's shape: which part of it; its sum, if None.

    Returns:
        The gradient of the summed target (times `along`), in each value's own layout: since an
        example's cost depends on that example alone, each example's own δ.

    Raises:
        PredictorError: the cost has no gradient.
    """
    target = recording.graph.cost if target is None else target
    names = list(dict.fromkeys(sources))
    found = make_tape(recording, names, [target]).gradients(names, target, along=along)
    return dict(zip(names, found, strict=True))


def find_crosstalk(recording: Recording, sources: Sequence[str]) -> str | None:
    """Find a value through which the first example's cost depends on other examples.

    Args:
        recording: the clean pass.
        sources: nodes with an example axis, in running order.

    Returns:
        The first node at which another example has a slope on the first one's cost, however
        small; None if there is none, or no gradient at all.
    """
    names = [name for name in sources if recording.values[name].is_floating_point()]
    tape = make_tape(recording, names, [recording.graph.cost])
    cost = tape.pieces[0][recording.graph.cost]
    if not cost.requires_grad or len(cost) < 2:  # one example, or each run alone
        return None
    first = torch.zeros_like(cost)
    first[0] = 1
    try:
        slopes = tape.gradients(names, recording.graph.cost, along=first)
    except PredictorError:  # an operation that torch cannot go back through
        return None
    for name, slope in zip(names, slopes, strict=True):
        axis = recording.graph[name].example_axis or 0
        others = slope.narrow(axis, 1, len(cost) - 1)
        if bool((others.isfinite() & (others != 0)).any()):
            return name
    return None


def predict(
    recording: Recording, requests: Sequence[Request], predictors: Sequence[str], ladder: Ladder
) -> list[dict[str, Float[Tensor, "example row"]]]:
    """Predict the effects of all requests by the predictors named, from shared passes.

    Args:
        recording: the clean pass.
        requests: units and nudges.
        predictors: names of the ladder.
        ladder: what applies, from `ladder_of`.

    Returns:
        For each request, per predictor, the effects per example and unit, in float64.
    """
    for request in requests:
        require_units(z_of(recording, request.block), request.block)
    moves = [move(recording, request.block, request.dz) for request in requests]
    nodes = [recording.graph.site_by_name[r.block.site.name].node for r in requests]
    sources = list(dict.fromkeys([*nodes, *(carried.exit for carried in moves)]))
    wants_logits = LINEAR_LOGITS in predictors
    output = ladder.output if wants_logits else None
    cost = recording.graph.cost
    tape = make_tape(recording, sources, [cost, *([output] if output else [])])
    delta = dict(zip(sources, tape.gradients(sources, cost, keep=wants_logits), strict=True))
    results = [
        _low_rungs(recording, request, carried, delta, predictors, ladder.link)
        for request, carried in zip(requests, moves, strict=True)
    ]
    if output is not None:
        shifts = _output_shifts(recording, requests, moves, tape, output)
        for result, own in zip(results, _cost_of(recording, ladder, shifts), strict=True):
            result[LINEAR_LOGITS] = own
    return results


def _low_rungs(  # noqa: PLR0913, PLR0917  # the rungs share all of this
    recording: Recording,
    request: Request,
    carried: Move,
    delta: dict[str, Tensor],
    predictors: Sequence[str],
    link: Link | None,
) -> dict[str, Tensor]:
    """Predict by the rungs that need δ alone."""
    site = recording.graph.site_by_name[request.block.site.name]
    result = {}
    slope = along(canonical(delta[site.node], site).double(), request.block)
    tangent = over_units(slope * request.dz.double(), request.block)
    if TANGENT in predictors:
        result[TANGENT] = tangent
    at_exit = along(canonical(delta[carried.exit], site).double(), request.block)
    first_order = over_units(_times(at_exit, carried), request.block)
    if FIRST_ORDER in predictors:
        result[FIRST_ORDER] = first_order
    if LINK in predictors and link is not None:
        result[LINK] = link(first_order)
    brought = [name for name in predictors if name in registered()]
    if brought:
        place = Place(
            block=request.block,
            cost=_own(recording.cost),
            tangent=_own(tangent),
            first_order=_own(first_order),
            z=_own(coordinates(z_of(recording, request.block), request.block)),
            dz=_own(request.dz),
            delta=_own(slope),
            activation=_own(carried.clean),
            moved=_own(carried.moved),
            activation_delta=_own(at_exit),
        )
        result.update({name: ask(name, place) for name in brought})
    return result


def _own(value: Tensor) -> Tensor:
    """A copy in float64: what a plug-in does to it stays its own affair."""
    return value.detach().to(torch.float64, copy=True)


def _times(gradient: Tensor, carried: Move) -> Tensor:
    """Multiply gradient · Δa, in float64; what is no number before and after has not moved."""
    change = carried.moved.double() - carried.clean.double()
    return gradient.double() * change.masked_fill(carried.clean.isnan() & carried.moved.isnan(), 0)


def _output_shifts(
    recording: Recording,
    requests: Sequence[Request],
    moves: Sequence[Move],
    tape: Tape,
    output: str,
) -> Iterator[list[Float[Tensor, "example row"]]]:
    """J·Δa: how far each unit of each request shifts an output, to first order, one by one."""
    exits = list(dict.fromkeys(carried.exit for carried in moves))
    clean = recording.values[output]
    n_outputs = clean.numel() // recording.n_examples
    for place in range(n_outputs):
        one = torch.zeros(recording.n_examples, n_outputs).to(clean)
        one[:, place] = 1
        found = tape.gradients(exits, output, along=one, keep=True)
        gradients = dict(zip(exits, found, strict=True))
        shifts = []
        for request, carried in zip(requests, moves, strict=True):
            site = recording.graph.site_by_name[request.block.site.name]
            jacobian = along(canonical(gradients[carried.exit], site), request.block)
            shifts.append(over_units(_times(jacobian, carried), request.block))
        yield shifts


def _cost_of(
    recording: Recording, ladder: Ladder, shifts: Iterator[list[Float[Tensor, "example row"]]]
) -> list[Float[Tensor, "example row"]]:
    """The exact change of the cost when the outputs are shifted, in closed form if it has one."""
    output, link = str(ladder.output), ladder.link
    if link is None or link.target is None:
        each = zip(*shifts, strict=True)
        return [_cost_of_shifts(recording, output, torch.stack(own, dim=2)) for own in each]
    clean = recording.values[output]
    told: list[EntropyOfShifts] = []
    for place, shift in enumerate(shifts):
        told = told or [EntropyOfShifts(clean, link.target, own.shape[1]) for own in shift]
        for one, own in zip(told, shift, strict=True):
            one.add(place, own)
    return [one.change() for one in told]


def _cost_of_shifts(
    recording: Recording, output: str, shift: Float[Tensor, "example row output"]
) -> Float[Tensor, "example row"]:
    """The exact change of the cost when the outputs are shifted."""
    n_examples, n_units, n_outputs = shift.shape
    rows = max(1, min(n_units, ROWS_AT_ONCE // (n_examples * n_outputs)))
    rows = rows if recording.can_fold else 1
    parts = torch.split(shift.transpose(0, 1), rows)
    return torch.cat([_cost_of_rows(recording, output, part) for part in parts]).T


def _cost_of_rows(
    recording: Recording, output: str, part: Float[Tensor, "row example output"]
) -> Float[Tensor, "row example"]:
    """The change of the cost of some rows; NaN for a row of outputs that the cost refuses."""
    value = recording.values[output]
    replay = Replay(recording, output, Pass(0, recording.n_examples, len(part)))
    clean = replay.clean
    shifted = clean.double() + part.reshape(len(clean), *value.shape[1:])
    try:
        return replay.cost_of(shifted.to(value.dtype)).double() - replay.cost_of(clean).double()
    except Exception as error:  # any, as the user's cost raises what it likes
        if not is_refusal(error):
            raise
    if len(part) == 1:
        return clean.new_full((1, recording.n_examples), torch.nan, dtype=torch.float64)
    half = len(part) // 2
    return torch.cat([_cost_of_rows(recording, output, own) for own in (part[:half], part[half:])])


def _is_vector(recording: Recording, name: str) -> bool:
    """Whether an output is one vector, or one number, per example."""
    value = recording.values[name]
    is_flat = value.ndim in {1, 2} and recording.graph[name].example_axis == 0
    return bool(is_flat and value.is_floating_point() and name != recording.graph.cost)


def _is_last(graph: Graph, name: str) -> bool:
    """Whether the cost can be computed from an output without running the model as a whole."""
    return graph.whole is None or graph.in_model.isdisjoint(n.name for n in graph.below(name))


def _has_bypass(recording: Recording, output: str) -> bool:
    """Whether the cost depends on the batch's inputs by a way around the output."""
    graph = recording.graph
    reached = {site.node for site in graph.sites} - {output}
    for node in graph.nodes:
        if node.name != output and not reached.isdisjoint(node.inputs):
            reached.add(node.name)
    return graph.cost in reached


_REASONS = {
    LINK: "the cost is no known function of one margin (softmax cross-entropy, squared error, "
    "or |·| of one output).",
    LINEAR_LOGITS: f"the output is not one vector of at most {MOST_OUTPUTS} numbers per example.",
}
