"""Say what a device had no memory for, where torch only says how many bytes it wanted."""

import contextlib
import ctypes
from collections.abc import Iterator

import torch

from neurodemon.errors import DeviceMemoryError

WORDS = ("out of memory", "can't allocate memory", "not enough memory")  # of torch's allocators


@contextlib.contextmanager
def memory_told(doing: str) -> Iterator[None]:
    """Turn torch's own errors about memory into ours, which say what it was wanted for.

    Args:
        doing: what is being done, in words: `measuring 64 units at 'fc1' on 500 examples`.

    Yields:
        Nothing.

    Raises:
        DeviceMemoryError: the device ran out of memory.
        MemoryError: one that is ours already.
        RuntimeError: one about something else.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_about_memory(error):
            raise
        first = str(error).strip().partition("\n")[0][:200]
        raise DeviceMemoryError(
            f"The device ran out of memory while {doing} ({first}). Expected room for one pass: "
            "give batches of fewer examples, free the device, or take one with more memory."
        ) from error


def is_about_memory(error: BaseException) -> bool:
    """Whether an error of torch's says that a device has too little memory."""
    if isinstance(error, DeviceMemoryError):
        return False
    is_named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_named or any(words in str(error).lower() for words in WORDS)


def give_back() -> None:
    """Give freed memory back to the system, where the C library can be asked to.

    Passes of each site have sizes of their own; what the last ones left in the heap does not fit
    the next, and it would grow from site to site.
    """
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
