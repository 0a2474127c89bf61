"""The exception tree: as drawn, all under one roof, importing nothing."""

import ast
import builtins
import inspect
import re

import pytest

from neurodemon import errors

CLASSES = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
LINE = re.compile(r"^ {4}(?P<indent>[│├└─ ]*)(?P<name>\w+Error)\b(?P<text>.*)$", re.MULTILINE)


def drawn_tree(text):
    """Read the drawing: class name → (parent's name, built-in base's name or None)."""
    parents, tree = {}, {}
    for line in LINE.finditer(text):
        depth = len(line["indent"]) // 4
        parents[depth] = line["name"]
        also = re.search(r"also an? (\w+)", line["text"])
        tree[line["name"]] = (parents.get(depth - 1), also and also[1])
    return tree


def real_tree():
    """Read the classes themselves into the same form."""
    tree = {}
    for name, error in CLASSES.items():
        ours = [base.__name__ for base in error.__bases__ if base.__name__ in CLASSES]
        theirs = [base.__name__ for base in error.__bases__ if hasattr(builtins, base.__name__)]
        also = [base for base in theirs if base != "Exception"]
        tree[name] = (ours[0] if ours else None, also[0] if also else None)
    for name, (parent, also) in tree.items():  # a sub-class has its parent's built-in base
        assert also is None or tree.get(parent, (None, None))[1] is None, name
    return tree


def test_the_tree_is_drawn_as_it_is():
    assert drawn_tree(errors.__doc__) == real_tree()


@pytest.mark.parametrize(
    ("drawn", "changed"),
    [
        ("    ├── StoreError ", "    ├── ShopError "),
        ("    │   ├── BatchError ", "    ├── BatchError "),
        ("(also a LookupError)", "(also a KeyError)"),
    ],
)
def test_a_wrong_drawing_is_noticed(drawn, changed):
    assert drawn in errors.__doc__
    assert drawn_tree(errors.__doc__.replace(drawn, changed)) != real_tree()


@pytest.mark.parametrize("error", CLASSES.values())
def test_each_error_is_caught_as_neurodemon_error_and_keeps_its_message(error):
    with pytest.raises(errors.NeurodemonError, match=r"^found 3, expected 4$"):
        raise error("found 3, expected 4")


def test_an_unrelated_error_is_not_caught_as_neurodemon_error():
    assert not issubclass(ValueError, errors.NeurodemonError)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.SiteNotFoundError, LookupError),
        (errors.SelectionError, ValueError),
        (errors.UnitIndexError, IndexError),
        (errors.PerturbationError, ValueError),
        (errors.PredictorError, ValueError),
        (errors.CostShapeError, ValueError),
        (errors.BatchError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.PlotError, ValueError),
    ],
)
def test_code_that_knows_only_builtins_catches_it(error, builtin):
    assert issubclass(error, builtin)


def test_the_file_imports_nothing():
    tree = ast.parse(inspect.getsource(errors))
    assert not any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(tree))
