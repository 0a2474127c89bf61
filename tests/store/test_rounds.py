"""Rounds: what was asked and answered, read back bit for bit; what is not whole is no round."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurodemon.errors import StoreError
from neurodemon.store import rounds as store_rounds
from neurodemon.store.rounds import read_round, round_path, rounds_folder, write_round

UNITS, EXAMPLES = np.array([5, 5, 2**40]), np.array([0, 7, 3])
PAIRS = (UNITS, EXAMPLES)
EFFECTS = np.array([0.1, -0.0, 5e-324])


def test_a_round_is_read_back_bit_for_bit(tmp_path):
    effects = np.array([np.nan, -np.inf, -0.0])
    write_round(tmp_path, 0, PAIRS, effects)
    found = read_round(tmp_path, 0, PAIRS)
    assert found.dtype == np.float64
    assert found.tobytes() == effects.tobytes()


def test_rounds_are_kept_apart_by_number(tmp_path):
    for index in (0, 1, 12):
        write_round(tmp_path, index, PAIRS, EFFECTS + index)
    assert [path.name for path in sorted(rounds_folder(tmp_path).iterdir())] == [
        "round-00000.parquet",
        "round-00001.parquet",
        "round-00012.parquet",
    ]
    assert np.array_equal(read_round(tmp_path, 12, PAIRS), EFFECTS + 12)


def test_a_round_without_pairs_is_a_round(tmp_path):
    none = np.zeros(0, np.int64)
    write_round(tmp_path, 0, (none, none), np.zeros(0))
    assert len(read_round(tmp_path, 0, (none, none))) == 0


def test_a_round_is_written_over(tmp_path):
    write_round(tmp_path, 0, PAIRS, EFFECTS)
    write_round(tmp_path, 0, PAIRS, 2 * EFFECTS)
    assert np.array_equal(read_round(tmp_path, 0, PAIRS), 2 * EFFECTS)


def test_a_round_that_is_not_there_is_none(tmp_path):
    assert read_round(tmp_path, 0, PAIRS) is None


@pytest.mark.parametrize(
    "other",
    [
        (UNITS[::-1].copy(), EXAMPLES),
        (UNITS, EXAMPLES + 1),
        (UNITS[:2], EXAMPLES[:2]),
        (np.append(UNITS, 1), np.append(EXAMPLES, 1)),
    ],
)
def test_a_round_of_other_pairs_is_none(tmp_path, other):
    write_round(tmp_path, 0, PAIRS, EFFECTS)
    assert read_round(tmp_path, 0, other) is None


@pytest.mark.parametrize("kept", [0, 1, 10, 0.5, -1])
def test_half_a_round_is_none(tmp_path, kept):
    write_round(tmp_path, 0, PAIRS, EFFECTS)
    content = round_path(tmp_path, 0).read_bytes()
    end = int(kept * len(content)) if isinstance(kept, float) else kept
    round_path(tmp_path, 0).write_bytes(content[:end])
    assert read_round(tmp_path, 0, PAIRS) is None


MANY = (np.arange(500), np.arange(500))
RANDOM = np.random.default_rng(0).normal(size=500)


def flip_a_bit(folder):
    """Write a round, and change one of its effects by a bit."""
    write_round(folder, 0, MANY, RANDOM)
    path = round_path(folder, 0)
    metadata = pq.ParquetFile(path).metadata.row_group(0).column(2)
    content = bytearray(path.read_bytes())
    content[metadata.dictionary_page_offset + metadata.total_compressed_size // 2] ^= 1
    path.write_bytes(content)


def test_a_round_with_a_flipped_bit_in_its_numbers_is_none(tmp_path):
    flip_a_bit(tmp_path)
    assert read_round(tmp_path, 0, MANY) is None


def test_without_checksums_a_flipped_bit_would_be_an_effect(tmp_path):
    """Negative control."""
    flip_a_bit(tmp_path)
    table = pq.ParquetFile(round_path(tmp_path, 0), page_checksum_verification=False).read()
    assert (table["effect"].to_numpy() != RANDOM).sum() >= 1


@pytest.mark.parametrize("column", ["unit", "example", "effect"])
def test_a_table_without_a_column_is_none(tmp_path, column):
    rounds_folder(tmp_path).mkdir()
    table = pa.table({"unit": UNITS, "example": EXAMPLES, "effect": EFFECTS})
    pq.write_table(table.drop_columns([column]), round_path(tmp_path, 0))
    assert read_round(tmp_path, 0, PAIRS) is None


def test_a_folder_in_the_place_of_a_round_is_none(tmp_path):
    round_path(tmp_path, 0).mkdir(parents=True)
    assert read_round(tmp_path, 0, PAIRS) is None


def test_a_file_in_the_place_of_the_folder_is_explained(tmp_path):
    rounds_folder(tmp_path).write_text("mine")
    with pytest.raises(StoreError, match="The disk refused"):
        write_round(tmp_path, 0, PAIRS, EFFECTS)


def test_a_writer_that_is_stopped_leaves_no_round(tmp_path, monkeypatch):
    def stopped(_path, _content):
        raise KeyboardInterrupt

    monkeypatch.setattr(store_rounds, "write_whole", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_round(tmp_path, 0, PAIRS, EFFECTS)
    assert read_round(tmp_path, 0, PAIRS) is None


def test_effects_that_are_no_numbers_are_none(tmp_path):
    rounds_folder(tmp_path).mkdir()
    text = [str(effect) for effect in EFFECTS]
    table = pa.table({"unit": UNITS, "example": EXAMPLES, "effect": text})
    pq.write_table(table, round_path(tmp_path, 0))
    assert read_round(tmp_path, 0, PAIRS) is None
