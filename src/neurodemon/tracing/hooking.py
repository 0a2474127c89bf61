"""Run the model's own forward and see, or change, every tensor where it is made.

A `TorchFunctionMode` sees each outermost call of a torch function and counts it; hooks see what
goes into and comes out of modules. What is seen is shown to a watcher, which may give another
tensor in its place. The model, its buffers and the random state stay as they were.
"""

# ruff: noqa: ARG002  # a watcher that lets all pass reads no argument

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from neurodemon.tracing.leaves import floating_leaves, swap_leaf, tensor_leaves
from neurodemon.tracing.model_state import Call, run_on_copies, studied
from neurodemon.tracing.modules import modules_of
from neurodemon.tracing.torch_names import SHAPED_BY_CONTENT, is_written, torch_name
from neurodemon.tracing.wrapping import Tap

_APPLY = torch.autograd.Function.apply.__func__.__code__  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Called:
    """One outermost call of a torch function that made tensors, or wrote into one.

    Attributes:
        number: how many such calls came before it.
        name: the function's, as an export names it.
        function: what was called.
        arguments: by position.
        keywords: by keyword.
        path: of the innermost module that was running.
        tensors: the tensors that it returned, or wrote into.
        is_written: whether it wrote into them where they lay.
        is_bare: whether it returned its one tensor itself, not in a tuple.
    """

    number: int
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    path: str
    tensors: tuple[Tensor, ...]
    is_written: bool
    is_bare: bool


class Watcher:
    """What looks on while a model runs; this one lets everything pass.

    Attributes:
        wants_paths: whether it must know which module was running at each call.
    """

    wants_paths = False

    def begin(self, leaves: list[Any]) -> None:
        """See the leaves of the inputs that the model is given."""

    def called(self, call: Called) -> Mapping[int, Tensor]:
        """See a call; give other tensors, by their number, in the place of its own."""
        return {}

    def sets_apart(self, number: int, name: str) -> bool:
        """Whether a call shall write into a copy of its argument, whose content is put back.

        Then a backward pass finds untouched what the call left for it.

        Args:
            number: of the call.
            name: of the function.

        Returns:
            Whether it shall.
        """
        return False

    def passed(self, tap: Tap, tensor: Tensor) -> Tensor | None:
        """See a tensor at a module; give another in its place, or None."""
        return None

    def asked(self, name: str, arguments: tuple[Any, ...]) -> None:
        """See that a number or a truth value of a tensor was asked for."""

    def hooks(self, path: str) -> bool:
        """Whether it wants to see what passes a module."""
        return False


@dataclass(frozen=True, eq=False)
class Forward:
    """The model's own forward, ready to be run.

    Attributes:
        model: the user's model.
        call: how to call it.
        evaluate: whether it runs in evaluation mode.
        structure: how its inputs nest.
    """

    model: nn.Module
    call: Call
    evaluate: bool
    structure: Any

    def run(self, leaves: Sequence[Any], watcher: Watcher) -> Any:
        """Run the model under a watcher.

        Args:
            leaves: of the inputs; tensors are copied, since a model may write on them.
            watcher: sees what happens.

        Returns:
            What the model returns.
        """
        copies = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        watcher.begin(copies)
        inputs = pytree.tree_unflatten(copies, self.structure)
        gradient = torch.is_grad_enabled()
        with studied(self.model, evaluate=self.evaluate):
            _seed()
            mode = _Mode(watcher)
            handles = list(_hook(self.model, mode, watcher))
            try:
                with warnings.catch_warnings(), torch.set_grad_enabled(gradient), mode:
                    # a number that the model asks for is no less its own where we differentiate
                    warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")
                    return run_on_copies(self.model, inputs, self.call)
            finally:
                for handle in handles:
                    handle.remove()


