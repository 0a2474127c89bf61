"""The optional libraries of the built-in subjects: loaded when needed, missed with advice."""

from types import ModuleType

from neurodemon.errors import MissingExtraError


def load_safetensors(*, extra: str = "data") -> ModuleType:
    """Load safetensors with its torch part.

    Args:
        extra: the extra that the caller belongs to.

    Returns:
        The module `safetensors`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import safetensors.torch  # noqa: PLC0415  # optional
    except ImportError as error:
        raise MissingExtraError(
            missing("safetensors", "keeps trained weights", extra=extra)
        ) from error
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
        raise MissingExtraError(
            missing("scikit-learn", "brings the digits", extra="data")
        ) from error
    datasets: ModuleType = sklearn.datasets
    return datasets


def load_transformers() -> ModuleType:
    """Load Hugging Face's transformers.

    Returns:
        The module `transformers`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import transformers  # noqa: PLC0415  # optional
    except ImportError as error:
        text = missing("transformers", "builds Hugging Face's models", extra="text")
        raise MissingExtraError(text) from error
    loaded: ModuleType = transformers
    return loaded


def missing(library: str, purpose: str, *, extra: str) -> str:
    """Say what is missing and how to get it.

    Args:
        library: the name of what is not installed.
        purpose: what it is for, as a verb's phrase.
        extra: the extra of this package that brings it.

    Returns:
        The message.
    """
    return f"{library}, which {purpose}, is not installed: pip install 'neurodemon[{extra}]'"
