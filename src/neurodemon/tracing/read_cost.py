"""The user's cost as one operation, of what it looks at alone."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from neurodemon.tracing.leaves import tensor_leaves, without_tensors
from neurodemon.tracing.wrapping import Cost, OpaqueCost, Seen


class ReadCost:
    """The user's cost as one operation, of those output tensors alone that it looks at.

    Attributes:
        is_read: of each tensor that the model returns, whether the cost looks at it.
    """

    def __init__(self, cost: Cost, output: Any, target: Any) -> None:
        seen = Seen()
        seen.n_outputs = len(list(tensor_leaves(output)))
        seen.output = without_tensors(output)
        self._cost = OpaqueCost(cost, seen, target)
        reading = _Reading()
        with torch.no_grad(), reading:
            cost(output, target)
        self.is_read = tuple(id(tensor) in reading.seen for tensor in tensor_leaves(output))

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Compute the cost from the output tensors that it looks at, then the target tensors."""
        given = iter(tensors)
        outputs = [next(given) if is_read else torch.empty(0) for is_read in self.is_read]
        return self._cost(*outputs, *given)


class _Reading(TorchFunctionMode):
    """Notes which tensors anything is asked or made of."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, Tensor] = {}

    def __torch_function__(
        self, function: Any, _types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        """Note the tensors among the arguments."""
        for tensor in tensor_leaves((arguments, keywords or {})):
            self.seen[id(tensor)] = tensor
        return function(*arguments, **(keywords or {}))