class _Mode(TorchFunctionMode):
    """Sees each outermost call of a torch function."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.is_paused = False
        self._watcher = watcher
        self._count = 0

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function, and show what it made."""
        keywords = keywords or {}
        if self.is_paused or _is_inside_custom():
            return function(*arguments, **keywords)
        name = torch_name(function)
        written_into = None
        if arguments and self._watcher.sets_apart(self._count, name):
            written_into = arguments[0]
            arguments = (written_into.clone(), *arguments[1:])
        given = _versions(arguments, keywords)
        result = function(*arguments, **keywords)
        made = list(tensor_leaves(result))
        written = [t for t, version in given if _version(t) != version]
        if is_written(function) and given and given[0][0].is_inference():  # has no version
            written = [given[0][0]]
        tensors = made or written
        if not tensors:
            self._watcher.asked(name, arguments)
            return result
        path = self.paths[-1] if self.paths else ""
        is_in_place = any(tensor is one for tensor in tensors for one in written)
        call = Called(
            self._count,
            name,
            function,
            arguments,
            keywords,
            path,
            tuple(tensors),
            is_written=is_in_place,
            is_bare=isinstance(result, Tensor) or not made,
        )
        self._count += 1
        if name in SHAPED_BY_CONTENT:
            self._watcher.asked(name, arguments)
        instead = self._watcher.called(call)
        if written_into is not None and instead:
            written_into.copy_(instead[0])
            return result if result is None else written_into
        if not instead or is_in_place:
            return result
        return swap_leaf(result, {id(tensors[leaf]): value for leaf, value in instead.items()})


def _seed() -> None:
    """Seed torch; not by `manual_seed`, which keeps a stack trace of each call for later."""
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(0)


def _hook(model: nn.Module, mode: _Mode, watcher: Watcher) -> Iterator[Any]:
    """Put hooks on all modules: the path of what runs, and what goes in and out."""
    calls: Counter[str] = Counter()
    for path, module in modules_of(model):
        if not (watcher.wants_paths or watcher.hooks(path)):
            continue
        yield module.register_forward_pre_hook(
            _before(path, mode, watcher, calls), with_kwargs=True
        )
        yield module.register_forward_hook(_after(path, mode, watcher, calls))


def _before(path: str, mode: _Mode, watcher: Watcher, calls: Counter[str]) -> Callable[..., Any]:
    """Make the hook that sees a module's inputs."""

    def hook(_module: nn.Module, arguments: Any, keywords: Any) -> Any:
        calls[path] += 1
        mode.paths.append(path)
        if not watcher.hooks(path):
            return None
        return _show(mode, watcher, (path, "in", calls[path]), (arguments, keywords))

    return hook


def _after(path: str, mode: _Mode, watcher: Watcher, calls: Counter[str]) -> Callable[..., Any]:
    """Make the hook that sees a module's outputs."""

    def hook(_module: nn.Module, _arguments: Any, output: Any) -> Any:
        mode.paths.pop()
        if not watcher.hooks(path):
            return None
        return _show(mode, watcher, (path, "out", calls[path]), output)

    return hook


def _show(mode: _Mode, watcher: Watcher, where: tuple[Any, Any, int], value: Any) -> Any:
    """Show the floating tensors of a value; the value with others in their place, or None."""
    mode.is_paused = True  # our own calls are none of the model's
    try:
        instead = {}
        for leaf, tensor in enumerate(floating_leaves(value)):
            other = watcher.passed(Tap(where[0], where[1], where[2], leaf), tensor)
            if other is not None:
                instead[id(tensor)] = other
        return swap_leaf(value, instead) if instead else None
    finally:
        mode.is_paused = False


def _is_inside_custom() -> bool:
    """Whether the forward of a custom `autograd.Function` is running: one step of the model."""
    frame: Any = sys._getframe(2)  # noqa: SLF001  # the only way to look at the callers
    while frame is not None:
        if frame.f_code is _APPLY:
            return True
        frame = frame.f_back
    return False


def _versions(arguments: Any, keywords: Any) -> list[tuple[Tensor, int]]:
    """The tensors among the arguments, each with how often it was written into."""
    return [(tensor, _version(tensor)) for tensor in tensor_leaves((arguments, keywords))]


def _version(tensor: Tensor) -> int:
    """How often a tensor was written into; 0 of one that does not count it."""
    return 0 if tensor.is_inference() else tensor._version  # noqa: SLF001  # its public reading
