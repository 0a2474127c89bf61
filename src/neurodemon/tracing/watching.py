"""Watch one run of a model, and write down what read what: nodes that say how it is built.

The nodes have the operations, names and arguments that an export would give them, so that axes,
kinds and names of sites are found by the same rules. They are not run one by one: where each
tensor is made in the run stands beside them.
"""

import operator
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neurodemon.errors import ReplayMismatchError
from neurodemon.graph.node import Node, Ref
from neurodemon.tracing.axes import Form
from neurodemon.tracing.hooking import Called, Forward, Watcher
from neurodemon.tracing.leaves import tensor_leaves
from neurodemon.tracing.torch_names import ASKING, settle_arguments
from neurodemon.tracing.wrapping import Tap


@dataclass(frozen=True)
class Place:
    """Where in a run a tensor is first there.

    Attributes:
        call: the number of the call that makes it; None if a module shows it first.
        name: of the function that makes it.
        leaf: which of the call's tensors.
        is_written: whether the call writes into what it is given.
        tap: the module that shows it first; None if a call makes it.
    """

    call: int | None
    name: str
    leaf: int
    is_written: bool = False
    tap: Tap | None = None

    def __str__(self) -> str:
        """Spell it for a message."""
        if self.tap is not None:
            return f"at {self.tap.name!r}"
        return f"made by call {self.call} of a torch function, {self.name}"


class Operation:
    """A function of torch as the operation of a node; it never writes on what it is given."""

    def __init__(self, function: Callable[..., Any], name: str, *, is_written: bool) -> None:
        self.__name__ = name
        self._function = function
        self._is_written = is_written

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Compute it, on a copy of the first argument where that is written into."""
        if self._is_written and isinstance(arguments[0], Tensor):
            arguments = (arguments[0].clone(), *arguments[1:])
            result = self._function(*arguments, **keywords)
            return arguments[0] if result is None else result
        return self._function(*arguments, **keywords)


def unseen(*_tensors: Any) -> Any:
    """Stand for what made a tensor out of sight: a kernel, a custom autograd.Function."""
    raise ReplayMismatchError(
        "What made a tensor out of sight of the hooks cannot be run by itself; expected the model "
        "to be run as a whole. Report this model."
    )


@dataclass(eq=False)
class Trace:
    """What was seen in one run.

    Attributes:
        nodes: in running order, placeholders first.
        inputs: placeholders of the leaves of the inputs.
        parameters: placeholder → the model's name for it.
        outputs: nodes of the tensors that the model returned.
        output: what it returned.
        taps: what was seen at modules, with the node of each.
        paths: node → path of the module that was running.
        places: where each node's tensor is made; nodes without one cannot be changed.
        values: node → its tensor, as it was when it was made.
        strangers: tensors that came from nowhere, by node.
        asked: nodes of which a number or a truth value was asked, with the line that asked.
        has_shared_writes: whether something was written into memory that tensors share.
        calls: the names of all calls, in order.
    """

    nodes: list[Node] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    output: Any = None
    taps: list[tuple[Tap, str]] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    strangers: dict[str, Tensor] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    has_shared_writes: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def forms(self) -> dict[str, Form]:
        """The shape of each node's value."""
        return {name: tuple(value.shape) for name, value in self.values.items()}


def watch(forward: Forward, leaves: list[Any]) -> Trace:
    """Run a model once under watch.

    Args:
        forward: the model.
        leaves: of one batch of inputs.

    Returns:
        What was seen. It holds every tensor of the run: drop it soon.
    """
    watcher = _Writing(forward.model)
    with torch.no_grad():
        output = forward.run(leaves, watcher)
    trace = watcher.trace
    trace.output = output
    trace.outputs = [watcher.node_of(tensor) for tensor in tensor_leaves(output)]
    return trace


