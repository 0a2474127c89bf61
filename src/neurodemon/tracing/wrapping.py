"""The model with its cost as one module, whose extra outputs are clones of every site.

While it is exported, hooks clone each floating tensor that goes into and comes out of every
module. The node that a clone copies *is* that site: exact where stack traces mislead.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.utils import _pytree as pytree

from neurodemon.errors import CaptureError
from neurodemon.tracing.leaves import floating_leaves, tensor_leaves, with_tensors, without_tensors
from neurodemon.tracing.model_state import Call
from neurodemon.tracing.modules import modules_of

Cost = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class Tap:
    """One tensor seen at a module while it ran.

    Attributes:
        path: the module's path; empty for the model itself.
        side: whether it went in or came out.
        call: which call of the module it was, from 1.
        leaf: which floating tensor of a tuple or dict, from 0.
    """

    path: str
    side: Literal["in", "out"]
    call: int
    leaf: int

    @property
    def name(self) -> str:
        """Spell the site's name: `fc1`, `fc1:in`, `cell#2`, `lstm[out=1]`."""
        side = ":in" if self.side == "in" else "" if self.path else ":out"
        call = "" if self.call == 1 else f"#{self.call}"
        leaf = "" if self.leaf == 0 else f"[out={self.leaf}]"
        return f"{self.path}{side}{call}{leaf}"


Take = Callable[[Tap, Tensor], Tensor]


def clone(_tap: Tap, tensor: Tensor) -> Tensor:
    """Take a tensor as a node of its own, which an export shows."""
    return tensor.clone()


class Taps:
    """Collect clones of what goes through a model's modules while it runs once.

    Args:
        model: what will run.
        take: what is kept of a tensor.
    """

    def __init__(self, model: nn.Module, take: Take = clone) -> None:
        self._take = take
        self.taps: list[Tap] = []
        self.values: list[Tensor] = []
        self._calls: Counter[str] = Counter()
        self._handles = [
            handle
            for path, module in modules_of(model)
            for handle in (
                module.register_forward_pre_hook(self._seen_in(path), with_kwargs=True),
                module.register_forward_hook(self._seen_out(path)),
            )
        ]

    def remove(self) -> None:
        """Take the hooks off the model again."""
        for handle in self._handles:
            handle.remove()

    def _seen_in(self, path: str) -> Callable[..., None]:
        """Make the hook that clones a module's inputs."""

        def hook(_module: nn.Module, arguments: Any, keywords: Any) -> None:
            self._calls[path] += 1
            self._keep(path, "in", (arguments, keywords))

        return hook

    def _seen_out(self, path: str) -> Callable[..., None]:
        """Make the hook that clones a module's outputs."""

        def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:
            self._keep(path, "out", output)

        return hook

    def _keep(self, path: str, side: Literal["in", "out"], value: Any) -> None:
        """Clone the floating tensors of a value."""
        for leaf, tensor in enumerate(floating_leaves(value)):
            if not is_functorch_wrapped_tensor(tensor):  # one example's, within a vmap
                tap = Tap(path, side, self._calls[path], leaf)
                self.taps.append(tap)
                self.values.append(self._take(tap, tensor))


class Seen:
    """What a run of `Costed` leaves behind, out of reach of the exporter's own bookkeeping.

    Attributes:
        taps: what each clone is.
        n_outputs: how many tensors the model returned.
        output: what it returned, with a gap for each tensor.
    """

    taps: tuple[Tap, ...] = ()
    n_outputs: int = 0
    output: Any = None


class Costed(nn.Module):
    """A model, then its cost, as one module to export.

    Its forward returns (cost, output tensors, clones of the sites); with `has_cost` off, the
    first is left out. `seen` then says what each clone is.
    """

    def __init__(self, model: nn.Module, call: Call, cost: Cost, *, has_cost: bool) -> None:
        super().__init__()
        self.model = model
        self.call = call
        self.cost = cost
        self.has_cost = has_cost
        self.seen = Seen()

    def forward(self, inputs: Any, target: Any) -> list[Tensor]:
        """Run the model under taps, then the cost."""
        taps = Taps(self.model)
        try:
            output = self.call(self.model, inputs)
        finally:
            taps.remove()
        outputs = list(tensor_leaves(output))
        if not outputs:
            raise CaptureError(f"The model returned {type(output).__name__} without any tensor.")
        self.seen.taps, self.seen.n_outputs = tuple(taps.taps), len(outputs)
        self.seen.output = without_tensors(output)
        costs = [self.cost(output, target)] if self.has_cost else []
        return [*costs, *outputs, *taps.values]


class OpaqueCost:
    """The user's cost as one operation of the graph, where it cannot be captured itself."""

    is_foreign = True  # the user's own code is run each time: it may give something else

    def __init__(self, cost: Cost, seen: Seen, target: Any) -> None:
        self._cost = cost
        self._output, self._n_outputs = seen.output, seen.n_outputs
        self._target_leaves, self._target_structure = pytree.tree_flatten(target)

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Compute the cost from the output tensors, then the target tensors."""
        outputs = iter([tensor.clone() for tensor in tensors[: self._n_outputs]])
        targets = iter(tensors[self._n_outputs :])
        output = with_tensors(self._output, outputs)
        target = pytree.tree_unflatten(
            [next(targets) if isinstance(leaf, Tensor) else leaf for leaf in self._target_leaves],
            self._target_structure,
        )
        return self._cost(output, target)
