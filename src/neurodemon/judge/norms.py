"""The norm of the mean δ beside the mean norm of δ: what training silences, and what it does not.

Mean δ is ∂(mean C)/∂bias, which a trained network has driven to 0; each example's own δ goes
to 0 only where the network fits every example (theory.md §0, point 6).
"""

import numpy as np
from numpy.typing import NDArray

from neurodemon.terms.shapes import Float


def norm_of_mean(deltas: Float[np.ndarray, "example unit"]) -> float:
    """‖mean δ‖ over the units.

    Args:
        deltas: δ of each example; units that are not finite on every example are left out.

    Returns:
        The norm; 0 without units.

    Example:
        >>> norm_of_mean(np.array([[3.0, 4.0], [-3.0, 4.0]]))
        4.0
    """
    return float(np.linalg.norm(_finite(deltas).mean(0)))


def mean_of_norms(deltas: Float[np.ndarray, "example unit"]) -> float:
    """Mean over the examples of ‖δ‖, the norm over the units.

    Args:
        deltas: as for `norm_of_mean`.

    Returns:
        The mean norm, at least the norm of the mean; 0 without units.

    Example:
        >>> mean_of_norms(np.array([[3.0, 4.0], [-3.0, 4.0]]))
        5.0
    """
    return float(np.linalg.norm(_finite(deltas), axis=1).mean())


def _finite(deltas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The units that are finite on every example."""
    return deltas[:, np.isfinite(deltas).all(0)]
