"""Put a demon into any unit of any PyTorch model: predict, measure, judge.

Names are loaded when they are first used (PEP 562): importing neurodemon loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurodemon.errors import NeurodemonError
    from neurodemon.jobs.auditing import audit
    from neurodemon.jobs.checking import check
    from neurodemon.jobs.curving import curve
    from neurodemon.jobs.exploring import headroom
    from neurodemon.jobs.keeping import load, save
    from neurodemon.jobs.measuring import measure
    from neurodemon.jobs.pairing import pair_score
    from neurodemon.jobs.plotting import plot
    from neurodemon.jobs.predicting import delta, predict
    from neurodemon.jobs.questioning import question
    from neurodemon.jobs.selecting import sites, units
    from neurodemon.subjects.logit_difference import logit_difference
    from neurodemon.subjects.subject import Subject
    from neurodemon.terms.audits import Audit
    from neurodemon.terms.curves import Curve
    from neurodemon.terms.effects import Effects
    from neurodemon.terms.groups import Direction, Group
    from neurodemon.terms.perturbations import (
        Add,
        Mean,
        Noise,
        Patch,
        Resample,
        Scale,
        Set,
        Zero,
    )
    from neurodemon.terms.questions import Question
    from neurodemon.terms.radii import Absolute, Std
    from neurodemon.terms.sites import Site
    from neurodemon.terms.units import Unit, UnitSet

__version__ = "0.1.0"

_HOMES = {
    "Absolute": "neurodemon.terms.radii",
    "Add": "neurodemon.terms.perturbations",
    "Audit": "neurodemon.terms.audits",
    "Curve": "neurodemon.terms.curves",
    "Direction": "neurodemon.terms.groups",
    "Effects": "neurodemon.terms.effects",
    "Group": "neurodemon.terms.groups",
    "Mean": "neurodemon.terms.perturbations",
    "NeurodemonError": "neurodemon.errors",
    "Noise": "neurodemon.terms.perturbations",
    "Patch": "neurodemon.terms.perturbations",
    "Question": "neurodemon.terms.questions",
    "Resample": "neurodemon.terms.perturbations",
    "Scale": "neurodemon.terms.perturbations",
    "Set": "neurodemon.terms.perturbations",
    "Site": "neurodemon.terms.sites",
    "Std": "neurodemon.terms.radii",
    "Subject": "neurodemon.subjects.subject",
    "Unit": "neurodemon.terms.units",
    "UnitSet": "neurodemon.terms.units",
    "Zero": "neurodemon.terms.perturbations",
    "audit": "neurodemon.jobs.auditing",
    "check": "neurodemon.jobs.checking",
    "curve": "neurodemon.jobs.curving",
    "delta": "neurodemon.jobs.predicting",
    "headroom": "neurodemon.jobs.exploring",
    "load": "neurodemon.jobs.keeping",
    "logit_difference": "neurodemon.subjects.logit_difference",
    "measure": "neurodemon.jobs.measuring",
    "pair_score": "neurodemon.jobs.pairing",
    "plot": "neurodemon.jobs.plotting",
    "predict": "neurodemon.jobs.predicting",
    "question": "neurodemon.jobs.questioning",
    "save": "neurodemon.jobs.keeping",
    "sites": "neurodemon.jobs.selecting",
    "units": "neurodemon.jobs.selecting",
}

__all__ = [
    "Absolute",
    "Add",
    "Audit",
    "Curve",
    "Direction",
    "Effects",
    "Group",
    "Mean",
    "NeurodemonError",
    "Noise",
    "Patch",
    "Question",
    "Resample",
    "Scale",
    "Set",
    "Site",
    "Std",
    "Subject",
    "Unit",
    "UnitSet",
    "Zero",
    "audit",
    "check",
    "curve",
    "delta",
    "headroom",
    "load",
    "logit_difference",
    "measure",
    "pair_score",
    "plot",
    "predict",
    "question",
    "save",
    "sites",
    "units",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'neurodemon' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