class _Writing(Watcher):
    """Writes down what it sees."""

    wants_paths = True

    def __init__(self, model: nn.Module) -> None:
        self.trace = Trace()
        self._model = model
        self._made: dict[int, str] = {}  # id of a tensor → its node
        self._kept: list[Tensor] = []  # so that no id is used twice
        self._by_storage: dict[int, list[Tensor]] = {}

    def hooks(self, path: str) -> bool:  # noqa: ARG002  # all of them
        """See what passes every module."""
        return True

    def begin(self, leaves: list[Any]) -> None:
        """Make the placeholders of the inputs and of the weights."""
        for number, leaf in enumerate(leaves):
            name = f"input_{number}"
            self.trace.inputs.append(name)
            self._place(name, leaf)
        for number, (path, weight) in enumerate(self._model.named_parameters()):
            self.trace.parameters[f"weight_{number}"] = path
            self._place(f"weight_{number}", weight)

    def called(self, call: Called) -> Mapping[int, Tensor]:
        """Make the nodes of a call."""
        trace = self.trace
        trace.calls.append(call.name)
        is_same = not call.is_written and all(id(t) in self._made for t in call.tensors)
        if is_same and "dropout" not in call.name:
            return {}  # it gave back what it was given
        arguments, keywords = settle_arguments(
            call.function, call.name, call.arguments, call.keywords
        )
        name = f"call_{call.number}"
        operation = Operation(call.function, call.name, is_written=call.is_written)
        node = Node(name, operation, self._refer(arguments), self._refer(keywords))
        shared = self._sharing(call) if call.is_written else []
        self._add(node, call.path)
        for leaf, tensor in enumerate(call.tensors):
            own = name if call.is_bare else f"{name}_{leaf}"
            if not call.is_bare:
                self._add(Node(own, operator.getitem, (Ref(name), leaf)), call.path)
            trace.places[own] = Place(call.number, call.name, leaf, call.is_written)
            self._set(own, tensor)
        for number, tensor in enumerate(shared):
            own = f"{name}_shared_{number}"
            read = (Ref(self._made[id(tensor)]), Ref(name))
            self._add(Node(own, unseen, read), call.path)
            self._set(own, tensor)
            trace.has_shared_writes = True
        return {}

    def passed(self, tap: Tap, tensor: Tensor) -> None:
        """Note which node's tensor a module shows."""
        name = self.node_of(tensor)
        if name not in self.trace.places and name not in self._given:
            self.trace.places[name] = Place(None, "", tap.leaf, tap=tap)
        self.trace.taps.append((tap, name))

    def asked(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Note whose number was asked."""
        if name in ASKING:
            line = user_line()
            self.trace.asked.update({self.node_of(t): line for t in tensor_leaves(arguments)})

    def node_of(self, tensor: Tensor) -> str:
        """The node of a tensor; a stranger's, if nothing was seen to make it."""
        if id(tensor) not in self._made and not self._is_buffer(tensor):
            name = f"stranger_{len(self.trace.strangers)}"
            self.trace.strangers[name] = tensor
            # What made it may have read whatever was there before.
            before = [n.name for n in reversed(self.trace.nodes) if n.name in self.trace.values]
            self._add(Node(name, unseen, tuple(Ref(n) for n in before)), "")
            self._set(name, tensor)
        return self._made[id(tensor)]

    def _is_buffer(self, tensor: Tensor) -> bool:
        """Whether a tensor is one of the buffers, of which each run has copies; note it so."""
        for path, buffer in self._model.named_buffers():
            if buffer is tensor:
                name = f"buffer_{len(self.trace.parameters)}"
                self.trace.parameters[name] = path
                self._place(name, tensor)
                return True
        return False

    @property
    def _given(self) -> set[str]:
        """The placeholders."""
        return {*self.trace.inputs, *self.trace.parameters}

    def _place(self, name: str, leaf: Any) -> None:
        """Make a placeholder."""
        self._add(Node(name, None), "")
        if isinstance(leaf, Tensor):
            self._set(name, leaf)

    def _add(self, node: Node, path: str) -> None:
        """Add a node."""
        self.trace.nodes.append(node)
        self.trace.paths[node.name] = path

    def _set(self, name: str, tensor: Tensor) -> None:
        """Say that a tensor is a node's from now on."""
        self._made[id(tensor)] = name
        self._kept.append(tensor)
        is_given = name in self.trace.parameters
        self.trace.values[name] = tensor if is_given else tensor.detach().clone()
        if tensor.numel():
            self._by_storage.setdefault(_storage(tensor), []).append(tensor)

    def _sharing(self, call: Called) -> list[Tensor]:
        """The other tensors that lie where a call writes."""
        own = {id(tensor) for tensor in call.tensors}
        found = {
            id(other): other
            for tensor in call.tensors
            if tensor.numel()
            for other in self._by_storage.get(_storage(tensor), ())
            if id(other) not in own
        }
        return list(found.values())

    def _refer(self, argument: Any) -> Any:
        """Put references to nodes in the place of tensors."""
        return pytree.tree_map_only(Tensor, lambda tensor: Ref(self.node_of(tensor)), argument)


def user_line(trace: Any = None) -> str:
    """Say which line of the user's own is running, or raised.

    Args:
        trace: the traceback of what was raised; None for what is running.

    Returns:
        File and line of the innermost frame outside of torch and of this package; empty if
        there is none.
    """
    ours = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<")
    frames = traceback.extract_tb(trace) if trace is not None else traceback.extract_stack()
    own = [
        frame
        for frame in frames
        if not frame.filename.startswith(ours) and "jaxtyping" not in frame.filename
    ]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _storage(tensor: Tensor) -> int:
    """What tells apart the memory in which tensors lie."""
    return int(tensor.untyped_storage().data_ptr())
