"""Nodes: references inside nested arguments."""

import pytest

from neurodemon.graph.node import Node, Ref, fill, references


def test_references_are_found_at_any_depth_in_order() -> None:
    argument = (Ref("a"), [1, {"k": Ref("b")}, (Ref("c"), None)], "a")
    assert list(references(argument)) == ["a", "b", "c"]


def test_plain_values_refer_to_nothing() -> None:
    assert list(references({"k": [1, "a", None]})) == []


def test_inputs_name_each_node_once_arguments_before_keywords() -> None:
    node = Node("n", max, (Ref("b"), Ref("a"), Ref("b")), {"key": Ref("c")})
    assert node.inputs == ("b", "a", "c")


def test_fill_puts_values_in_place_and_keeps_the_nesting() -> None:
    argument = ([Ref("a"), 1], {"k": (Ref("b"),)}, "text")
    filled = fill(argument, {"a": 10, "b": 20})
    assert filled == ([10, 1], {"k": (20,)}, "text")
    assert type(filled[0]) is list
    assert type(filled[1]["k"]) is tuple


def test_fill_leaves_the_argument_itself_alone() -> None:
    argument = [Ref("a")]
    fill(argument, {"a": 1})
    assert argument == [Ref("a")]


def test_fill_without_the_value_fails() -> None:
    with pytest.raises(KeyError, match="missing"):
        fill(Ref("missing"), {})


def test_operation_name_leaves_off_namespace_and_overload() -> None:
    class Packet:
        __name__ = "relu"

    def overload() -> None:
        """Stand for aten.relu.default."""

    overload._overloadpacket = Packet()  # type: ignore[attr-defined]
    assert Node("n", overload).operation_name == "relu"


def test_operation_name_of_a_plain_function_is_its_own() -> None:
    assert Node("n", max).operation_name == "max"


def test_a_placeholder_has_no_operation_name() -> None:
    assert Node("x", None).operation_name == ""
