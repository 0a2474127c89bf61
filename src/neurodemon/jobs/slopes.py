"""Probe the slope: is the gradient that predictions use the slope that a demon would meet?

In float64 on a copy of the weights where that runs, on one or two examples, against central
and one-sided differences at several steps, so that a kink nearby is no false alarm.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodemon.engine.folding import Pass
from neurodemon.engine.predict import influence
from neurodemon.engine.recording import Recording, record
from neurodemon.engine.replay import Replay
from neurodemon.errors import NeurodemonError, PredictorError
from neurodemon.graph.evaluate import evaluate
from neurodemon.subjects.admitting import Batch
from neurodemon.subjects.dtypes import model_in, to_dtype
from neurodemon.subjects.subject import Subject
from neurodemon.terms.sites import Site
from neurodemon.tracing.capture import bind
from neurodemon.tracing.leaves import count_examples, take_examples
from neurodemon.tracing.model_state import run_model

UNITS_PROBED = 8
MOST_NUMBERS_COPIED = 50_000_000  # weights, for the copy in float64
STEPS = {torch.float64: (1e-3, 1e-4, 1e-5), torch.float32: (1e-1, 3e-2, 1e-2)}
COARSE = ("bfloat16", "float16")  # a step small enough for a slope drowns in their rounding
LIMITS = {torch.float64: 1e-4, torch.float32: 5e-2}  # of the largest slope


@dataclass(frozen=True)
class Slope:
    """How near the measured slopes came to δ.

    Attributes:
        n_units: how many units were probed.
        dtype: the precision of the probe, in words.
        largest: the largest difference, relative to the largest slope.
        agrees: whether it is small enough.
        site: where it is largest.
        delta: δ there.
        slope: the measured slope there.
    """

    n_units: int
    dtype: str
    largest: float
    agrees: bool
    site: str
    delta: float
    slope: float


def probe_slopes(subject: Subject, sites: Sequence[Site]) -> Slope | None:
    """Compare δ with measured slopes at random units of some sites.

    Args:
        subject: what is studied.
        sites: where to probe.

    Returns:
        The comparison, of 0 units where the precision is too coarse for slopes; None if the
        cost has no gradient at all.
    """
    recording, dtype = _precise_recording(subject)
    coarse = _dtypes(recording) & set(COARSE)
    if coarse:  # no copy in float64 would run
        return Slope(0, min(coarse), largest=0.0, agrees=True, site="", delta=0.0, slope=0.0)
    generator = torch.Generator().manual_seed(0)
    picks = torch.randint(len(sites), (UNITS_PROBED,), generator=generator).tolist()
    chosen = [recording.graph.site_by_name[sites[pick].name] for pick in picks]
    try:
        delta = influence(recording, [site.node for site in chosen])
    except PredictorError:
        return None
    found = []
    for site in chosen:
        place = int(torch.randint(delta[site.node].numel(), (), generator=generator))
        ours = float(delta[site.node].reshape(-1)[place])
        nearest, rounding = _nearest_slope(recording, site, place, ours, dtype)
        off = max(abs(ours - nearest) - rounding, 0.0)
        found.append((off, ours, nearest, site.name))
    scale = max(1e-30, *(float(value.abs().max()) for value in delta.values()))
    worst = max(found, key=lambda one: one[0])
    largest = worst[0] / scale
    return Slope(
        n_units=len(found),
        dtype=str(dtype).removeprefix("torch."),
        largest=largest,
        agrees=largest <= LIMITS[dtype],
        site=worst[3],
        delta=worst[1],
        slope=worst[2],
    )


def own_casts(recording: Recording) -> tuple[str, ...]:
    """Say whether the forward pass computes in several precisions."""
    dtypes = _dtypes(recording)
    if len(dtypes) < 2:
        return ()
    text = (
        f"The model computes in {', '.join(sorted(dtypes))} by turns: the noise floor is that "
        "of the lowest, and a copy in float64 is no more precise."
    )
    return (text,)


def _dtypes(recording: Recording) -> set[str]:
    """The precisions in which the forward pass computes, in words."""
    graph, values = recording.graph, recording.values
    return {
        str(values[name].dtype).removeprefix("torch.")
        for name in graph.downstream(graph.inputs)
        if isinstance(values.get(name), Tensor) and values[name].is_floating_point()
    }


def compare_backward(subject: Subject) -> tuple[str, ...]:
    """Say whether the model's own backward pass differs from the derivative of its forward."""
    size = min(2, count_examples(subject.batches[0]))
    batch = take_examples(subject.batches[0], torch.arange(size))
    named = {n: p for n, p in subject.model.named_parameters() if p.requires_grad}
    captured = subject.capture(0)
    if not named or not captured.has_dynamic_batch or captured.graph.whole is not None:
        return ()  # hooks use the model's own backward pass
    try:
        theirs = _own_gradients(subject, batch, named)
    except RuntimeError as error:
        text = (
            f"The model's own backward pass fails ({str(error).splitlines()[0]}). Predictions "
            "use the derivative of its forward, which is captured without in-place writes."
        )
        return (text,)
    ours = _graph_gradients(subject, batch, named)
    off = [name for name, their in theirs.items() if name in ours and _differ(ours[name], their)]
    if not off:
        return ()
    text = (
        f"The model has a backward pass of its own (gradients of {off[:3]} differ): a custom "
        "autograd.Function, or torch.no_grad() in its forward. Predictions use the derivative of "
        'its forward; with nd.Subject(..., capture="hooked") they use its own backward pass.'
    )
    return (text,)


