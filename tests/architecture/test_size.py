"""Pieces stay small: a module at most 400 lines, a function at most 50 without docstring.

The test files mirror the modules one to one, so only their functions are held to a length.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 50

SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def long_functions(source: str) -> list[str]:
    """Name the functions that are too long, with their lines."""
    definitions = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {node: count_lines(node) for node in definitions}
    return [
        f"line {node.lineno}: {node.name} has {length} lines"
        for node, length in lengths.items()
        if length > FUNCTION_LINES
    ]


def count_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from `def` to its end, less its docstring."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if has_docstring else 0
    return function.end_lineno - function.lineno + 1 - docstring


def is_long_module(source: str) -> bool:
    """Tell whether a module has too many lines."""
    return len(source.splitlines()) > MODULE_LINES


def function_of(n_lines: int) -> str:
    """Write a method with a long docstring and so many lines besides."""
    body = "        x = 1\n" * (n_lines - 1)
    docstring = '        """' + "Say.\n" * 90 + '        """\n'
    return f"class A:\n    def grow(self):\n{docstring}{body}"


def test_the_modules_are_found():
    assert ROOT / "src" / "neurodemon" / "errors.py" in SOURCES
    assert Path(__file__) in TESTS


def test_no_module_is_longer_than_400_lines():
    assert [path.name for path in SOURCES if is_long_module(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(("n_lines", "expected"), [(400, False), (401, True)])
def test_a_module_is_too_long_from_401_lines_on(n_lines: int, *, expected: bool):
    assert is_long_module("x = 1\n" * n_lines) is expected


def test_no_function_is_longer_than_50_lines():
    found = {
        str(path.relative_to(ROOT)): long_functions(path.read_text("utf-8"))
        for path in SOURCES + TESTS
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(("n_lines", "names"), [(50, []), (51, ["line 2: grow has 51 lines"])])
def test_a_function_is_too_long_from_51_lines_on_its_docstring_not_counted(
    n_lines: int, names: list[str]
):
    assert long_functions(function_of(n_lines)) == names
