"""Law: pairs have the effects of the whole sweep, on the whole zoo."""

import pytest
from laws.test_pairs_equal_sweep import hold_pairs_against_sweep
from oracles.models import ZOO


@pytest.mark.parametrize("name", list(ZOO))
def test_pairs_have_the_effects_of_the_sweep(name: str) -> None:
    hold_pairs_against_sweep(name)
