"""Hold one model of the zoo against the hook oracle, at many sites and a few of their units.

The oracle is one full eager forward per unit. A module's output is changed in a forward hook;
a module's input is changed in place in a pre-hook, so that everyone else who reads the same
tensor (a skip connection) reads the change too: the site is the tensor. At padded positions
nothing is changed, and no mean is taken of them.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from oracles.comparing import hookable
from oracles.hooks import Place, change_leaf, hooked, run, unit_masks
from oracles.models import Case, cast
from oracles.nudges import moved_values
from torch import Tensor, nn
from zoo.entries import BY_NAME, Entry

import neurodemon as nd
from neurodemon.terms.perturbations import Perturbation
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock, UnitSet

SEED = 0


@dataclass(frozen=True, eq=False)
class Studied:
    """An entry with its subject, kept from one test to the next."""

    entry: Entry
    case: Case
    subject: nd.Subject
    tracing: str

    def drawn_sites(self, count: int | None = None) -> list[Site]:
        """So many of the sites that a hook can reach, drawn by the seed; all, if None.

        Left out are those whose units are not the same in all batches.
        """
        called, sites = _called(self.case), self.subject.sites()
        drawn: list[int] = []
        for place in np.random.default_rng(SEED).permutation(len(sites)).tolist():
            name = hookable(sites[place])
            is_reached = name is not None and Place.parse(name).path in called
            if is_reached and self._has_same_units(sites[place]):
                drawn.append(place)
            if len(drawn) == count:
                break
        return [sites[place] for place in sorted(drawn)]

    def _has_same_units(self, site: Site) -> bool:
        """Whether a site's unit axis is as long in every batch."""
        if len(self.case.batches) == 1 or "unit" not in site.axes:
            return True
        axis = site.axes.index("unit")
        return len({value.shape[axis] for value in clean_values(self.case, site)}) == 1


@lru_cache(maxsize=4)
def study(name: str, tracing: str, dtype: torch.dtype = torch.float32) -> Studied:
    """Make an entry's model and its subject."""
    entry = BY_NAME[name]
    case = entry.make()
    if dtype != torch.float32:
        batches = [cast(batch, dtype) for batch in case.batches]
        case = Case(case.model.to(dtype), batches, case.cost)
    subject = nd.Subject(case.model, case.batches, case.cost, capture=tracing)
    return Studied(entry, case, subject, tracing)


@dataclass(frozen=True)
class Gap:
    """How far measured effects are from the oracle's, and how large the largest is."""

    off: float
    largest: float

    def __or__(self, other: "Gap") -> "Gap":
        """Both together."""
        return Gap(float(np.maximum(self.off, other.off)), max(self.largest, other.largest))

    @property
    def relative(self) -> float:
        """The largest difference per example, relative to the largest effect."""
        return self.off / self.largest


def compare(
    studied: Studied,
    perturbation: Perturbation,
    sites: Sequence[Site],
    *,
    kind: str = "neuron",
    n_units: int | None = 2,
) -> Gap:
    """Measure units of some sites, and ask the oracle for the same.

    Args:
        studied: the entry.
        perturbation: what the demons want.
        sites: where they sit.
        kind: `neuron` (or `channel`), or `position`.
        n_units: how many units of each site: the loudest and others drawn; all, if None.

    Returns:
        How far the two are apart. NaN, at padded positions, must be so in both.
    """
    blocks = [draw(studied.case, site, kind, n_units) for site in sites]
    effects = nd.measure(studied.subject, UnitSet(tuple(blocks)), perturbation)
    assert set(effects["engine"]) == {studied.tracing}
    found = effects.per_example
    expected = np.concatenate(
        [oracle_effects(studied.case, block, perturbation) for block in blocks], axis=1
    )
    assert found is not None
    is_same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    off = np.where(is_same, 0.0, np.abs(found - expected)).max()
    return Gap(float(off), float(np.nanmax(np.abs(expected))))


def oracle_effects(case: Case, block: UnitBlock, perturbation: Perturbation) -> np.ndarray:
    """The oracle's effects of the units of a block, (example, unit); NaN at padded positions."""
    values = clean_values(case, block.site)
    moved = _moved(perturbation, values, block.site, case)
    places = block.positions if block.kind == "position" else block.indices
    parts = []
    for (inputs, target), value, there in zip(case.batches, values, moved, strict=True):
        masks = unit_masks(block.site.axes, value.shape, block.kind)
        base = _cost(case, block.site, inputs, target, lambda z: z)
        columns = [
            _cost(case, block.site, inputs, target, _putting(there, masks[place])) - base
            for place in places
        ]
        effects = torch.stack(columns, dim=1)
        real = _real(inputs, value, block.site) if block.kind == "position" else None
        if real is not None:
            effects = effects.masked_fill(~real[:, torch.from_numpy(places)], math.nan)
        parts.append(effects)
    return torch.cat(parts).numpy()