def _own_gradients(
    subject: Subject, batch: Batch, named: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The gradients that the model's own backward pass gives; none without a gradient."""
    with subject.held() as model, torch.enable_grad():
        total = subject.cost(run_model(model, batch[0], subject.call), batch[1]).sum()
        if not total.requires_grad:
            return {}
        found = torch.autograd.grad(total, list(named.values()), materialize_grads=True)
    return dict(zip(named, found, strict=True))


def _graph_gradients(
    subject: Subject, batch: Batch, named: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The gradients of the captured forward pass."""
    graph = subject.capture(0).graph
    needed = graph.upstream([graph.cost])
    nodes = [node for node in graph.nodes if node.name in needed]
    with subject.held() as model, torch.enable_grad():
        values = bind(graph, model, batch)
        first = _first_names(model)  # a weight that is tied stands in the graph twice
        places = {place: first.get(name, "") for place, name in graph.parameters.items()}
        leaves = {
            name: values[place].clone().requires_grad_()
            for place, name in places.items()
            if name in named
        }
        by_place = {place: leaves[name] for place, name in places.items() if name in named}
        total = evaluate(nodes, {**values, **by_place}, wanted=[graph.cost])[graph.cost].sum()
        if not total.requires_grad:
            return {}
        found = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, found, strict=True))


def _first_names(model: nn.Module) -> dict[str, str]:
    """Each name of a parameter → the first name of the same tensor."""
    first = {id(weight): name for name, weight in model.named_parameters()}
    every = model.named_parameters(remove_duplicate=False)
    return {name: first[id(weight)] for name, weight in every}


def _differ(ours: Tensor, theirs: Tensor) -> bool:
    """Whether two gradients differ by more than their precision."""
    scale = float(theirs.abs().max()) + 1e-12
    limit = 0.05 if theirs.dtype in {torch.float16, torch.bfloat16} else 1e-3
    return float((ours - theirs).abs().max()) > limit * scale


def _precise_recording(subject: Subject) -> tuple[Recording, torch.dtype]:
    """A recording of one or two examples, in float64 where the graph runs in it."""
    captured = subject.capture(0)
    if captured.graph.whole is not None:
        return _precise_whole(subject)
    batch = subject.batches[0]
    if captured.has_dynamic_batch:
        batch = take_examples(batch, torch.arange(min(2, count_examples(batch))))
    with subject.held():
        values = bind(captured.graph, subject.model, batch)
        numbers = sum(value.numel() for value in values.values() if isinstance(value, Tensor))
        if numbers <= MOST_NUMBERS_COPIED:
            try:
                made = record(captured.graph, to_dtype(values, torch.float64))
            except RuntimeError:  # a cast inside the model: two precisions meet
                pass
            else:
                if made.cost.dtype == torch.float64:
                    return made, torch.float64
        return record(captured.graph, values), torch.float32


def _precise_whole(subject: Subject) -> tuple[Recording, torch.dtype]:
    """The same of a model that runs only as a whole: one example, on a copy of the model."""
    recording = subject.recording(0)
    batch = take_examples(subject.batches[0], torch.arange(1))
    numbers = sum(weight.numel() for weight in subject.model.parameters())
    if numbers <= MOST_NUMBERS_COPIED:
        with contextlib.suppress(NeurodemonError, RuntimeError, TypeError):
            copied = model_in(subject.model, torch.float64)
            made = subject.but(copied, [to_dtype(batch, torch.float64)]).recording(0)
            is_alike = recording.graph.site_by_name.keys() <= made.graph.site_by_name.keys()
            if made.cost.dtype == torch.float64 and is_alike:
                return made, torch.float64
    return recording, torch.float32


def _nearest_slope(
    recording: Recording, site: Site, place: int, delta: float, dtype: torch.dtype
) -> tuple[float, float]:
    """The measured slope nearest to δ, over steps and sides, and what of it can be rounding."""
    replay = Replay(recording, site.node, Pass(0, recording.n_examples, 1))
    z = recording.values[site.node]
    base = recording.cost.double().sum()
    scale = max(float(z.double().std(correction=0)), 1e-3)
    slopes = []  # of which a kink may spoil some
    for step in STEPS[dtype]:
        change = torch.zeros_like(z).reshape(-1)
        change[place] = step * scale
        width = float(change[place])
        up = replay.cost_of(z + change.reshape(z.shape)).double().sum()
        down = replay.cost_of(z - change.reshape(z.shape)).double().sum()
        slopes += [
            float(up - down) / (2 * width),
            float(up - base) / width,
            float(base - down) / width,
        ]
    rounding = float(recording.noise_floor.double().max()) / (max(STEPS[dtype]) * scale)
    return min(slopes, key=lambda slope: abs(slope - delta)), rounding
