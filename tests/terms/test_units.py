"""Units and sets of them: columns, addition, equality by content."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodemon.errors import SelectionError
from neurodemon.terms.sites import Site
from neurodemon.terms.units import NO_INDEX, Unit, UnitBlock, UnitSet, spell_unit

FIXED = settings(deadline=None, derandomize=True)
AXES = ("example", "unit", "position")
FC1 = Site("fc1", "linear", "linear", AXES, (0, 4, 3))
FC2 = Site("fc2", "linear", "linear_1", AXES, (0, 4, 3))


def neuron(index, site=FC1):
    return Unit(site, "neuron", index, None)


def spelled(units):
    return [str(unit) for unit in units]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (Unit(FC1, "neuron", 3, None), "fc1[3]"),
        (Unit(FC1, "channel", 0, None), "fc1[0]"),
        (Unit(FC1, "cell", 3, 2), "fc1[3]@2"),
        (Unit(FC1, "position", None, 0), "fc1/position[0]"),
    ],
)
def test_each_kind_of_unit_is_spelled(unit, text):
    assert str(unit) == text


def test_a_block_counts_slices_and_spells_its_units():
    block = UnitBlock(FC1, "cell", np.array([0, 1, 3]), np.array([2, 2, 0]))
    assert len(block) == 3
    assert spelled(block) == ["fc1[0]@2", "fc1[1]@2", "fc1[3]@0"]
    assert spelled(block[1:]) == ["fc1[1]@2", "fc1[3]@0"]
    assert len(block[3:]) == 0


def test_an_index_that_is_not_there_is_none():
    missing = np.array([NO_INDEX])
    (row,) = UnitBlock(FC1, "position", missing, np.array([2]))
    (whole,) = UnitBlock(FC1, "neuron", np.array([2]), missing)
    assert (row.index, row.position) == (None, 2)
    assert (whole.index, whole.position) == (2, None)


def test_a_set_gathers_units_and_gives_them_back():
    units = [neuron(2), neuron(0), Unit(FC1, "cell", 1, 2), Unit(FC1, "position", None, 1)]
    assert list(UnitSet.of(*units)) == units
    assert len(UnitSet.of(*units)) == 4


def test_a_set_keeps_one_block_per_site_and_kind_in_order_of_first_sight():
    units = UnitSet.of(neuron(2), neuron(1, FC2), neuron(0), Unit(FC1, "cell", 2, 0), neuron(2))
    assert spelled(units) == ["fc1[2]", "fc1[0]", "fc2[1]", "fc1[2]@0"]
    assert [(block.site.name, block.kind) for block in units.blocks] == [
        ("fc1", "neuron"),
        ("fc2", "neuron"),
        ("fc1", "cell"),
    ]
    assert units.sites == (FC1, FC2)


def test_a_sum_holds_the_units_of_both_once():
    both = UnitSet.of(neuron(2), neuron(0)) + UnitSet.of(neuron(1), neuron(2), neuron(0, FC2))
    assert spelled(both) == ["fc1[2]", "fc1[0]", "fc1[1]", "fc2[0]"]


def test_cells_of_one_index_and_position_each_are_told_apart():
    cells = [Unit(FC1, "cell", index, position) for index in (1, 2) for position in (1, 2)]
    assert list(UnitSet.of(*cells)) == cells


def test_the_empty_set_is_empty_and_adds_nothing():
    empty, some = UnitSet(()), UnitSet.of(neuron(1))
    assert (len(empty), list(empty), empty.sites) == (0, [], ())
    assert UnitSet.of() == empty
    assert empty + some == some + empty == some


drawn_sets = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["neuron", "cell"]), st.integers(0, 3)), max_size=6
)


def make_set(drawn):
    return UnitSet.of(*[
        Unit(FC2 if is_second else FC1, kind, index, 0 if kind == "cell" else None)
        for is_second, kind, index in drawn
    ])


@FIXED
@given(drawn_sets, drawn_sets, drawn_sets)
def test_addition_is_associative_idempotent_and_a_union(first, second, third):
    a, b, c = make_set(first), make_set(second), make_set(third)
    assert (a + b) + c == a + (b + c)
    assert a + a == a
    assert set(a + b) == set(a) | set(b)
    assert len(a + b) == len(set(a + b))


def test_addition_keeps_order_and_order_counts():
    a, b = UnitSet.of(neuron(0)), UnitSet.of(neuron(1))
    assert a + b != b + a
    assert set(a + b) == set(b + a)


@pytest.mark.parametrize(
    "other",
    [
        Unit(FC1, "neuron", 2, None),
        Unit(FC2, "neuron", 1, None),
        Unit(FC1, "channel", 1, None),
        Unit(FC1, "cell", 1, 1),
        Unit(FC1, "position", None, 1),
    ],
)
def test_sets_are_equal_by_content_and_only_so(other):
    assert UnitSet.of(neuron(1)) == UnitSet.of(neuron(1))
    assert hash(UnitSet.of(neuron(1))) == hash(UnitSet.of(neuron(1)))
    assert UnitSet.of(neuron(1)) != UnitSet.of(other)
    assert UnitSet.of(neuron(1)).fingerprint != UnitSet.of(other).fingerprint


def test_cells_of_one_feature_at_two_positions_make_different_sets():
    assert UnitSet.of(Unit(FC1, "cell", 1, 1)) != UnitSet.of(Unit(FC1, "cell", 1, 2))


def test_a_set_equals_no_other_thing():
    assert UnitSet.of(neuron(1)) != [neuron(1)]


def test_the_layout_in_memory_does_not_matter_for_equality():
    strided = np.array([0, 9, 1, 9, 2, 9])[::2]
    missing = np.full(3, NO_INDEX)
    block = UnitBlock(FC1, "neuron", strided, missing)
    assert UnitSet((block,)) == UnitSet.of(neuron(0), neuron(1), neuron(2))


def test_a_set_is_summarised_block_by_block():
    units = UnitSet.of(neuron(0), neuron(1), Unit(FC2, "position", None, 0))
    assert repr(units) == "UnitSet(3 units; fc1: 2 × neuron, fc2: 1 × position)"


def test_units_of_two_models_do_not_mix():
    other = replace(FC1, shape=(0, 99, 3))
    with pytest.raises(SelectionError, match="two different models share the site name 'fc1'"):
        _ = UnitSet.of(neuron(0)) + UnitSet.of(neuron(0, other))
    with pytest.raises(SelectionError, match="Take both sets from the same one"):
        UnitSet.of(neuron(0), neuron(1, other))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("fc1", "neuron", 17, None), "fc1[17]"),
        (("conv1", "channel", 3, None), "conv1[3]"),
        (("conv1", "cell", 3, 5), "conv1[3]@5"),
        (("fc1", "position", None, 5), "fc1/position[5]"),
        (("proj:in", "head", 3, None), "proj:in/head[3]"),
        (("proj:in", "head", 3, 5), "proj:in/head[3]@5"),
        (("fc1", "group", None, None, "twins"), "fc1/group(twins)"),
        (("fc1", "direction", 2, 5, "sae"), "fc1/direction(sae)[2]@5"),
        (("fc1", None, None, None), "fc1"),
    ],
)
def test_a_unit_is_spelled_from_its_columns(row: tuple[Any, ...], expected: str) -> None:
    assert spell_unit(*row) == expected
