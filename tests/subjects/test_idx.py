"""IDX files: read as they are written, refused when they are damaged."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from neurodemon.errors import DatasetError
from neurodemon.subjects.idx import read_idx

VALUES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def written(path: Path, content: bytes, *, zipped: bool = False) -> Path:
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


def good() -> bytes:
    return struct.pack(">HBB3I", 0, 8, 3, *VALUES.shape) + VALUES.tobytes()


@pytest.mark.parametrize("zipped", [True, False])
def test_values_come_back_as_written(tmp_path: Path, *, zipped: bool) -> None:
    read = read_idx(written(tmp_path / "images", good(), zipped=zipped), 3)
    np.testing.assert_array_equal(read, VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (good()[:-1], r"holds 23 values; its header promises 24 \(shape \(2, 3, 4\)\)"),
        (good() + b"x", "holds 25 values"),
        (good()[:10], "unsigned bytes with 3 axes"),
        (b"", "begins with nothing"),
        (b"\x00\x00\x0d\x03" + good()[4:], "begins with 00 00 0d 03"),
        (b"\x00\x00\x08\x01" + good()[4:], r"3 axes \(00 00 08 03\)"),
        (gzip.compress(good())[:-12], "cannot be read"),
        (gzip.compress(good())[:20] + b"damage" + gzip.compress(good())[26:], "cannot be read"),
        (b"\x1f\x8b nothing of the kind", "cannot be read"),
    ],
    ids=["short", "long", "header", "empty", "type", "axes", "cut gzip", "bad gzip", "no gzip"],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path / "train-images", content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_idx(tmp_path, 3)
