"""What the tests of the store share: a manifest, some effects, and how to compare them."""

import numpy as np
import pytest

from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest


@pytest.fixture
def manifest():
    """A run of three parts of two units each."""
    return Manifest(
        verb="measure",
        subject="digits",
        perturbation="zero",
        plan="plan-1",
        weights="weights-1",
        batches="batches-1",
        dtype="float32",
        device="cpu",
        seed=0,
        chunks=(("fc1", 0, 2), ("fc1", 2, 4), ("fc2", 0, 2)),
        numbers_per_pass=64,
        versions={"neurodemon": "1"},
        created="2026-01-01T00:00:00+00:00",
    )


@pytest.fixture
def parts():
    """The effects of that run."""
    rng = np.random.default_rng(0)
    return [
        Effects.of(
            per_example=rng.normal(size=(5, 2)),
            site=[site, site],
            unit=[first, first + 1],
            measured=rng.normal(size=2),
        )
        for site, first in (("fc1", 0), ("fc1", 2), ("fc2", 0))
    ]


@pytest.fixture
def assert_same():
    """Compare effects bit by bit: types, nulls, NaNs, zeros' signs, order in memory."""
    return _assert_same


def _assert_same(effects, other):
    table, expected = effects.table, other.table
    assert table.schema.equals(expected.schema, check_metadata=True)
    for name in table.column_names:
        column, wanted = table.column(name), expected.column(name)
        assert column.is_null().to_pylist() == wanted.is_null().to_pylist(), name
        assert list(map(_bits, column.to_pylist())) == list(map(_bits, wanted.to_pylist())), name
    assert (effects.per_example is None) == (other.per_example is None)
    if effects.per_example is not None:
        assert effects.per_example.shape == other.per_example.shape
        assert effects.per_example.dtype == other.per_example.dtype
        assert effects.per_example.tobytes() == other.per_example.tobytes()
    assert effects.notes == other.notes


def _bits(value):
    """Spell a float by its bits, so that NaNs and the sign of 0 can be compared."""
    return np.float64(value).tobytes() if isinstance(value, float) else repr(value)
