"""Δz for a subject: the perturbation with all that it reads over the whole of the batches."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _pytree as pytree

from neurodemon.engine.layout import canonical, coordinates
from neurodemon.engine.nudge import (
    Reference,
    Statistics,
    needs_statistics,
    nudge,
    seeded,
    statistics,
)
from neurodemon.engine.recording import Recording, record
from neurodemon.errors import PerturbationError
from neurodemon.jobs.resampling import resample
from neurodemon.subjects.admitting import plain
from neurodemon.subjects.fingerprints import hash_batches
from neurodemon.subjects.subject import Subject
from neurodemon.terms.perturbations import PERTURBATIONS, Noise, Patch, Perturbation, Resample
from neurodemon.terms.shapes import Bool, Float
from neurodemon.terms.sites import Site
from neurodemon.terms.text import count
from neurodemon.terms.units import UnitBlock
from neurodemon.tracing.capture import bind, shape_signature
from neurodemon.tracing.leaves import count_examples


class Nudges:
    """The nudges of one perturbation on one subject, site by site and batch by batch.

    Args:
        subject: what is studied.
        perturbation: what the demon wants.

    Raises:
        PerturbationError: no perturbation, or one that cannot be applied to this subject.
    """

    def __init__(self, subject: Subject, perturbation: Perturbation) -> None:
        if not isinstance(perturbation, PERTURBATIONS):
            raise PerturbationError(
                f"{perturbation!r} is no perturbation; expected one of "
                f"{', '.join(f'nd.{kind.__name__}' for kind in PERTURBATIONS)}."
            )
        self.perturbation = perturbation
        self.notes: list[str] = []
        self._subject = subject
        self._statistics: dict[str, Statistics] = {}
        self._pools: dict[str, list[Tensor]] = {}
        self._source = _read_source(subject, perturbation)
        self._source_recordings: dict[int, Recording] = {}

    @property
    def fingerprint(self) -> str:
        """A hash of the perturbation by content, the batches of a patch included."""
        if isinstance(self.perturbation, Patch):
            return f"patch:{hash_batches(self._source)}"
        return hashlib.blake2b(repr(self.perturbation).encode(), digest_size=8).hexdigest()

    def __call__(
        self, block: UnitBlock, place: int
    ) -> Float[Tensor, "example position coordinate"]:
        """Compute Δz of every unit of a block's site (of directions Δc of the block's), 0 at padding."""
        site = block.site
        if block.kind == "direction":
            dz = self._along(block, place)
        else:
            reference = Reference(
                statistics=self.statistics(site) if needs_statistics(self.perturbation) else None,
                other=self._other(site, place),
                generator=self._generator(site, place),
            )
            dz = nudge(self.perturbation, self._z(site, place), reference)
        real = self.real(site, place)
        return dz if real is None else dz.masked_fill(~real.unsqueeze(2), 0)

    def real(self, site: Site, place: int) -> Bool[Tensor, "example position"] | None:
        """Which positions of a site are real in a batch; None if all are."""
        return real_positions(self._subject, site, place)

    def statistics_of(self, block: UnitBlock) -> Statistics:
        """Mean and std of the coordinates of a block: of its directions, else of its site."""
        whole = self.statistics(block.site)
        if block.kind != "direction" or block.members is None:
            return whole
        places = range(len(self._subject.batches))
        own = statistics(coordinates(self._real_z(block.site, place), block) for place in places)
        lengths = torch.as_tensor(np.linalg.norm(block.members, axis=1)).to(own.std)
        stand_in = (
            whole.site_std / lengths if whole.stand_in == "site" else torch.ones_like(own.std)
        )
        std = torch.where(own.is_constant, stand_in, own.std)
        return replace(own, std=std, stand_in=whole.stand_in)

    def statistics(self, site: Site) -> Statistics:
        """Mean and std of each unit of a site over all batches, padding left out."""
        if site.name not in self._statistics:
            places = range(len(self._subject.batches))
            found = statistics(self._real_z(site, place) for place in places)
            self._statistics[site.name] = found
            if found.n_constant:
                stand_in = "the site's std" if found.stand_in == "site" else "1"
                self.notes.append(
                    f"{count(found.n_constant, 'unit')} of {site.name!r} without spread (the same "
                    f"z everywhere): where std(z) is asked for, {stand_in} stands in."
                )
        return self._statistics[site.name]

    def _z(self, site: Site, place: int) -> Tensor:
        """The site's value on a batch, in canonical layout."""
        recording = self._subject.recording(place)
        own = recording.graph.site_by_name[site.name]
        return canonical(recording.values[own.node], own)

    def _real_z(self, site: Site, place: int) -> Tensor:
        """Z at the real positions: all, or those of all examples in a row, as one example."""
        z, real = self._z(site, place), self.real(site, place)
        return z if real is None else z[real].unsqueeze(0)

    def _along(self, block: UnitBlock, place: int) -> Tensor:
        """Δc of each direction of a block."""
        c = coordinates(self._z(block.site, place), block)
        if isinstance(self.perturbation, Noise):  # each its own, whatever stands beside it
            parts = [self._noise_along(block, row, c, place) for row in range(len(block))]
            return torch.cat(parts, dim=2)
        other = self._other(block.site, place)
        own = None if other is None else coordinates(other, block)
        return nudge(self.perturbation, c, Reference(self._statistics_if_needed(block), own))

    def _noise_along(self, block: UnitBlock, row: int, c: Tensor, place: int) -> Tensor:
        """Noise along one direction of a block."""
        own = block.take(np.array([row]))
        words = ("noise", block.site.name, place, own.names[0], int(own.indices[0]))
        generator = seeded(getattr(self.perturbation, "seed", 0), *words)
        reference = Reference(self._statistics_if_needed(own), None, generator)
        return nudge(self.perturbation, c[:, :, row : row + 1], reference)

    def _statistics_if_needed(self, block: UnitBlock) -> Statistics | None:
        """The statistics of a block, where the perturbation reads them."""
        return self.statistics_of(block) if needs_statistics(self.perturbation) else None

    def _generator(self, site: Site, place: int) -> torch.Generator | None:
        """The generator of noise, its own per site and batch."""
        if not isinstance(self.perturbation, Noise):
            return None
        return seeded(self.perturbation.seed, "noise", site.name, place)

    def _other(self, site: Site, place: int) -> Tensor | None:
        """The values that come in z's place, if the perturbation has any."""
        if isinstance(self.perturbation, Resample):
            return self._resampled(site, self.perturbation.seed)[place]
        if isinstance(self.perturbation, Patch):
            return self._patched(site, place)
        return None

    def _resampled(self, site: Site, seed: int) -> list[Tensor]:
        """Another example's value for each example, in one cycle through all of equal shape."""
        if site.name not in self._pools:
            places = range(len(self._subject.batches))
            self._pools[site.name] = resample(
                [self._z(site, place) for place in places],
                [self.real(site, place) for place in places],
                seed,
            )
        return self._pools[site.name]

    def source_costs(self) -> Float[NDArray[np.float64], " example"]:
        """The cost of each example of a patch's source, judged by the subject's targets."""
        places = range(len(self._source))
        costs = [self._source_recording(place).cost for place in places]
        return torch.cat(costs).double().cpu().numpy()

    def _patched(self, site: Site, place: int) -> Tensor:
        """The site's value under the source's inputs."""
        recording = self._source_recording(place)
        own = recording.graph.site_by_name[site.name]
        return canonical(recording.values[own.node], own)

    def _source_recording(self, place: int) -> Recording:
        """The clean pass over one batch of a patch's source, its sites alone kept."""
        if place not in self._source_recordings:
            captured = self._subject.capture(place)
            with self._subject.held() as model:
                made = record(captured.graph, bind(captured.graph, model, self._source[place]))
            kept = {one.node: made.values[one.node] for one in captured.graph.sites}
            self._source_recordings[place] = replace(made, values=kept)
        return self._source_recordings[place]


