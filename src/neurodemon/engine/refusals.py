"""Refusals: what the user's operations raise where numbers are not the model's own."""

from neurodemon.engine.memory import is_about_memory
from neurodemon.errors import NeurodemonError

NOTE = (
    "This was raised while {doing}. The clean pass ran, so that an operation of the model or of the "
    "cost refuses the numbers that a demon makes; expected one that takes any number, and gives NaN "
    "where there is no result. Take a smaller perturbation or other units, or change the operation."
)


def is_refusal(error: Exception) -> bool:
    """Whether an error is an operation's own: not one of ours, and not about memory.

    Args:
        error: what was raised.

    Returns:
        True of what an assert, a check of a range or a decomposition raises.

    Example:
        >>> is_refusal(ValueError("expected a probability")), is_refusal(MemoryError())
        (True, False)
    """
    return not isinstance(error, NeurodemonError) and not is_about_memory(error)
