"""Run a model again as a whole: with another value at one place, or with gradients at several.

Each place is a call of a torch function by its number, or a module that shows a tensor first.
Firings are counted: a demon that did not act exactly once is an error, never a silent zero.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.errors import ReplayMismatchError
from neurodemon.graph.node import Node, Ref
from neurodemon.tracing.hooking import Called, Forward, Watcher
from neurodemon.tracing.leaves import tensor_leaves
from neurodemon.tracing.watching import Place
from neurodemon.tracing.wrapping import Tap

WHOLE = "whole"  # the node of a run of the model


@dataclass(frozen=True, eq=False)
class Rerun:
    """A model that runs only as a whole (`graph.whole.Whole`).

    Attributes:
        forward: the model.
        inputs: the placeholders of its inputs.
        outputs: the nodes of the tensors that it returns.
        places: where the tensor of each node is made.
        names: what each node is called, for messages.
        one_by_one: whether a branch may read the batch, so that passes must hold one example.
        has_regions: whether all that happens to a tensor was seen.
    """

    forward: Forward
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    places: Mapping[str, Place]
    names: Mapping[str, str]
    one_by_one: bool
    has_regions: bool

    def record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model once, without gradients, and keep the value of every node.

        Args:
            values: of the placeholders.

        Returns:
            The values of placeholders, of nodes with a place, and of the outputs.

        Raises:
            ReplayMismatchError: the run takes another way than the one that was captured.
        """
        found = self.seen(values)
        missing = [name for name in self.places if name not in found]
        if missing:
            raise ReplayMismatchError(
                f"The model takes another way here than when it was captured: "
                f"{self._name(missing[0])} ({self.places[missing[0]]}) was not reached; expected "
                "the same calls for the same batch. Make one subject per way through the model."
            )
        return found

    def seen(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model once, and keep the value of every node that is reached."""
        watcher = _Recording(self.places)
        with torch.no_grad():
            made = self._run([values[name] for name in self.inputs], watcher)
        outputs = {name: value.clone() for name, value in zip(self.outputs, made, strict=True)}
        return {**outputs, **watcher.found, **values}

    def replaced(self, source: str) -> tuple[Node, ...]:
        """Make the nodes that run the model with another value at a source."""

        def whole(value: Tensor, *leaves: Any) -> tuple[Tensor, ...]:
            if source in self.inputs:
                place = self.inputs.index(source)
                return self._run([*leaves[:place], value, *leaves[place + 1 :]], Watcher())
            watcher = _Replacing(self.places[source], value)
            made = self._run(leaves, watcher)
            self._require_once(source, watcher.fired, watcher.reason)
            return made

        read = tuple(Ref(name) for name in (source, *self.inputs))
        outputs = [name for name in dict.fromkeys(self.outputs) if name != source]
        return (
            Node(WHOLE, whole, read),
            *(self._item(name, self.outputs.index(name)) for name in outputs),
        )

    def tapped(self, sources: Sequence[str]) -> tuple[Node, ...]:
        """Make the nodes that run the model so that gradients reach the value at each source."""
        own = [name for name in dict.fromkeys(sources) if name not in self.inputs]

        def whole(*leaves: Any) -> tuple[Tensor, ...]:
            watcher = _Tapping({name: self.places[name] for name in own})
            made = self._run(leaves, watcher)
            for name in own:
                self._require_once(name, watcher.fired.get(name, 0), "")
            return (*made, *(watcher.taps[name] for name in own))

        outputs = [name for name in dict.fromkeys(self.outputs) if name not in own]
        n_outputs = len(self.outputs)
        return (
            Node(WHOLE, whole, tuple(Ref(name) for name in self.inputs)),
            *(
                self._item(name, self.outputs.index(name))
                for name in outputs
                if name not in self.inputs
            ),
            *(self._item(name, n_outputs + number) for number, name in enumerate(own)),
        )

    def _run(self, leaves: Sequence[Any], watcher: Watcher) -> tuple[Tensor, ...]:
        """Run the model; the tensors that it returns."""
        made = tuple(tensor_leaves(self.forward.run(leaves, watcher)))
        if len(made) != len(self.outputs):
            raise ReplayMismatchError(
                f"The model returned {len(made)} tensors, and {len(self.outputs)} when it was "
                "captured; expected as many. Make one subject per way through the model."
            )
        return made

    def _require_once(self, source: str, fired: int, reason: str) -> None:
        """Refuse a run in which a demon did not act exactly once."""
        if fired == 1 and not reason:
            return
        raise ReplayMismatchError(
            f"The demon at {self._name(source)} acted {fired} times in a run of the model; "
            f"expected once ({self.places[source]}). {reason or 'That was not reached.'} The model "
            "does something else than when it was captured: look for state that it keeps between "
            "calls, and for branches on values."
        )

    def _name(self, node: str) -> str:
        """What a node is called."""
        return repr(self.names.get(node, node))

    @staticmethod
    def _item(name: str, place: int) -> Node:
        """The node of one tensor of a run."""
        return Node(name, operator.getitem, (Ref(WHOLE), place))


class _Recording(Watcher):
    """Keeps the tensor at every place."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.found: dict[str, Tensor] = {}
        self._calls: dict[int, list[tuple[str, Place]]] = {}
        self._taps: dict[Tap, str] = {}
        for node, place in places.items():
            if place.tap is not None:
                self._taps[place.tap] = node
            elif place.call is not None:
                self._calls.setdefault(place.call, []).append((node, place))

    def hooks(self, path: str) -> bool:
        """See the modules at which there are places."""
        return any(tap.path == path for tap in self._taps)

    def called(self, call: Called) -> Mapping[int, Tensor]:
        """Keep what a call made."""
        for node, place in self._calls.get(call.number, ()):
            if call.name == place.name and place.leaf < len(call.tensors):
                self.found[node] = call.tensors[place.leaf].detach().clone()
        return {}

    def passed(self, tap: Tap, tensor: Tensor) -> None:
        """Keep what a module shows."""
        if tap in self._taps:
            self.found[self._taps[tap]] = tensor.detach().clone()


class _Replacing(Watcher):
    """Puts another value at one place."""

    def __init__(self, place: Place, value: Tensor) -> None:
        self.fired = 0
        self.reason = ""
        self._place = place
        self._value = value

    def hooks(self, path: str) -> bool:
        """See the module of the place."""
        return self._place.tap is not None and self._place.tap.path == path

    def called(self, call: Called) -> Mapping[int, Tensor]:
        """Put the value in the place of what a call made, or write it there."""
        if call.number != self._place.call:
            return {}
        if call.name != self._place.name or self._place.leaf >= len(call.tensors):
            self.reason = f"In its place {call.name} was called."
            return {}
        tensor = call.tensors[self._place.leaf]
        if not self._fits(tensor):
            return {}
        if call.is_written:
            tensor.copy_(self._value)
            return {}
        return {self._place.leaf: _laid_like(tensor, self._value)}

    def passed(self, tap: Tap, tensor: Tensor) -> Tensor | None:
        """Put the value in the place of what a module shows."""
        if tap != self._place.tap or not self._fits(tensor):
            return None
        return _laid_like(tensor, self._value)

    def _fits(self, tensor: Tensor) -> bool:
        """Count a firing, if the value is of the shape that is there."""
        if tensor.shape != self._value.shape:
            there, given = tuple(tensor.shape), tuple(self._value.shape)
            self.reason = f"There the tensor is of shape {there}, its value of {given}."
            return False
        self.fired += 1
        return True


class _Tapping(Watcher):
    """Makes the value at several places reachable for gradients."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.taps: dict[str, Tensor] = {}
        self.fired: dict[str, int] = {}
        self._places = places

    def hooks(self, path: str) -> bool:
        """See the modules of the places."""
        taps = [place.tap for place in self._places.values() if place.tap is not None]
        return any(tap.path == path for tap in taps)

    def called(self, call: Called) -> Mapping[int, Tensor]:
        """Tap what a call made."""
        instead = {}
        for name, place in self._places.items():
            if place.call != call.number or place.leaf >= len(call.tensors):
                continue
            if place.name != call.name:
                continue
            tap = self._tap(name, call.tensors[place.leaf])
            if call.is_written and not self.sets_apart(call.number, call.name):
                call.tensors[place.leaf].copy_(tap)
            else:
                instead[place.leaf] = tap.clone()  # the model may write on it
        return instead

    def sets_apart(self, number: int, name: str) -> bool:
        """Set the calls apart that write where there is a tap."""
        return any(
            place.is_written and (place.call, place.name, place.leaf) == (number, name, 0)
            for place in self._places.values()
        )

    def passed(self, tap: Tap, tensor: Tensor) -> Tensor | None:
        """Tap what a module shows."""
        for name, place in self._places.items():
            if place.tap == tap:
                return self._tap(name, tensor).clone()
        return None

    def _tap(self, name: str, tensor: Tensor) -> Tensor:
        """Keep a copy that gradients reach: behind what came before, or a start of its own."""
        tap = tensor.clone()
        if not tap.requires_grad:
            with torch.inference_mode(mode=False):
                tap = tensor.detach().clone().requires_grad_()
        self.taps[name] = tap
        self.fired[name] = self.fired.get(name, 0) + 1
        return tap


def _laid_like(tensor: Tensor, value: Tensor) -> Tensor:
    """A copy of a value that lies in memory as the tensor does whose place it takes."""
    return torch.empty_like(tensor).copy_(value)
