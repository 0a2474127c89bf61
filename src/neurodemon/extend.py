"""The second door, for plug-ins: predictors of your own, scored by every audit beside ours.

A predictor is a function of a `Place` (the units of one site on one batch, with z, Δz, δ and
what lies behind the nonlinearity) that gives the effect of each unit on each example. It must
be as cheap as the passes it shares: it runs for all units at once, and nothing else is run.
"""

import keyword

from neurodemon.engine.plugins import Place, Predictor, register, unregister
from neurodemon.engine.predict import LADDER
from neurodemon.errors import PredictorError
from neurodemon.terms.audits import AUDIT_COLUMNS
from neurodemon.terms.effects import SCHEMA

__all__ = ["Place", "Predictor", "register_predictor", "unregister_predictor"]

TAKEN = {*LADDER, *SCHEMA.names, *AUDIT_COLUMNS, "auto", "name", "per_example"}


def register_predictor(name: str, predictor: Predictor) -> None:
    """Bring a predictor: from now on `nd.predict` and `nd.audit` know it by its name.

    An audit gives it a column and scores it as it scores ours, on the same units; it leads the
    measuring only where it is asked for by name, and `predictor="auto"` never takes it.

    Args:
        name: a Python identifier that is not taken; one registered before is replaced.
        predictor: called with a `Place` for each site and batch; returns float (example, unit),
            in units of the cost.

    Raises:
        PredictorError: the name is taken or no identifier, or the predictor cannot be called.

    Example:
        >>> def half(place: Place):
        ...     return place.first_order / 2
        >>> register_predictor("half", half)
        >>> import neurodemon as nd, torch
        >>> batch = (torch.ones(4, 2), torch.zeros(4, 1))
        >>> subject = nd.Subject(torch.nn.Linear(2, 1), [batch], "squared_error")
        >>> nd.predict(subject, ":out", predictor="half")["predictor"]
        ['half']
        >>> unregister_predictor("half")
    """
    if not str(name).isidentifier() or keyword.iskeyword(name) or name in TAKEN:
        raise PredictorError(
            f"Predictor name {name!r} is taken or no identifier; expected one such as 'mine', and "
            f"none of {', '.join(sorted(TAKEN))}."
        )
    if not callable(predictor):  # a user's mistake, whatever the types say
        raise PredictorError(
            f"Predictor {name!r} is a {type(predictor).__name__}; expected a function of a Place "
            "that returns a tensor (example, unit)."
        )
    register(name, predictor)


def unregister_predictor(name: str) -> None:
    """Forget a predictor that was registered.

    Args:
        name: what it was registered under; a `PredictorError` says if there is none.
    """
    unregister(name)
