"""Look at a model without changing it: mode, buffers and random state are put back."""

import contextlib
import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

Call = Callable[[nn.Module, Any], Any]


CACHE = "use_cache"  # the name by which Hugging Face's models are told to keep keys and values
CACHE_OFF = "KV cache off: called with use_cache=False."


def call_model(model: nn.Module, inputs: Any) -> Any:
    """Call a model the usual way: a dict by keywords, a tuple by position, else as is.

    A model that would fill a cache of keys and values, which only generation reads, is told not
    to, unless the inputs hold `use_cache` themselves.

    Args:
        model: the user's model.
        inputs: one batch of inputs.

    Returns:
        What the model returns.
    """
    keywords = {CACHE: False} if fills_cache(model, inputs) else {}
    if isinstance(inputs, dict):
        return model(**inputs, **keywords)
    if isinstance(inputs, (tuple, list)):
        return model(*inputs, **keywords)
    return model(inputs, **keywords)


def fills_cache(model: nn.Module, inputs: Any) -> bool:
    """Whether a model would fill a cache by its config alone, without being asked to.

    Args:
        model: the user's model.
        inputs: one batch of inputs.

    Returns:
        True if its config says `use_cache=True`, its forward takes the word, and the inputs do
        not hold it.
    """
    if getattr(getattr(model, "config", None), CACHE, None) is not True:
        return False
    names = list(inspect.signature(model.forward).parameters)
    if isinstance(inputs, dict):
        given = list(inputs)
    else:
        given = names[: len(inputs) if isinstance(inputs, (tuple, list)) else 1]
    return CACHE in names and CACHE not in given


def notes_of_call(model: nn.Module, inputs: Any, call: Call) -> tuple[str, ...]:
    """Say what `call_model` changes of the way a model is called."""
    return (CACHE_OFF,) if call is call_model and fills_cache(model, inputs) else ()


@contextlib.contextmanager
def studied(model: nn.Module, *, evaluate: bool) -> Iterator[None]:
    """Hold a model still: evaluation mode if asked, its state and the random state kept aside.

    The fast path of `nn.TransformerEncoder` is off meanwhile: with a padding mask it gives
    other numbers than the layers it stands for. What `torch.compile` wraps runs as it was
    written, so that hooks see it.

    Args:
        model: the user's model.
        evaluate: whether to put it in evaluation mode.

    Yields:
        Nothing; on leaving, every module's mode and attributes (also those that its own
        forward sets, and what it puts into its lists and dicts), the random state and the fast path are as before.
    """
    states = [(module, dict(vars(module))) for module in model.modules()]
    kept = [
        (value, value.copy())
        for _, state in states
        for name, value in state.items()
        # a model may hang hooks on itself when it is first called: they stand in such a dict
        if type(value) in {list, dict, set, OrderedDict}
        and ("hooks" in name or not name.startswith("_"))
    ]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # what is made in the caller's inference mode could never be differentiated
    with (
        torch.inference_mode(mode=False),
        torch.random.fork_rng(devices=_devices(model)),
        torch.compiler.set_stance("force_eager"),
    ):
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
    fresh = torch.utils._pytree.tree_map_only(Tensor, Tensor.clone, inputs)  # noqa: SLF001
    return run_on_copies(model, fresh, call)


def run_on_copies(model: nn.Module, inputs: Any, call: Call) -> Any:
    """Run the model's own forward on copies of its buffers, and on these inputs themselves."""
    copies = {f"model.{name}": buffer.clone() for name, buffer in model.named_buffers()}
    return functional_call(_Through(model, call), copies, (inputs,))


def _devices(model: nn.Module) -> list[int]:
    """The CUDA devices whose random state must be kept."""
    found = {parameter.device for parameter in model.parameters() if parameter.is_cuda}
    return sorted(device.index for device in found)
