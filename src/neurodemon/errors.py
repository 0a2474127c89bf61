"""Every exception that neurodemon raises on purpose, in one tree.

Catch `NeurodemonError` for all of them. Each message says what was found, what was
expected and what to do::

    NeurodemonError
    ├── CaptureError              the model could not be turned into a graph
    ├── SiteNotFoundError         no site matches (also a LookupError)
    ├── SelectionError            a selection that does not parse or fit (also a ValueError)
    ├── UnitIndexError            a unit or position out of range (also an IndexError)
    ├── PerturbationError         a perturbation that cannot be applied (also a ValueError)
    ├── PredictorError            a predictor that does not apply (also a ValueError)
    ├── BudgetError               no budget of measurements (also a ValueError)
    ├── SubjectError              model, batches or cost are not usable (also a ValueError)
    │   ├── BatchError            the batches: empty, read-once, malformed
    │   ├── CostShapeError        the cost is not one number per example
    │   ├── NonFiniteCostError    the clean cost is NaN or infinite
    │   └── DatasetError          a data set that is not there or not readable
    ├── CouplingError             an example's cost depends on the other examples
    ├── NondeterminismError       two clean runs differ
    ├── ReplayMismatchError       the captured graph does not give the model's numbers
    ├── DeviceMemoryError         the device has too little memory (also a MemoryError)
    ├── PlotError                 a result or a file that cannot be drawn (also a ValueError)
    ├── StoreError                a run folder that cannot be read, or not with this plan
    └── MissingExtraError         an optional library is not installed (also an ImportError)

This file imports nothing, so that every room can raise without a detour.
"""


class NeurodemonError(Exception):
    """The base of all errors that neurodemon raises on purpose."""


class CaptureError(NeurodemonError):
    """The model could not be turned into a graph; the message names the reason."""


class SiteNotFoundError(NeurodemonError, LookupError):
    """No site of the model matches; the message lists the nearest names."""


class SelectionError(NeurodemonError, ValueError):
    """A selection of units does not parse, or does not fit the site it names."""


class UnitIndexError(NeurodemonError, IndexError):
    """A unit or a position lies outside its site."""


class PerturbationError(NeurodemonError, ValueError):
    """A perturbation cannot be applied here."""


class PredictorError(NeurodemonError, ValueError):
    """The named predictor does not exist or does not apply to this subject."""


class BudgetError(NeurodemonError, ValueError):
    """A budget, or what an audit is to reach with it, is none that can be kept."""


class SubjectError(NeurodemonError, ValueError):
    """Model, batches or cost cannot be studied as given."""


class BatchError(SubjectError):
    """The batches are empty, can be read only once, or are malformed."""


class CostShapeError(SubjectError):
    """The cost does not return one number per example."""


class NonFiniteCostError(SubjectError):
    """The clean cost is NaN or infinite, so that no effect can be measured."""


class DatasetError(SubjectError):
    """A data set is missing or is not what its files claim to be."""


class CouplingError(NeurodemonError):
    """An example's cost depends on the other examples of its batch."""


class NondeterminismError(NeurodemonError):
    """Two clean runs differ, so that no effect can be told from chance."""


class ReplayMismatchError(NeurodemonError):
    """The captured graph does not reproduce the model's own numbers."""


class DeviceMemoryError(NeurodemonError, MemoryError):
    """The device has too little memory for a pass; the message says for which."""


class PlotError(NeurodemonError, ValueError):
    """A result holds nothing to draw, or a figure cannot be written under that name."""


class StoreError(NeurodemonError):
    """A run folder cannot be read, or belongs to another plan or other weights."""


class MissingExtraError(NeurodemonError, ImportError):
    """An optional library is not installed; the message names the pip command."""
