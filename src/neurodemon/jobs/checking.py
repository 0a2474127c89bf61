"""Check: prove that what will be measured is what the model does, before measuring it.

A few forwards on a few examples: the graph equals the model, two runs agree, no example's
cost depends on the others, the slope is the gradient, and a demon that does nothing has no
effect. Source: DESIGN §3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.engine.layout import canonical
from neurodemon.engine.measure import measure
from neurodemon.engine.memory import give_back
from neurodemon.engine.predict import find_crosstalk
from neurodemon.engine.recording import Recording
from neurodemon.engine.trials import PassSize
from neurodemon.errors import CouplingError, NeurodemonError, ReplayMismatchError
from neurodemon.jobs.head_sums import probe_heads
from neurodemon.jobs.padding_probe import probe_padding
from neurodemon.jobs.parts import record_examples
from neurodemon.jobs.selecting import hidden_sites
from neurodemon.jobs.slopes import Slope, compare_backward, own_casts, probe_slopes
from neurodemon.planner.plan import NUMBERS_PER_PASS
from neurodemon.subjects.admitting import Batch
from neurodemon.subjects.subject import Subject, refresh
from neurodemon.terms.certificates import Certificate, Probe
from neurodemon.terms.text import count as spell_count
from neurodemon.terms.units import UnitBlock
from neurodemon.tracing.capture import shape_signature
from neurodemon.tracing.coverage import as_run, first_difference, prove, training_layers
from neurodemon.tracing.leaves import count_examples, map_tensors, take_examples, tensor_leaves

MOST_EXAMPLES = 32  # of a batch, for the probes of coupling and crosstalk
COUPLING_IN_FLOORS = 64.0  # a change of a kept example's cost beyond this is coupling
NOOP_SITES = 3


def check(subject: Subject) -> Certificate:
    """Probe whether a subject can be studied, on a few examples of each batch shape.

    Args:
        subject: what is studied.

    Returns:
        A certificate of what was probed; prints as a table. It can hold warnings: a slope
        that is not the gradient makes predictions worthless, not measurements.

    Raises:
        CaptureError: the model cannot be captured.
        ReplayMismatchError: the graph does not give the model's numbers.
        NondeterminismError: two runs differ; the message names the site.
        CouplingError: an example's cost depends on the other examples.
    """
    refresh(subject)
    return certify(subject)


def require_sound(subject: Subject, *, note: Callable[[str], None]) -> None:
    """Check a subject once before its first measurement; say what its user should know."""
    is_known = subject.certificate is not None
    certificate = certify(subject)
    if is_known:
        return
    for probe in certificate.probes:
        if not probe.passed:
            note(f"{probe.name}: {probe.detail}")
    for text in certificate.notes:
        note(text)


def certify(subject: Subject) -> Certificate:
    """The certificate of a fresh subject, made once per state of it."""
    if subject.certificate is not None:
        return subject.certificate
    places = _one_place_per_shape(subject)
    subject.sites()
    give_back()  # what the capture took
    coupling = _probe_coupling(subject, places)  # first: the others fail in its wake
    give_back()
    slope, notes = _probe_slope(subject)
    more = (probe_heads(subject), probe_padding(subject))
    found = Certificate(
        subject.name,
        (
            _probe_parity(subject),
            _probe_other_sizes(subject, places),
            Probe("two runs agree", passed=True, detail="bit for bit, under two random states"),
            coupling,
            slope,
            _probe_noop(subject),
            *(probe for probe in more if probe is not None),
        ),
        (*notes, *subject.capture(0).notes, *_left_out(subject)),
    )
    subject.certificate = found
    give_back()  # what the probes took
    return found


def _left_out(subject: Subject) -> tuple[str, ...]:
    """Say which tensors can be no sites because examples are mixed with another axis."""
    refused = subject.capture(0).refused
    names = [name for name, reason in refused.items() if "no axis" in reason]
    if not names:
        return ()
    return (
        f"No demon can sit at {', '.join(map(repr, names[:5]))}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        + ": no axis there holds the examples alone.",
    )


def _one_place_per_shape(subject: Subject) -> list[int]:
    """One batch for each shape of batch, its number of examples included."""
    shapes = {
        (shape_signature(batch), count_examples(batch)): place
        for place, batch in reversed(list(enumerate(subject.batches)))
    }
    return sorted(shapes.values())


def _probe_parity(subject: Subject) -> Probe:
    """Every batch: the graph gives the model's own numbers, at every site."""
    found = []
    for place, batch in enumerate(subject.batches):
        captured, values = subject.capture(place), subject.recording(place).values
        run = subject.eager(batch, like=as_run(captured.graph, values))
        found.append(prove(captured, values, run))
    largest = max(parity.largest for parity in found)
    return Probe(
        "graph equals model",
        passed=True,
        detail=f"{found[0].n_sites} tensors on {spell_count(len(found), 'batch', 'batches')}, largest difference "
        f"{largest:.1e} of the tensor's largest value",
    )


