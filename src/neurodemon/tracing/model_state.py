"""Look at a model without changing it: mode, buffers and random state are put back."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

Call = Callable[[nn.Module, Any], Any]


def call_model(model: nn.Module, inputs: Any) -> Any:
    """Call a model the usual way: a dict by keywords, a tuple by position, else as is."""
    if isinstance(inputs, dict):
        return model(**inputs)
    if isinstance(inputs, (tuple, list)):
        return model(*inputs)
    return model(inputs)


@contextlib.contextmanager
def studied(model: nn.Module, *, evaluate: bool) -> Iterator[None]:
    """Hold a model still: evaluation mode if asked, its state and the random state kept aside.

    The fast path of `nn.TransformerEncoder` is off meanwhile: with a padding mask it gives
    other numbers than the layers it stands for.

    Args:
        model: the user's model.
        evaluate: whether to put it in evaluation mode.

    Yields:
        Nothing; on leaving, every module's mode and attributes (also those that its own
        forward sets, and what it puts into its lists and dicts), the random state and the fast path are as before.
    """
    states = [(module, dict(vars(module))) for module in model.modules()]
    kept = [
        (value, copy.copy(value))
        for _, state in states
        for name, value in state.items()
        if type(value) in {list, dict, set} and not name.startswith("_")
    ]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # what is made in the caller's inference mode could never be differentiated
    with torch.inference_mode(mode=False), torch.random.fork_rng(devices=_devices(model)):
        try:
            torch.backends.mha.set_fastpath_enabled(False)
            if evaluate:
                model.eval()
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            for module, state in states:
                vars(module).clear()
                vars(module).update(state)
            for container, content in kept:
                container.clear()
                (container.extend if isinstance(container, list) else container.update)(content)


class _Through(nn.Module):
    """A model behind the user's own way of calling it, for `functional_call`."""

    def __init__(self, model: nn.Module, call: Call) -> None:
        super().__init__()
        self.model = model
        self.call = call

    def forward(self, inputs: Any) -> Any:
        """Call the model."""
        return self.call(self.model, inputs)


def run_model(model: nn.Module, inputs: Any, call: Call) -> Any:
    """Run the model's own forward on copies of its buffers, so that none is changed.

    Args:
        model: the user's model.
        inputs: one batch of inputs; copied as well, since a model may write on them.
        call: how to call the model.

    Returns:
        What the model returns.
    """
    through = _Through(model, call)
    copies = {f"model.{name}": buffer.clone() for name, buffer in model.named_buffers()}
    fresh = torch.utils._pytree.tree_map_only(Tensor, Tensor.clone, inputs)  # noqa: SLF001
    return functional_call(through, copies, (fresh,))


def _devices(model: nn.Module) -> list[int]:
    """The CUDA devices whose random state must be kept."""
    found = {parameter.device for parameter in model.parameters() if parameter.is_cuda}
    return sorted(device.index for device in found)
