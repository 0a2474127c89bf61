"""Predictors that others bring: functions of one unit's place in the network, by name.

The registry is the one state that outlives a call: a plug-in is registered when its module is
imported, and every audit after that scores it beside the ladder.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodemon.engine.layout import over_units
from neurodemon.errors import PredictorError
from neurodemon.terms.shapes import Float
from neurodemon.terms.units import UnitBlock


@dataclass(frozen=True, eq=False)
class Place:
    """What a predictor may read: units of one site, on one batch, all from shared passes.

    Everything is float64, per example, before any average. Positions are flattened; a site
    without positions has one. All are copies.

    Attributes:
        block: the units, a row each.
        cost: C of each example.
        tangent: δ·Δz of each unit, summed over its positions.
        first_order: δ_a·Δa of each unit, likewise.
        z: the value at the site.
        dz: Δz of every unit of the site.
        delta: δ = ∂C/∂z.
        activation: a, where the change leaves the elementwise operations behind the site.
        moved: a with each unit moved.
        activation_delta: ∂C/∂a.
    """

    block: UnitBlock
    cost: Float[Tensor, " example"]
    tangent: Float[Tensor, "example row"]
    first_order: Float[Tensor, "example row"]
    z: Float[Tensor, "example position coordinate"]
    dz: Float[Tensor, "example position coordinate"]
    delta: Float[Tensor, "example position coordinate"]
    activation: Float[Tensor, "example position coordinate"]
    moved: Float[Tensor, "example position coordinate"]
    activation_delta: Float[Tensor, "example position coordinate"]

    def over_units(
        self, contributions: Float[Tensor, "example position coordinate"]
    ) -> Float[Tensor, "example row"]:
        """Add up what each unit contributes: over its positions, or its features."""
        return over_units(contributions, self.block)


Predictor = Callable[[Place], Tensor]

_PREDICTORS: dict[str, Predictor] = {}


def registered() -> tuple[str, ...]:
    """The names of the predictors that others brought, in the order they came."""
    return tuple(_PREDICTORS)


def register(name: str, predictor: Predictor) -> None:
    """Take a predictor in, in the place of another of that name."""
    _PREDICTORS[name] = predictor


def unregister(name: str) -> None:
    """Forget a predictor.

    Args:
        name: what it was registered under.

    Raises:
        PredictorError: there is none of that name.
    """
    if name not in _PREDICTORS:
        raise PredictorError(
            f"Predictor {name!r} is not registered; expected one of {list(_PREDICTORS)}."
        )
    del _PREDICTORS[name]


def ask(name: str, place: Place) -> Float[Tensor, "example row"]:
    """Ask a predictor, and hold it to its word.

    Args:
        name: of a registered predictor.
        place: what it may read.

    Returns:
        The effects it predicts, float64.

    Raises:
        PredictorError: it failed, or gave no tensor of the right shape.
    """
    try:
        found: object = _PREDICTORS[name](place)
    except Exception as error:  # code of others: whatever it raises is named as theirs
        raise PredictorError(
            f"Predictor {name!r} failed at {place.block.site.name!r} ({type(error).__name__}: "
            f"{error}); expected the effect of each unit on each example. Mend it, or "
            "unregister_predictor it."
        ) from error
    expected = tuple(place.first_order.shape)
    if not isinstance(found, Tensor) or tuple(found.shape) != expected or found.is_complex():
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise PredictorError(
            f"Predictor {name!r} returned {what} for {len(place.block)} units of "
            f"{place.block.site.name!r}; expected a tensor (example, unit) = {expected} of real numbers: the effect "
            "of each unit on each example. place.over_units sums over positions."
        )
    return found.detach().to(torch.float64)