def _probe_other_sizes(subject: Subject, places: list[int]) -> Probe:
    """Other numbers of examples, one included: the same graph still gives the numbers."""
    name = "at other batch sizes"
    captured = subject.capture(places[0])
    if not captured.has_dynamic_batch:
        return Probe(name, passed=True, detail="not probed: the model fixes its batch size")
    batch = subject.batches[places[0]]
    largest = 0.0
    for size in (1, min(3, count_examples(batch))):
        rows = torch.arange(size)
        values = record_examples(subject, places[0], rows).values
        run = subject.eager(take_examples(batch, rows))
        largest = max(largest, prove(captured, values, run).largest)
    return Probe(
        name, passed=True, detail=f"1 and up to 3 examples, largest difference {largest:.1e}"
    )


@dataclass(frozen=True, eq=False)
class _Kept:
    """Some examples of a batch, and batches that hold them first among others or alone."""

    whole: Batch
    count: int
    others: dict[str, Batch]


def _probe_coupling(subject: Subject, places: list[int]) -> Probe:
    """Replace the other examples of a batch, and drop them: the kept ones' costs stay."""
    for place in places:
        kept = _split(subject, place)
        clean = subject.eager(kept.whole).cost[: kept.count].double()
        floor = subject.recording(place).noise_floor.max()
        for what, batch in kept.others.items():
            try:
                cost = subject.eager(batch).cost[: kept.count].double()
            except NeurodemonError:
                if what == "dropped" and not subject.capture(place).has_dynamic_batch:
                    continue  # a model of one batch size cannot be asked
                raise
            off = (cost - clean).abs()
            if not bool((off <= COUPLING_IN_FLOORS * floor).all()):
                raise _coupling(subject, kept, what, float(off.max()))
    _require_no_crosstalk(subject)
    return Probe(
        "examples are independent",
        passed=True,
        detail="costs stay when other examples are replaced or dropped",
    )


def _split(subject: Subject, place: int) -> _Kept:
    """Choose examples to keep, and make the batches in which the others differ."""
    batch = subject.batches[place]
    is_dynamic = subject.capture(place).has_dynamic_batch
    size = count_examples(batch)
    if size == 1:
        if not is_dynamic:
            return _Kept(batch, 1, {})
        stranger = map_tensors(_another, batch)
        return _Kept(batch, 1, {"added": _join(batch, stranger)})
    if is_dynamic and size > MOST_EXAMPLES:
        size = MOST_EXAMPLES
        batch = take_examples(batch, torch.arange(size))
    count = (size + 1) // 2
    rows = torch.arange(size)
    copies = torch.where(rows < count, rows, torch.zeros_like(rows))
    others = {
        "replaced": take_examples(batch, copies),
        "dropped": take_examples(batch, torch.arange(count)),
    }
    return _Kept(batch, count, others)


def _another(leaf: Tensor) -> Tensor:
    """Another example of the same shape and kind: the lone one, turned around and halved."""
    turned = leaf.flip(-1) if leaf.ndim > 1 else leaf
    return turned / 2 if turned.is_floating_point() else turned


def _join(first: Batch, second: Batch) -> Batch:
    """Put the examples of two batches of one structure into one."""
    others = tensor_leaves(second)
    joined: Any = map_tensors(lambda leaf: torch.cat([leaf, next(others)]), first)
    return joined  # type: ignore[no-any-return]  # a batch stays a batch


