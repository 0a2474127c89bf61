"""Effects: building, taking, ranking, joining and printing the table of units."""

import math
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from neurodemon.errors import MissingExtraError, SelectionError
from neurodemon.terms.effects import ROWS_SHOWN, SCHEMA, Effects, concatenate, unit_columns
from neurodemon.terms.sites import Site
from neurodemon.terms.units import Unit, UnitSet

NAN, INF = math.nan, math.inf


def make_effects(**columns):
    """Make effects of as many units as the first column has rows."""
    length = len(next(iter(columns.values())))
    return Effects.of(site=["fc1"] * length, unit=range(length), **columns)


def ranked(effects, k=99, **options):
    return effects.top(k, **options)["unit"]


def test_columns_left_out_are_null_and_keep_their_type():
    effects = Effects.of(unit=[3], site=["fc1"])
    assert effects.to_arrow().schema == SCHEMA
    assert effects["site"] == ["fc1"]
    assert effects["unit"] == [3]
    for name in set(SCHEMA.names) - {"site", "unit"}:
        assert effects[name] == [None]


def test_added_columns_come_after_the_standard_ones():
    effects = Effects.of(low=[0.5], site=["fc1"], verdict=["DEAD"])
    assert effects.table.column_names == [*SCHEMA.names, "low", "verdict"]
    assert effects["verdict"] == ["DEAD"]


def test_columns_are_taken_from_numpy_and_arrow_too():
    effects = Effects.of(unit=np.array([1, 2], np.int32), measured=pa.array([0.5, None]))
    assert effects["unit"] == [1, 2]
    assert effects["measured"] == [0.5, None]


def test_effects_of_no_columns_have_no_rows():
    assert len(Effects.of()) == 0
    assert Effects.of().table.schema == SCHEMA


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(pa.ArrowInvalid, match="length"):
        Effects.of(site=["fc1", "fc1"], unit=[0])


def test_a_column_of_the_wrong_type_is_refused():
    with pytest.raises(pa.ArrowInvalid):
        Effects.of(unit=["three"])


def test_len_counts_rows():
    assert len(make_effects(measured=[1.0, 2.0])) == 2


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match=r"no column 'meassured'; expected one of \['site', 'kind'"):
        make_effects(measured=[1.0])["meassured"]


def test_a_numeric_column_comes_as_float64_with_nan_for_null():
    array = make_effects(measured=[1.5, None, NAN]).array("measured")
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [1.5, NAN, NAN])


def test_top_ranks_by_size_of_the_measured_effect():
    assert ranked(make_effects(measured=[0.5, -2.0, 1.0], predicted=[9.0, 0.0, 0.0])) == [1, 2, 0]


def test_top_ranks_by_the_prediction_where_nothing_finite_was_measured():
    effects = make_effects(measured=[1.0, None, NAN, INF], predicted=[0.0, -3.0, 2.0, 2.5])
    assert ranked(effects) == [1, 3, 2, 0]


def test_top_signed_puts_the_largest_first():
    effects = make_effects(measured=[0.5, -2.0, 1.0, None], predicted=[0.0, 0.0, 0.0, 0.75])
    assert ranked(effects, signed=True) == [2, 3, 0, 1]


@pytest.mark.parametrize("signed", [False, True])
def test_rows_without_a_finite_number_come_last(signed):
    effects = make_effects(
        measured=[None, NAN, -INF, INF, 0.0], predicted=[None, INF, NAN, -INF, None]
    )
    assert ranked(effects, signed=signed) == [4, 0, 1, 2, 3]


@pytest.mark.parametrize("signed", [False, True])
def test_ties_stay_in_table_order(signed):
    assert ranked(make_effects(measured=[1.0, 2.0, 1.0, 2.0]), signed=signed) == [1, 3, 0, 2]


def test_opposite_signs_tie_by_size_but_not_signed():
    effects = make_effects(measured=[-1.0, 1.0])
    assert ranked(effects) == [0, 1]
    assert ranked(effects, signed=True) == [1, 0]


@pytest.mark.parametrize(("k", "count"), [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 3)])
def test_top_takes_k_rows_or_all_there_are(k, count):
    assert len(make_effects(measured=[1.0, 2.0, 3.0]).top(k)) == count


def test_top_takes_ten_rows_unless_told():
    assert len(make_effects(measured=[1.0] * 11).top()) == 10


def test_rows_taken_keep_their_per_example_columns_and_notes():
    per_example = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    effects = Effects.of(per_example=per_example, measured=[1.0, 2.0, 3.0])
    effects = Effects(effects.table, effects.per_example, notes=("a note",))
    top = effects.top(2)
    np.testing.assert_array_equal(top.per_example, [[3.0, 2.0], [6.0, 5.0]])
    assert top.notes == ("a note",)
    assert effects.take(np.array([1]))["measured"] == [2.0]


def test_columns_are_added_at_the_end_or_replaced_in_place():
    effects = make_effects(measured=[1.0, 2.0])
    changed = effects.with_columns({
        "measured": [3.0, None],
        "low": np.array([0.0, 1.0]),
        "high": pa.array([5.0, 6.0]),
        "kind": pa.chunked_array([["neuron"], ["cell"]]),
    })
    assert changed.table.column_names == [*SCHEMA.names, "low", "high"]
    assert changed["measured"] == [3.0, None]
    assert changed["kind"] == ["neuron", "cell"]
    assert effects["measured"] == [1.0, 2.0]


