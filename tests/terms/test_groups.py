"""Groups and directions: what the user makes units of, and what is refused."""

import numpy as np
import pytest
import torch

from neurodemon.errors import SelectionError, SiteNotFoundError, UnitIndexError
from neurodemon.terms.groups import Direction, Group
from neurodemon.terms.selecting import gather
from neurodemon.terms.sites import Site
from neurodemon.terms.units import NO_INDEX, UnitSet

FLAT = Site("fc1", "linear", "linear", ("example", "unit"), (0, 4))
LONG = Site("block", "module", "add", ("example", "position", "unit"), (0, 5, 4))
SITES = (FLAT, LONG)


def test_a_group_is_one_unit_of_its_features() -> None:
    block = gather(Group("fc1", "pair", [2, 0]), SITES)
    assert block.kind == "group"
    assert block.members is not None
    assert block.members.tolist() == [[2, 0]]
    assert [str(unit) for unit in block] == ["fc1/group(pair)"]
    assert block.indices.tolist() == [NO_INDEX]


def test_each_vector_is_a_unit_and_a_lone_one_may_be_flat() -> None:
    block = gather(Direction("block", [[1, 0, 0, 2], [0, 1, 1, 0]], "sae", position=3), SITES)
    assert [str(unit) for unit in block] == [
        "block/direction(sae)[0]@3",
        "block/direction(sae)[1]@3",
    ]
    assert len(gather(Direction("fc1", np.ones(4)), SITES)) == 1


def test_tensors_are_read_whatever_their_dtype_and_gradients() -> None:
    given = torch.tensor([[1.0, 2.0, 0.0, 0.0]], dtype=torch.bfloat16, requires_grad=True)
    assert Direction("fc1", given).vectors.tolist() == [[1, 2, 0, 0]]
    with pytest.raises(SelectionError, match="of real numbers"):
        Direction("fc1", torch.ones(4, dtype=torch.complex64))


def test_sets_keep_groups_of_other_sizes_and_drop_those_that_stand_there_twice() -> None:
    groups = [Group("fc1", "a", [0, 1]), Group("fc1", "b", [2]), Group("fc1", "again", [0, 1])]
    whole = sum((UnitSet((gather(group, SITES),)) for group in groups), UnitSet(()))
    assert [unit.name for unit in whole] == ["a", "b"]
    assert UnitSet.of(*whole) == whole
    other = UnitSet((gather(Group("fc1", "a", [0, 2]), SITES),))
    assert other != UnitSet((gather(groups[0], SITES),)), "the fingerprint leaves members out"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Group("fc1", "none", []), SelectionError, "at least one, each once"),
        (lambda: Group("fc1", "twice", [1, 1]), SelectionError, "each once"),
        (lambda: Group("fc1", "real", [1.5]), SelectionError, "expected whole numbers"),
        (lambda: Group("fc1", "mask", [True, False]), SelectionError, "where it is true"),
        (lambda: Group("fc1", "text", "ab"), SelectionError, "'a', 'b'"),
        (lambda: Direction("fc1", [1j, 1.0]), SelectionError, "of real numbers"),
        (
            lambda: gather(Direction("block", np.ones(4), position=[3, 4]), SITES),
            SelectionError,
            "one whole number, or None for all",
        ),
        (lambda: gather(Group("fc1", "far", [4]), SITES), UnitIndexError, "feature 4 is not in"),
        (lambda: gather(Group("fc1", "low", [-1]), SITES), UnitIndexError, "feature -1"),
        (lambda: gather(Group("fc2", "lost", [0]), SITES), SiteNotFoundError, "Nearest"),
        (lambda: gather(Group("*", "many", [0]), SITES), SelectionError, "name of one site"),
        (lambda: gather(Group("fc1[2]", "part", [0]), SITES), SelectionError, "without"),
        (
            lambda: gather(Group("fc1", "at", [0], position=1), SITES),
            SelectionError,
            "which has none",
        ),
        (
            lambda: gather(Group("block", "at", [0], position=5), SITES),
            UnitIndexError,
            "position 5",
        ),
        (lambda: Direction("fc1", [0.0, 0.0]), SelectionError, "none of length 0"),
        (lambda: Direction("fc1", [1.0, np.nan]), SelectionError, "finite"),
        (lambda: Direction("fc1", []), SelectionError, "finite numbers"),
        (lambda: Direction("fc1", "east"), SelectionError, "no array of numbers"),
        (lambda: Direction("fc1", np.ones((2, 2, 2))), SelectionError, r"\(vector, feature\)"),
        (
            lambda: gather(Direction("fc1", [1.0, 2.0]), SITES),
            SelectionError,
            "2 features; expected 4",
        ),
    ],
)
def test_what_is_no_unit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
