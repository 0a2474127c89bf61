"""|x|: slope 1 at any distance, the promise kept to the kink and not beyond."""

import numpy as np
import pytest

from neurodemon.book.kink import DISTANCES, walk, walk_all
from neurodemon.errors import SubjectError


@pytest.mark.parametrize("x", [*DISTANCES, 0.3, 1e-8, -7e5])
def test_all_figures_agree_at_any_distance(x: float):
    found = walk(x)
    assert len(found.figures) == 5
    assert [figure for figure in found.figures if not figure.agrees] == []


def test_the_slope_says_nothing_of_the_distance():
    walks = walk_all()
    assert {abs(found.delta) for found in walks} == {1.0}
    assert [found.headroom for found in walks] == [abs(x) for x in DISTANCES]
    assert {found.shape for found in walks} == {1.0}


def test_beyond_the_kink_the_tangent_is_wrong_by_twice_the_way():
    found = walk(2.0)
    gap = found.cost - found.tangent
    np.testing.assert_allclose(gap, 2 * np.maximum(0.0, -(2.0 + found.dz)), atol=1e-14)
    assert found.kept_to == 2.0


@pytest.mark.parametrize("x", [0.0, -0.0, float("inf"), float("nan")])
def test_no_walk_begins_at_the_kink_or_nowhere(x: float):
    with pytest.raises(SubjectError, match=r"\|x\| has no slope at x = "):
        walk(x)
