"""Read IDX files, the format MNIST comes in: a short header, then unsigned bytes.

Two zero bytes, a type (8: unsigned byte), the number of axes, the size of each as four bytes,
most significant first; then the values. Gzipped or not. Source: yann.lecun.com/exdb/mnist.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import DatasetError

UNSIGNED_BYTE = b"\x00\x00\x08"
GZIP = b"\x1f\x8b"


def read_idx(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """Read one file of unsigned bytes.

    Args:
        path: the file; whether it is gzipped is told by its content.
        n_axes: how many axes it must have: 3 for images, 1 for labels.

    Returns:
        Its values, with the axes the header says.

    Raises:
        DatasetError: the file is damaged, or is not of this kind.
    """
    content = _read_bytes(path)
    header = 4 * (1 + n_axes)
    if content[:4] != UNSIGNED_BYTE + bytes([n_axes]) or len(content) < header:
        raise DatasetError(
            f"{path} begins with {content[:4].hex(' ') or 'nothing'}; expected an IDX file of "
            f"unsigned bytes with {n_axes} axes (00 00 08 {n_axes:02x}). Fetch the file again."
        )
    shape = struct.unpack(f">{n_axes}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise DatasetError(
            f"{path} holds {len(content) - header} values; its header promises "
            f"{math.prod(shape)} (shape {shape}). Fetch the file again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    """Read a file whole, unzipped."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP) else content
    except (OSError, EOFError, zlib.error) as error:  # gzip raises any of the three
        raise DatasetError(
            f"{path} cannot be read: {error}. Expected an IDX file, gzipped or not. Fetch the "
            "file again."
        ) from error
