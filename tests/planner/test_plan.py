"""The plan: chunks hold each unit once, and equal plans have equal fingerprints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurodemon.planner.plan import FEWEST_UNITS, MOST_UNITS, Plan, make_plan, units_for
from neurodemon.terms.sites import Site
from neurodemon.terms.units import UnitBlock, UnitSet


def units(*sizes: int) -> UnitSet:
    """Blocks of neurons of several sites."""
    return UnitSet(
        tuple(
            UnitBlock(
                Site(f"fc{place}", "linear", f"n{place}", ("example", "unit"), (0, size)),
                "neuron",
                np.arange(size),
                np.full(size, -1),
            )
            for place, size in enumerate(sizes)
        )
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 5))
def test_chunks_hold_each_unit_once_in_order(sizes: list[int], per_chunk: int) -> None:
    chosen = units(*sizes)
    plan = make_plan(chosen, "zero", units_per_chunk=per_chunk)
    spelled = [str(unit) for chunk in plan.chunks for unit in plan.block_of(chunk)]
    assert spelled == [str(unit) for unit in chosen]
    assert all(0 < chunk.last - chunk.first <= per_chunk for chunk in plan.chunks)


def test_a_chunk_never_spans_two_sites() -> None:
    plan = make_plan(units(3, 3), "zero", units_per_chunk=64)
    assert plan.spelled == (("fc0", 0, 3), ("fc1", 0, 3))


def test_equal_plans_have_equal_fingerprints() -> None:
    assert make_plan(units(5), "zero").fingerprint == make_plan(units(5), "zero").fingerprint


def test_any_other_work_has_another_fingerprint() -> None:
    plans = [
        make_plan(units(5), "zero"),
        make_plan(units(6), "zero"),
        make_plan(units(5), "mean"),
        make_plan(units(5), "zero", units_per_chunk=2),
        Plan(units(5), make_plan(units(5), "zero").chunks, "zero", numbers_per_pass=7),
    ]
    assert len({plan.fingerprint for plan in plans}) == len(plans)


def test_each_block_has_chunks_of_its_own_size() -> None:
    plan = make_plan(units(5, 3), "zero", units_per_chunk=[4, 2])
    assert plan.spelled == (("fc0", 0, 4), ("fc0", 4, 5), ("fc1", 0, 2), ("fc1", 2, 3))


@given(st.floats(0, 1e15))
def test_a_chunk_of_dearer_units_holds_fewer(numbers: float) -> None:
    assert FEWEST_UNITS <= units_for(2 * numbers) <= units_for(numbers) <= MOST_UNITS
    assert units_for(numbers, fewest=1) <= units_for(numbers)
