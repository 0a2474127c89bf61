"""The loop: each value once, freed after its last use, the caller's values untouched."""

import gc
import weakref
from collections.abc import Callable
from operator import add, mul

import pytest

from neurodemon.graph.evaluate import evaluate
from neurodemon.graph.node import Node, Ref


class Number:
    """A number that can be watched being freed."""

    def __init__(self, value: int) -> None:
        self.value = value


def chain() -> list[Node]:
    """y = (x + 1) · x, then z = y · 2."""
    return [
        Node("x", None),
        Node("one", add, (Ref("x"), 1)),
        Node("y", mul, (Ref("one"), Ref("x"))),
        Node("z", mul, (Ref("y"), 2)),
    ]


def test_the_wanted_values_come_back_and_no_others() -> None:
    assert evaluate(chain(), {"x": 3}, wanted=["z", "x"]) == {"z": 24, "x": 3}


def test_a_given_value_is_not_computed_again() -> None:
    assert evaluate(chain(), {"x": 3, "one": 100}, wanted=["one", "z"]) == {"one": 100, "z": 600}


def test_keyword_arguments_are_filled() -> None:
    node = Node("y", sorted, ([Ref("x"), 1],), {"reverse": Ref("flag")})
    assert evaluate([node], {"x": 2, "flag": True}, wanted=["y"]) == {"y": [2, 1]}


def test_the_callers_values_are_not_edited() -> None:
    values = {"x": 3}
    evaluate(chain(), values, wanted=["z"])
    assert values == {"x": 3}


def test_the_observers_result_takes_the_values_place() -> None:
    seen = []

    def watch(name: str, value: int) -> int:
        seen.append((name, value))
        return value + 100 if name == "one" else value

    assert evaluate(chain(), {"x": 3}, wanted=["z"], observe=watch) == {"z": 624}
    assert seen == [("one", 4), ("y", 312), ("z", 624)]


def test_each_node_is_computed_once() -> None:
    calls = []
    nodes = [
        Node("a", lambda x: calls.append("a") or x, (Ref("x"),)),
        Node("b", add, (Ref("a"), Ref("a"))),
        Node("c", add, (Ref("a"), Ref("b"))),
    ]
    assert evaluate(nodes, {"x": 1}, wanted=["c"]) == {"c": 3}
    assert calls == ["a"]


def alive_at_the_end(wanted: list[str], values: dict[str, Number] | None = None) -> list[bool]:
    """Whether `a` and `b` of a → b → c still live when the last node runs."""
    watched: dict[str, weakref.ref[Number]] = {}
    found = []

    def make(name: str) -> Callable[[Number], Number]:
        def operation(_value: Number) -> Number:
            made = Number(1)
            watched[name] = weakref.ref(made)
            return made

        return operation

    def look(value: Number) -> Number:
        gc.collect()
        found.extend(one() is not None for one in watched.values())
        return value

    nodes = [
        Node("a", make("a"), (Ref("x"),)),
        Node("b", make("b"), (Ref("a"),)),
        Node("c", make("c"), (Ref("b"),)),
        Node("d", look, (Ref("c"),)),
    ]
    kept = evaluate(nodes, values or {"x": Number(0)}, wanted=wanted)
    assert set(kept) == set(wanted)
    return found


def test_values_are_freed_after_their_last_use() -> None:
    assert alive_at_the_end(["d"]) == [False, False, True]


def test_wanted_values_are_kept() -> None:
    """Negative control of the freeing: what is asked for stays."""
    assert alive_at_the_end(["a", "d"]) == [True, False, True]


def test_a_missing_value_fails_at_once() -> None:
    with pytest.raises(KeyError, match="x"):
        evaluate(chain(), {"one": 1}, wanted=["z"])