def _coupling(subject: Subject, kept: _Kept, what: str, off: float) -> CouplingError:
    """Say that a kept example's cost changed by more than rounding, and where that begins."""
    runs = subject.eager(kept.whole), subject.eager(kept.others[what])
    site = first_difference(*runs, torch.arange(kept.count), limit=1e-4)
    with subject.held():
        layers = training_layers(subject.model, ("BatchNorm", "SyncBatch"))
    hint = (
        f" In training mode these layers mix the examples: {', '.join(layers[:5])}. Study the "
        "model in evaluation mode: Subject(..., evaluate=True)."
        if layers
        else " Use a cost of each example alone (no mean, no contrast over the batch), or pass "
        "each group of examples as one example."
    )
    return CouplingError(
        f"When the other examples of a batch are {what}, the cost of a kept example changes by "
        f"up to {off:.3g}; expected no change. "
        + (
            f"The first tensor that changes is {site!r}."
            if site
            else "Only the cost itself changes."
        )
        + hint
    )


def _require_no_crosstalk(subject: Subject) -> None:
    """Raise if an example's cost has a slope on another example: coupling too small to see."""
    recording = _first_examples(subject)
    names = {site.node: site.name for site in recording.graph.sites}
    node = find_crosstalk(recording, list(names))
    if node is not None:
        raise CouplingError(
            "The cost of the first example depends on other examples of its batch: its gradient "
            f"with respect to their values at {names[node]!r} is not 0; expected exactly 0. Use a "
            "cost of each example alone (no mean, no contrast over the batch)."
        )


def _first_examples(subject: Subject) -> Recording:
    """A recording of the first examples of the first batch; of all where sizes are fixed."""
    is_short = count_examples(subject.batches[0]) <= MOST_EXAMPLES
    if is_short or not subject.capture(0).has_dynamic_batch:
        return subject.recording(0)
    return record_examples(subject, 0, torch.arange(MOST_EXAMPLES))


def _probe_slope(subject: Subject) -> tuple[Probe, tuple[str, ...]]:
    """The measured slope of the cost is δ, on random units of a few examples."""
    name = "slope is the gradient"
    recording = subject.recording(0)
    found: Slope | None = probe_slopes(subject, hidden_sites(recording))
    notes = (*own_casts(recording), *compare_backward(subject))
    if found is None:
        return Probe(
            name, passed=False, detail="the cost has no gradient: nothing can be predicted"
        ), notes
    if not found.n_units:
        text = f"not probed: a slope drowns in the rounding of {found.dtype}"
        return Probe(name, passed=True, detail=text), notes
    detail = (
        f"{found.n_units} random units in {found.dtype}, largest difference "
        f"{found.largest:.1e} of the largest slope"
    )
    if not found.agrees:
        detail += (
            f" (at {found.site!r}: δ {found.delta:.4g}, slope {found.slope:.4g}): predictions "
            "from gradients mean nothing here; measure"
        )
    return Probe(name, passed=found.agrees, detail=detail), notes


def _probe_noop(subject: Subject) -> Probe:
    """A demon with Δz = 0 has an effect of exactly 0, folded rows included."""
    recording = subject.recording(0)
    sites = hidden_sites(recording)[:NOOP_SITES]
    for site in sites:
        own = recording.graph.site_by_name[site.name]
        z = canonical(recording.values[own.node], own)
        first = torch.arange(min(2, own.n_units)).numpy()
        block = UnitBlock(own, own.unit_kind, first, first * 0 - 1)
        size = subject.room.pass_size(recording, own, NUMBERS_PER_PASS)
        size = PassSize(max(1, size.examples * size.rows // 2), 2)
        effects = measure(recording, block, torch.zeros_like(z), size)
        if bool(effects.any()):
            raise ReplayMismatchError(
                f"A demon that adds 0 at {site.name!r} changes the cost by "
                f"{float(effects.abs().max()):.3g}; expected exactly 0. The model gives other "
                "numbers when run again: look for state that it keeps between calls."
            )
    return Probe(
        "no-op",
        passed=True,
        detail=f"Δz = 0 has effect exactly 0 at {spell_count(len(sites), 'site')}",
    )
