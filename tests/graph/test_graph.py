"""The graph: order, users, cones. Oracle: reachability by brute force over all paths."""

import itertools
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodemon.errors import CaptureError
from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node, Ref
from neurodemon.terms.sites import Site


def make(nodes: list[Node], cost: str, sites: tuple[Site, ...] = ()) -> Graph:
    """A graph of nodes, nothing but its cost known."""
    return Graph(tuple(nodes), (), {}, {}, (), cost, sites)


@pytest.fixture
def diamond() -> Graph:
    """x → (a, b) → cost, and c that nothing reads."""
    return make(
        [
            Node("x", None),
            Node("a", abs, (Ref("x"),)),
            Node("b", abs, (Ref("x"),)),
            Node("c", abs, (Ref("a"),)),
            Node("cost", add, (Ref("a"), Ref("b"))),
        ],
        "cost",
    )


def names(nodes: tuple[Node, ...]) -> list[str]:
    """Their names."""
    return [node.name for node in nodes]


def test_a_node_that_reads_a_later_one_is_refused() -> None:
    nodes = [Node("y", abs, (Ref("x"),)), Node("x", None)]
    with pytest.raises(CaptureError, match=r"Node 'y' reads \['x'\] before they are computed"):
        make(nodes, "y")


def test_a_node_that_reads_itself_is_refused() -> None:
    with pytest.raises(CaptureError, match="Node 'x' reads"):
        make([Node("x", abs, (Ref("x"),))], "x")


def test_nodes_and_sites_are_found_by_name(diamond: Graph) -> None:
    site = Site("fc", "linear", "a", ("example", "unit"), (0, 2))
    graph = make(list(diamond.nodes), "cost", (site,))
    assert graph["a"] is diamond.nodes[1]
    assert graph.site_by_name == {"fc": site}
    with pytest.raises(KeyError):
        graph["nowhere"]


def test_users_are_listed_in_running_order(diamond: Graph) -> None:
    assert diamond.users == {
        "x": ("a", "b"),
        "a": ("c", "cost"),
        "b": ("cost",),
        "c": (),
        "cost": (),
    }


def test_the_cone_holds_what_changes_and_is_needed(diamond: Graph) -> None:
    assert names(diamond.cone("x")) == ["a", "b", "cost"]
    assert names(diamond.cone("a")) == ["cost"]


def test_the_cone_to_another_target_ends_there(diamond: Graph) -> None:
    assert names(diamond.cone("x", "c")) == ["a", "c"]


def test_the_cone_of_what_the_cost_does_not_need_is_empty(diamond: Graph) -> None:
    assert diamond.cone("c") == ()
    assert diamond.cone("cost") == ()


def acyclic(reads: list[list[int]]) -> Graph:
    """A graph whose node k reads the nodes given, counted modulo k; node 0 reads none."""
    nodes = [
        Node(f"n{place}", max, tuple(Ref(f"n{one % place}") for one in read) if place else ())
        for place, read in enumerate(reads)
    ]
    return make(nodes, f"n{len(reads) - 1}")


def reaches(graph: Graph, source: str, target: str) -> bool:
    """Whether a path of at least one step leads from source to target, by trying all."""
    places = {node.name: node.inputs for node in graph.nodes}
    for length in range(1, len(places)):
        for path in itertools.combinations(places, length):
            steps = (source, *path[:-1], target) if path[-1] == target else ()
            if steps and all(one in places[other] for one, other in itertools.pairwise(steps)):
                return True
    return False


@given(st.lists(st.lists(st.integers(0, 99), max_size=3), min_size=1, max_size=6))
def test_upstream_downstream_and_cone_agree_with_all_paths(reads: list[list[int]]) -> None:
    graph = acyclic(reads)
    for source, target in itertools.product(graph.by_name, repeat=2):
        is_below = reaches(graph, source, target)
        assert (target in graph.downstream([source])) == is_below
        assert (source in graph.upstream([target])) == (is_below or source == target)
        between = [
            node.name
            for node in graph.nodes
            if reaches(graph, source, node.name)
            and (node.name == target or reaches(graph, node.name, target))
        ]
        assert names(graph.cone(source, target)) == between