def clean_values(case: Case, site: Site) -> list[Tensor]:
    """The value at a site for each batch."""
    values: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        values.append(value.detach().clone())
        return value

    for inputs, target in case.batches:
        _cost(case, site, inputs, target, keep)
    return values


def _moved(
    perturbation: Perturbation, values: Sequence[Tensor], site: Site, case: Case
) -> list[Tensor]:
    """What the values of all batches become; where the tokens are padding, they stay."""
    pairs = zip(case.batches, values, strict=True)
    masks = [_real(inputs, value, site) for (inputs, _target), value in pairs]
    if any(mask is None for mask in masks):
        return moved_values(perturbation, values, site.axes)
    order = [site.axes.index(role) for role in ("example", "position", "unit")]
    ordered = [value.permute(order) for value in values]
    real = [value[mask][None] for value, mask in zip(ordered, masks, strict=True)]
    moved = moved_values(perturbation, real, ("example", "position", "unit"))
    back = sorted(range(3), key=order.__getitem__)
    return [
        value.masked_scatter(mask[:, :, None], there).permute(back)
        for value, mask, there in zip(ordered, masks, moved, strict=True)
    ]


def _real(inputs: Any, value: Tensor, site: Site) -> Tensor | None:
    """Which positions are no padding, (example, position); None if a site has no tokens."""
    if not isinstance(inputs, dict):
        return None
    mask = inputs.get("attention_mask")
    if mask is None and "src_key_padding_mask" in inputs:
        mask = ~inputs["src_key_padding_mask"]
    if mask is None or sorted(site.axes) != ["example", "position", "unit"]:
        return None
    is_of_tokens = value.shape[site.axes.index("position")] == mask.shape[1]
    return mask.bool() if is_of_tokens else None


def _putting(there: Tensor, mask: tuple[Any, ...]) -> Callable[[Tensor], Tensor]:
    """Put other numbers in the place of one unit's."""

    def change(value: Tensor) -> Tensor:
        value = value.clone()
        value[mask] = there[mask]
        return value

    return change


def _cost(
    case: Case, site: Site, inputs: Any, target: Any, change: Callable[[Tensor], Tensor]
) -> Tensor:
    """The cost per example in float64 of a full forward, the value at a site changed."""
    name = hookable(site)
    assert name is not None, site
    place = Place.parse(name)
    hooking = _hooked_in_place if place.is_input else hooked
    with hooking(case.model, place, change), torch.no_grad():
        return case.cost(run(case.model, inputs), target).double()


@contextlib.contextmanager
def _hooked_in_place(
    model: nn.Module, place: Place, change: Callable[[Tensor], Tensor]
) -> Iterator[None]:
    """Change one floating tensor that goes into a module, for all who read it from there on."""
    calls = 0

    def overwrite(value: Tensor) -> Tensor:
        return value.copy_(change(value))

    def before(_module: nn.Module, arguments: Any, keywords: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == place.call:
            change_leaf((arguments, keywords), place.leaf, overwrite)

    handle = model.get_submodule(place.path).register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
    assert calls >= place.call, f"{place} was never reached"


def _called(case: Case) -> set[str]:
    """The modules that are called, by path; of some only the weights are read."""
    called = set()
    handles = [
        module.register_forward_pre_hook(lambda *_, path=path: called.add(path))
        for path, module in case.model.named_modules()
    ]
    with torch.no_grad():
        run(case.model, case.batches[0][0])
    for handle in handles:
        handle.remove()
    return called


def draw(case: Case, site: Site, kind: str, count: int | None) -> UnitBlock:
    """Take the loudest unit of a site, and draw others; positions that all batches have."""
    axes = {"neuron": {"unit"}, "position": {"position"}}[kind]
    loudness = [_loudness(value, site, axes) for value in clean_values(case, site)]
    total = min(map(len, loudness))
    loudest = int(np.argmax(sum(one[:total] for one in loudness)))
    others = np.random.default_rng(SEED).permutation(np.delete(np.arange(total), loudest))
    places = np.sort([loudest, *others[: None if count is None else count - 1]])
    none = np.full(len(places), -1)
    if kind == "position":
        return UnitBlock(site, "position", none, places)
    return UnitBlock(site, site.unit_kind, places, none)


def _loudness(value: Tensor, site: Site, kept: set[str]) -> np.ndarray:
    """The mean |z| of each unit, or of each position in row-major order."""
    others = tuple(axis for axis, role in enumerate(site.axes) if role not in kept)
    mean = value.double().abs().mean(others) if others else value.double().abs()
    return mean.reshape(-1).numpy()
