"""Parts: effects as Parquet and back, bit for bit; what is not whole is no part."""

import datetime as dt
import io
import math
import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neurodemon.errors import StoreError
from neurodemon.store import parts as store_parts
from neurodemon.store.parts import from_parquet, to_parquet
from neurodemon.terms.effects import SCHEMA, Effects

NAN, INF = math.nan, math.inf
FIXED = settings(deadline=None, max_examples=60, derandomize=True)
OTHER_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0123))[0]

VALUES = {
    pa.string(): st.text(max_size=6),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(width=64),
}
ADDED = [
    pa.array([1, None, 3], pa.int8()),
    pa.array([1.5, None, NAN], pa.float32()),
    pa.array([True, None, False]),
    pa.array([None, None, None], pa.null()),
    pa.array(["a", None, "ä"], pa.large_string()),
    pa.array(["a", None, "a"]).dictionary_encode(),
    pa.array([[1.0], None, []], pa.list_(pa.float64())),
    pa.array([dt.datetime(2026, 1, 1), None, None], pa.timestamp("ns")),  # noqa: DTZ001
    pa.array([b"\x00", None, b""], pa.binary()),
]


@st.composite
def anything(draw):
    """Draw columns, effects per example and notes: any texts, any numbers, nulls, no rows."""
    size = draw(st.integers(0, 5))
    columns = {
        field.name: draw(st.lists(st.none() | VALUES[field.type], min_size=size, max_size=size))
        for field in SCHEMA
    }
    shape = (draw(st.integers(0, 4)), size)
    per_example = draw(st.none() | npst.arrays(np.float64, shape, elements=st.floats(width=64)))
    return columns, per_example, tuple(draw(st.lists(st.text(max_size=4), max_size=2)))


@FIXED
@given(anything())
def test_effects_come_back_bit_for_bit(drawn):
    columns, per_example, notes = drawn
    effects = Effects(Effects.of(**columns).table, per_example, notes)
    back = from_parquet(to_parquet(effects))
    assert back.table.schema.equals(effects.table.schema, check_metadata=True)
    assert spelled(back) == spelled(effects)


def spelled(effects):
    """Spell effects by type and bits, so that NaNs and the sign of 0 can be compared."""
    rows = [
        [struct.pack("<d", value) if isinstance(value, float) else value for value in row.values()]
        for row in effects.table.to_pylist()
    ]
    kept = effects.per_example
    return (
        rows,
        effects.notes,
        None if kept is None else (kept.shape, kept.dtype, kept.tobytes()),
    )


def test_spelling_tells_apart_what_equality_does_not():
    """Negative control of the property above."""
    values = [0.0, -0.0, NAN, OTHER_NAN, INF, None]
    spellings = [spelled(Effects.of(measured=[value])) for value in values]
    assert all(spellings.count(spelling) == 1 for spelling in spellings)


def test_nan_infinity_null_and_both_zeros_are_kept_apart(assert_same):
    values = [NAN, OTHER_NAN, -NAN, INF, -INF, None, 0.0, -0.0, 5e-324, NAN, OTHER_NAN]
    effects = Effects.of(site=["fc1"] * len(values), measured=values)
    assert_same(from_parquet(to_parquet(effects)), effects)


@pytest.mark.parametrize("column", ADDED, ids=lambda column: str(column.type))
def test_added_columns_keep_their_type(column, assert_same):
    effects = Effects.of(unit=[1, 2, 3]).with_columns({"added": column})
    assert_same(from_parquet(to_parquet(effects)), effects)


def test_columns_of_several_chunks_come_back_as_the_same_column(assert_same):
    table = pa.concat_tables([Effects.of(unit=[1]).table, Effects.of(unit=[2]).table])
    assert_same(from_parquet(to_parquet(Effects(table))), Effects(table))


def test_metadata_of_the_table_is_kept(assert_same):
    table = Effects.of(unit=[1]).table.replace_schema_metadata({b"of": b"the user"})
    effects = Effects(table, np.ones((2, 1)), ("a note",))
    assert_same(from_parquet(to_parquet(effects)), effects)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 1), (2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_effects_per_example_keep_their_shape_and_come_in_example_order(shape, order):
    per_example = np.asarray(np.random.default_rng(0).normal(size=shape), order=order)
    effects = Effects.of(per_example=per_example, unit=list(range(shape[1])))
    back = from_parquet(to_parquet(effects)).per_example
    assert back.shape == shape
    assert back.tobytes() == per_example.tobytes()
    assert back.flags.c_contiguous
    assert back.flags.writeable


def test_effects_per_example_are_a_list_per_unit_for_any_reader():
    per_example = np.arange(6.0).reshape(3, 2)
    content = to_parquet(Effects.of(per_example=per_example, unit=[0, 1]))
    column = pq.read_table(io.BytesIO(content)).column("per_example")
    assert column.type.value_type == pa.float64()
    assert column.to_pylist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]


