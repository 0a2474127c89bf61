"""Figures of what demons did, drawn with matplotlib (extra `plot`).

Only these files know matplotlib. They use its objects, never pyplot: no window, no backend, none
of the user's settings are touched. Whoever imports them without matplotlib is told how to get it.
"""

from neurodemon.errors import MissingExtraError

try:
    import matplotlib.figure  # noqa: F401  # the proof that it is there
except ImportError as error:
    raise MissingExtraError(
        "matplotlib, which draws the figures, is not installed: pip install 'neurodemon[plot]'"
    ) from error