def real_positions(
    subject: Subject, site: Site, place: int
) -> Bool[Tensor, "example position"] | None:
    """Which positions of a site are real in a batch; None if all are."""
    recording = subject.recording(place)
    own = recording.graph.site_by_name[site.name]
    return subject.padding(place).at(site, canonical(recording.values[own.node], own).shape[1])


def _read_source(subject: Subject, perturbation: Perturbation) -> list[tuple[Any, Any]]:
    """Read the batches of a patch, and refuse such that do not line up with the subject's."""
    if not isinstance(perturbation, Patch):
        return []
    if not isinstance(perturbation.source, Iterable):
        raise PerturbationError(
            f"Patch(source) is {type(perturbation.source).__name__}; expected batches "
            "(inputs, target), aligned with the subject's."
        )
    source = list(perturbation.source)
    if len(source) != len(subject.batches):
        raise PerturbationError(
            f"Patch(source) holds {len(source)} batches, the subject {len(subject.batches)}; "
            "expected one source batch for each, example by example."
        )
    aligned = []
    pairs: list[tuple[Any, Any]] = list(zip(subject.batches, source, strict=True))
    for place, (own, other) in enumerate(pairs):
        if not isinstance(other, (tuple, list)) or len(other) != 2:
            raise PerturbationError(f"Patch(source) batch {place} is no pair (inputs, target).")
        pair = (plain(other[0]), own[1])  # the target plays no part in a site's value
        is_alike = (
            len(pytree.tree_leaves(pair)) == len(pytree.tree_leaves(own))
            and shape_signature(pair) == shape_signature(own)
            and count_examples(pair) == count_examples(own)
        )
        if not is_alike:
            raise PerturbationError(
                f"Patch(source) batch {place} has tensors of other shapes than the subject's "
                f"({shape_signature(pair)} against {shape_signature(own)}, "
                f"{count_examples(pair)} examples against {count_examples(own)}); expected the "
                "same, example by example."
            )
        aligned.append(pair)
    return aligned