def test_pandas_gets_one_row_per_unit():
    frame = make_effects(measured=[1.0, None]).to_pandas()
    assert list(frame.columns) == SCHEMA.names
    assert frame["unit"].tolist() == [0, 1]
    assert frame["measured"].isna().tolist() == [False, True]


def test_a_missing_pandas_is_named_with_the_command():
    def refuse():
        raise ModuleNotFoundError("No module named 'pandas'")

    effects = make_effects(measured=[1.0])
    object.__setattr__(effects, "table", SimpleNamespace(to_pandas=refuse))
    with pytest.raises(MissingExtraError, match="pip install pandas") as caught:
        effects.to_pandas()
    assert isinstance(caught.value.__cause__, ImportError)


WITHOUT_PANDAS = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from neurodemon.errors import MissingExtraError
from neurodemon.terms.effects import Effects

try:
    print(len(Effects.of(site=["fc1"]).to_pandas()), "row")
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("absent", "printed"), [("pandas", "pip install pandas"), ("no_such_module", "1 row")]
)
def test_effects_work_in_an_interpreter_without_pandas(absent, printed):
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS.format(absent=absent)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip().endswith(printed)


def test_a_table_prints_only_columns_that_hold_something():
    assert str(make_effects(measured=[0.5, None])).splitlines() == [
        "site  unit  measured",
        "fc1      0       0.5",
        "fc1      1         –",
    ]


def test_a_console_shows_the_table():
    effects = make_effects(measured=[0.5])
    assert repr(effects) == str(effects)


def test_no_rows_print_as_the_head_alone():
    empty = make_effects(measured=[0.5]).top(0)
    assert str(empty).split() == SCHEMA.names
    assert "<th>measured</th>" in empty.to_html()
    assert "<td>" not in empty.to_html()


@pytest.mark.parametrize(("extra", "is_cut"), [(0, False), (1, True), (7, True)])
def test_a_long_table_says_how_many_rows_it_leaves_out(extra, is_cut):
    effects = make_effects(measured=[0.5] * (ROWS_SHOWN + extra))
    lines = str(effects).splitlines()
    assert len(lines) == 1 + ROWS_SHOWN + is_cut
    assert (lines[-1] == f"… {extra} more rows") is is_cut
    assert effects.to_html().count("<tr>") == 1 + ROWS_SHOWN
    assert effects.to_html().endswith(f"<p>… {extra} more rows</p>") is is_cut


def test_a_table_too_wide_says_once_what_all_rows_share():
    wide = make_effects(measured=[0.5, -1.0]).with_columns({
        "same": ["y" * 100, "y" * 100],
        "other": [1.0, 2.0],
    })
    lines = str(wide).splitlines()
    assert "same" not in lines[0].split()
    assert {"measured", "other"} <= set(lines[0].split())
    assert lines[-1].startswith("in all rows: ")
    assert f"same {'y' * 100}" in lines[-1]


def test_a_row_alone_and_a_narrow_table_keep_their_columns():
    alone = make_effects(measured=[0.5]).with_columns({"same": ["y" * 130]})
    assert "same" in str(alone).splitlines()[0].split()
    narrow = make_effects(measured=[0.5, 0.5])
    assert "in all rows" not in str(narrow)


def test_html_escapes_what_names_hold():
    effects = Effects.of(site=["<b>&\"'"], measured=[0.123456]).with_columns({"<i>": [None]})
    effects = effects.with_columns({"<u>": ["x"]})
    html = effects._repr_html_()
    assert "<th>&lt;u&gt;</th>" in html
    assert "<td>&lt;b&gt;&amp;&quot;&#x27;</td>" in html
    assert "<td>0.1235</td>" in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert html == effects.to_html()


def test_html_shows_nothing_as_a_dash():
    assert "<td>–</td>" in make_effects(measured=[0.5, None]).to_html()


def test_units_become_columns():
    site = Site("conv", "conv", "node", ("example", "unit", "position"), (0, 2, 3), "channel")
    units = UnitSet.of(
        Unit(site, "channel", 1, None), Unit(site, "cell", 0, 2), Unit(site, "position", None, 1)
    )
    assert unit_columns(units) == {
        "site": ["conv"] * 3,
        "kind": ["channel", "cell", "position"],
        "unit": [1, 0, None],
        "position": [None, 2, 1],
    }
    assert Effects.of(**unit_columns(units))["position"] == [None, 2, 1]


def test_parts_join_row_after_row():
    first = Effects.of(per_example=np.array([[1.0], [2.0]]), unit=[0])
    second = Effects.of(per_example=np.array([[3.0, 4.0], [5.0, 6.0]]), unit=[1, 2])
    joined = concatenate([first, second])
    assert joined["unit"] == [0, 1, 2]
    np.testing.assert_array_equal(joined.per_example, [[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]])


def test_per_example_numbers_are_dropped_unless_every_part_kept_them():
    kept = Effects.of(per_example=np.array([[1.0]]), unit=[0])
    assert concatenate([kept, Effects.of(unit=[1])]).per_example is None
    assert concatenate([kept]).per_example is not None


def test_notes_of_all_parts_are_kept_once_each():
    table = Effects.of(unit=[0]).table
    parts = [Effects(table, None, ("a", "b")), Effects(table, None, ("b", "c"))]
    assert concatenate(parts).notes == ("a", "b", "c")


def test_no_parts_are_refused():
    with pytest.raises(SelectionError, match="No effects to join"):
        concatenate([])
