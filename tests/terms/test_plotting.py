"""`effects.plot()` and `audit.plot()` draw what `nd.plot` draws."""

import pytest
from oracles.drawables import make_audit, make_effects

import neurodemon as nd


@pytest.mark.parametrize("make", [make_effects, make_audit])
def test_a_result_draws_itself_as_the_verb_does(make, tmp_path):
    result = make()
    drawn = result.plot(tmp_path / "a.png")
    assert drawn.alt == nd.plot(result).alt
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
