"""The optional libraries of the built-in subjects: loaded when needed, missed with advice."""

from types import ModuleType

from neurodemon.errors import MissingExtraError


def load_safetensors() -> ModuleType:
    """Load safetensors with its torch part.

    Returns:
        The module `safetensors`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import safetensors.torch  # noqa: PLC0415  # optional
    except ImportError as error:
        raise MissingExtraError(_advice("keeps trained weights", "safetensors")) from error
    return safetensors


def load_sklearn_datasets() -> ModuleType:
    """Load scikit-learn's data sets.

    Returns:
        The module `sklearn.datasets`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sklearn.datasets  # noqa: PLC0415  # optional
    except ImportError as error:
        raise MissingExtraError(_advice("brings the digits", "scikit-learn")) from error
    datasets: ModuleType = sklearn.datasets
    return datasets


def _advice(purpose: str, library: str) -> str:
    """Say what is missing and how to get it."""
    return f"{library}, which {purpose}, is not installed: pip install 'neurodemon[data]'"
