"""Shape types: jaxtyping's where it is installed, plain array types where it is not."""

import importlib.util
import sys

import jaxtyping
import numpy as np
import pytest

from neurodemon.terms import shapes

NAMES = ("Bool", "Float", "Int", "Shaped")


def load_again():
    """Run the file of `shapes` anew, as a module of another name."""
    spec = importlib.util.spec_from_file_location("shapes_again", shapes.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_with_jaxtyping_the_types_are_its_own(name):
    assert getattr(load_again(), name) is getattr(jaxtyping, name)


@pytest.mark.parametrize("name", NAMES)
def test_without_jaxtyping_a_type_is_its_array_type_alone(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "jaxtyping", None)
    unchecked = getattr(load_again(), name)
    assert unchecked is not getattr(jaxtyping, name)
    assert unchecked[np.ndarray, "example unit"] is np.ndarray


def test_the_names_are_the_ones_listed():
    assert tuple(shapes.__all__) == NAMES
