"""Which axis of a value holds the units: told by operations, carried along by the rest.

A Linear puts its neurons last, a Conv its channels on axis 1. Everything that keeps the
number of axes carries the unit axis on; a permutation moves it. Shapes cannot tell: an
image is as square as a sequence of features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from neurodemon.graph.graph import Graph
from neurodemon.graph.node import Node
from neurodemon.tracing.axes import Form
from neurodemon.tracing.operations import CONVOLUTIONS, INHERITING, LINEARS, RECURRENT

CHANNEL_AXIS = 1
# Their result has its units last, whatever they read.
LAST = {*LINEARS, *RECURRENT, "embedding", "scaled_dot_product_attention"}
SHAPED = {"view", "reshape", "_unsafe_view", "flatten", "unflatten"}
IMAGE_AXES = (4, 5)  # numbers of axes of what comes of images and volumes


@dataclass(frozen=True)
class UnitAxis:
    """Where a value has its units.

    Attributes:
        axis: which axis; None if it has none.
        is_channel: whether the units are channels of a convolution.
    """

    axis: int | None
    is_channel: bool


def find_unit_axes(graph: Graph, forms: Mapping[str, Form]) -> dict[str, UnitAxis]:
    """Find the unit axis of every node's value.

    Args:
        graph: the graph, its nodes with their example axes.
        forms: the shape of each node's value.

    Returns:
        The unit axis by node.
    """
    convolved = graph.downstream(
        node.name for node in graph.nodes if node.operation_name in CONVOLUTIONS
    )
    found: dict[str, UnitAxis] = {}
    for node in graph.nodes:
        is_image = node.name in convolved and _ndim(forms.get(node.name)) in IMAGE_AXES
        found[node.name] = _of_node(node, graph, found, forms) or (
            UnitAxis(CHANNEL_AXIS, is_channel=True) if is_image else _last(node, forms)
        )
    return found


def maker_of(node: Node, graph: Graph) -> Node:
    """The node that computed a value, looking through the items of a tuple."""
    while node.operation_name == "getitem":
        node = graph[node.inputs[0]]
    return node


def _of_node(
    node: Node, graph: Graph, found: Mapping[str, UnitAxis], forms: Mapping[str, Form]
) -> UnitAxis | None:
    """What a node's operation, its readers or its inputs tell; None if they tell nothing."""
    name = maker_of(node, graph).operation_name
    if name in CONVOLUTIONS or (node.operation is None and _feeds_convolution(node, graph)):
        return UnitAxis(CHANNEL_AXIS, is_channel=True)
    if name in LAST or node.operation is None:
        return _last(node, forms)
    ndim = _ndim(forms.get(node.name))
    parents = [one for one in node.inputs if not ndim or _ndim(forms.get(one)) in {0, ndim}]
    if ndim == 1 or not parents or name == "unbind":  # an axis less, as behind `select`
        return None
    # An operand that is only broadcast (a position table) has no say beside one with examples.
    own = [one for one in parents if graph[one].example_axis is not None] or parents
    parent = next((one for one in own if found[one].is_channel), own[0])
    if name in SHAPED and not _keeps_size(node.name, parent, found[parent].axis, forms):
        return None
    return _moved(node, found[parent], ndim)


def _moved(node: Node, before: UnitAxis, ndim: int) -> UnitAxis:
    """Follow the unit axis, through a permutation of the axes if the node is one."""
    if before.axis is None or node.operation_name not in {"permute", "transpose"}:
        return before
    order = list(range(ndim))
    if node.operation_name == "permute":
        order = [axis % ndim for axis in node.arguments[1]]
    else:
        one, other = (axis % ndim for axis in node.arguments[1:3])
        order[one], order[other] = order[other], order[one]
    return UnitAxis(order.index(before.axis), before.is_channel)


def _keeps_size(name: str, parent: str, axis: int | None, forms: Mapping[str, Form]) -> bool:
    """Whether a reshaping keeps the size of the unit axis and of those before it."""
    after, before = forms.get(name), forms.get(parent)
    if axis is None or not isinstance(after, tuple) or not isinstance(before, tuple):
        return False
    return after[: axis + 1] == before[: axis + 1]


def _last(node: Node, forms: Mapping[str, Form]) -> UnitAxis:
    """The last axis that does not hold the examples."""
    ndim = _ndim(forms.get(node.name))
    axes = [axis for axis in range(ndim) if axis != node.example_axis]
    return UnitAxis(max(axes, default=None), is_channel=False)


def _feeds_convolution(node: Node, graph: Graph) -> bool:
    """Whether a given value goes into a convolution, elementwise operations and pads aside."""
    return any(
        graph[user].inputs[0] == node.name
        and (
            graph[user].operation_name in CONVOLUTIONS
            or (graph[user].operation_name in INHERITING and _feeds_convolution(graph[user], graph))
        )
        for user in graph.users[node.name]
    )


def _ndim(form: Form) -> int:
    """The number of axes of a tensor's form; 0 of anything else."""
    return len(form) if isinstance(form, tuple) else 0
