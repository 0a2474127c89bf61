"""The two factors of δ: ∂C/∂z = ∂C/∂output · ∂output/∂z (DESIGN §6).

What is wrong, and what a unit does to the output. Where the output is one vector per example:
one backward pass for each of its numbers, or for random sums of them where they are many.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.engine.layout import unit_slopes
from neurodemon.engine.predict import MOST_OUTPUTS, influence, ladder_of
from neurodemon.engine.recording import Recording
from neurodemon.errors import PredictorError
from neurodemon.subjects.subject import Subject
from neurodemon.terms.units import UnitSet

SEED = 0  # of the random sums


@dataclass(frozen=True)
class Factors:
    """The two factors of δ, as mean norms.

    Attributes:
        output_slope: mean over the examples of ‖∂C/∂output‖; None where it is not told.
        unit_slopes: by block of units: mean over examples and units of ‖∂output/∂z‖.
        notes: what their reader should know.
    """

    output_slope: float | None
    unit_slopes: tuple[float | None, ...]
    notes: tuple[str, ...] = ()


def find_factors(subject: Subject, units: UnitSet) -> Factors:
    """Find the two factors of δ at some units.

    Args:
        subject: what is studied.
        units: the units, block by block.

    Returns:
        The factors; None, with a note, where the output is not one vector per example or the
        cost has no gradient.
    """
    recordings = subject.recordings()
    ladder = ladder_of(recordings[0])
    if ladder.output is None:
        note = (
            "The cost reads no output of one vector per example, or reads the inputs as well: "
            "∂C/∂output and ∂output/∂z are not told."
        )
        return Factors(None, (None,) * len(units.blocks), (note,))
    of_output = 0.0
    of_units = torch.zeros(len(units.blocks), dtype=torch.float64)
    try:
        for place in range(len(recordings)):
            recording = recordings[place]
            slope = influence(recording, [ladder.output])[ladder.output].double()
            of_output += float(slope.reshape(recording.n_examples, -1).norm(dim=1).sum())
            of_units += _unit_slopes(recording, ladder.output, units)
    except PredictorError as error:
        return Factors(None, (None,) * len(units.blocks), (str(error),))
    n_examples = subject.n_examples
    note = f"‖∂output/∂z‖: from {MOST_OUTPUTS} random sums of the {ladder.n_outputs} outputs."
    return Factors(
        of_output / n_examples,
        tuple((of_units / n_examples).tolist()),
        (note,) if ladder.n_outputs > MOST_OUTPUTS else (),
    )


def _unit_slopes(recording: Recording, output: str, units: UnitSet) -> Tensor:
    """Per block: ‖∂output/∂z‖, the mean over units, summed over examples."""
    sites = [recording.graph.site_by_name[block.site.name] for block in units.blocks]
    nodes = list(dict.fromkeys(site.node for site in sites))
    squares = [torch.zeros(()) for _ in sites]
    for along in _directions(recording.values[output]):
        slopes = influence(recording, nodes, output, along=along)
        for number, (site, block) in enumerate(zip(sites, units.blocks, strict=True)):
            own = unit_slopes(slopes[site.node], site, block).cpu()
            squares[number] = squares[number] + own.square()
    return torch.stack([square.sqrt().mean(1).sum() for square in squares])


def _directions(output: Tensor) -> Iterator[Tensor]:
    """Each output alone; or random signs, whose sums have the same squares in the mean."""
    n_outputs = output[0].numel()
    flat = output.reshape(len(output), n_outputs)
    if n_outputs <= MOST_OUTPUTS:
        for place in range(n_outputs):
            along = torch.zeros_like(flat)
            along[:, place] = 1
            yield along
        return
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(MOST_OUTPUTS):
        signs = torch.randint(2, (1, n_outputs), generator=generator) * 2 - 1
        yield (signs / MOST_OUTPUTS**0.5).to(flat).expand_as(flat)