def test_pandas_reads_a_part_as_one_row_per_unit():
    content = to_parquet(Effects.of(site=["fc1", "fc1"], unit=[0, 1], measured=[0.5, NAN]))
    frame = pd.read_parquet(io.BytesIO(content))
    assert list(frame.columns) == SCHEMA.names
    assert frame["unit"].tolist() == [0, 1]


def test_the_same_effects_give_the_same_bytes():
    effects = Effects.of(per_example=np.ones((2, 2)), unit=[0, 1], measured=[0.5, 1.0])
    assert to_parquet(effects) == to_parquet(effects)


def test_a_column_named_as_the_stores_own_is_refused():
    effects = Effects.of(unit=[1]).with_columns({"per_example": [1.0]})
    with pytest.raises(StoreError, match="none named 'per_example', which the store adds"):
        to_parquet(effects)


def test_a_table_without_the_columns_of_effects_is_refused():
    with pytest.raises(StoreError, match=r"have the columns \['unit'\]; expected \['site', 'kind'"):
        to_parquet(Effects(pa.table({"unit": [1]})))


def test_a_column_that_stands_twice_is_refused():
    table = Effects.of(unit=[1]).table
    with pytest.raises(StoreError, match="and others, each once"):
        to_parquet(Effects(table.append_column("unit", table.column("unit"))))


def test_a_type_that_parquet_does_not_know_is_refused():
    intervals = pa.array([(1, 2, 3)], pa.month_day_nano_interval())
    effects = Effects.of(unit=[1]).with_columns({"age": intervals})
    with pytest.raises(StoreError, match=r"cannot be kept as Parquet .*Leave the column out"):
        to_parquet(effects)


# What is not whole


def part():
    """Make the content of a part with numbers of its own."""
    rng = np.random.default_rng(0)
    effects = Effects.of(per_example=rng.normal(size=(9, 20)), measured=rng.normal(size=20))
    return to_parquet(effects)


def test_the_whole_content_is_a_part():
    """Negative control of the tests below."""
    assert len(from_parquet(part())) == 20


def test_no_truncated_content_is_a_part():
    content = part()
    lengths = [*range(0, len(content), 97), *range(len(content) - 12, len(content))]
    assert [from_parquet(content[:length]) for length in lengths] == [None] * len(lengths)


def test_a_part_with_a_changed_number_is_no_part():
    content = bytearray(part())
    start = content.find(np.float64(from_parquet(bytes(content)).array("measured")[0]).tobytes())
    place = start if start >= 0 else len(content) // 3  # compressed: anywhere in the numbers
    content[place + 2] ^= 0x10
    assert from_parquet(bytes(content)) is None


def test_without_checksums_a_changed_number_would_pass(monkeypatch):
    """Negative control of the test above."""
    real = pq.write_table
    monkeypatch.setattr(
        store_parts.pq,
        "write_table",
        lambda *args, **options: real(
            *args, **{**options, "write_page_checksum": False, "compression": "none"}
        ),
    )
    content = bytearray(part())
    value = from_parquet(bytes(content)).array("measured")[0]
    content[content.find(value.tobytes()) + 2] ^= 0x10
    assert from_parquet(bytes(content)).array("measured")[0] != value


@pytest.mark.parametrize(
    "table",
    [
        Effects.of(unit=[1]).table,
        pa.table({"unit": [1]}, metadata={b"neurodemon.notes": b"[]"}),
        Effects.of(unit=[1]).table.replace_schema_metadata({b"neurodemon.notes": b"no json"}),
        Effects.of(unit=[1]).table.replace_schema_metadata({b"neurodemon.notes": b"5"}),
        Effects.of(unit=[1]).table.replace_schema_metadata({
            b"neurodemon.notes": b"[]",
            b"neurodemon.examples": b"3",
        }),
    ],
    ids=["not ours", "columns missing", "notes damaged", "notes no list", "per_example missing"],
)
def test_parquet_of_another_kind_is_no_part(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert from_parquet(sink.getvalue()) is None


def test_effects_per_example_that_are_no_lists_are_no_part():
    effects = Effects.of(unit=[1]).with_columns({"per_example": [{"a": 1.0}]})
    metadata = {b"neurodemon.notes": b"[]", b"neurodemon.examples": b"1"}
    sink = io.BytesIO()
    pq.write_table(effects.table.replace_schema_metadata(metadata), sink)
    assert from_parquet(sink.getvalue()) is None


def test_examples_that_do_not_fit_are_no_part():
    effects = Effects.of(per_example=np.ones((2, 3)), unit=[0, 1, 2])
    table = pq.read_table(io.BytesIO(to_parquet(effects)))
    metadata = {**table.schema.metadata, b"neurodemon.examples": b"5"}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink)
    assert from_parquet(sink.getvalue()) is None
