"""Held still: mode, random state and fast path are put back; buffers and inputs are not written."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurodemon.tracing.model_state import (
    CACHE_OFF,
    call_model,
    fills_cache,
    notes_of_call,
    run_model,
    studied,
)


class Writing(nn.Module):
    """Counts its calls in a buffer and writes on its input."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x.mul_(2)


def test_a_dict_is_given_by_keyword_a_tuple_by_position() -> None:
    class Minus(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return left - right

    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert call_model(Minus(), {"right": one, "left": two}) == 1
    assert call_model(Minus(), (one, two)) == -1
    assert call_model(Minus(), [one, two]) == -1
    assert call_model(nn.Identity(), one) == 1


class Caching(nn.Module):
    """Says how it was called."""

    def __init__(self, *, use_cache: object = True) -> None:
        super().__init__()
        self.config = SimpleNamespace(use_cache=use_cache)

    def forward(self, ids: int, mask: int = 0, use_cache: object = None) -> object:
        return ids, mask, use_cache


def test_a_cache_that_nobody_asked_for_is_off_and_that_is_said() -> None:
    model = Caching()
    for inputs in ({"ids": 1}, (1,), 1):
        assert call_model(model, inputs) == (1, 0, False)
        assert notes_of_call(model, inputs, call_model) == (CACHE_OFF,)


def test_a_cache_that_was_asked_for_stays_on_without_a_word() -> None:
    model = Caching()
    for inputs in ({"ids": 1, "use_cache": True}, (1, 0, True)):
        assert call_model(model, inputs) == (1, 0, True)
        assert notes_of_call(model, inputs, call_model) == ()
    assert notes_of_call(model, 1, lambda own, inputs: own(inputs)) == ()


def test_a_model_without_a_cache_is_called_as_it_is() -> None:
    class Plain(Caching):
        def forward(self, ids: int) -> object:
            return ids

    assert call_model(Caching(use_cache=False), 1) == (1, 0, None)
    assert call_model(Plain(), 1) == 1
    assert not fills_cache(nn.Identity(), 1)


class HangingHooks(nn.Module):
    """Hangs a hook on its layer at its first call, as Hugging Face's models do."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "_is_hung"):
            self.fc.register_forward_hook(lambda _module, _inputs, output: output + 1)
            self._is_hung = True
        return self.fc(x)


def test_hooks_that_a_model_hangs_on_itself_come_off_again() -> None:
    model = HangingHooks()
    with studied(model, evaluate=True):
        model(torch.ones(1, 2))
        assert len(model.fc._forward_hooks) == 1
    assert len(model.fc._forward_hooks) == 0
    assert not hasattr(model, "_is_hung")


def test_hooks_that_were_there_stay() -> None:
    model = HangingHooks()
    model(torch.ones(1, 2))
    with studied(model, evaluate=True):
        model(torch.ones(1, 2))
    assert len(model.fc._forward_hooks) == 1


def test_every_modules_own_mode_comes_back() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval(), nn.ReLU())
    with studied(model, evaluate=True):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False, True]


def test_without_evaluation_the_mode_is_left_alone() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    with studied(model, evaluate=False):
        assert [module.training for module in model] == [True, False]


def test_the_random_state_and_the_fast_path_come_back_even_after_an_error() -> None:
    model = nn.Dropout()
    torch.manual_seed(1)
    expected = torch.get_rng_state()

    def draw_and_fail() -> None:
        torch.rand(3)
        assert not torch.backends.mha.get_fastpath_enabled()
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"), studied(model, evaluate=True):
        draw_and_fail()
    assert torch.equal(torch.get_rng_state(), expected)
    assert torch.backends.mha.get_fastpath_enabled()
    assert model.training


def test_a_run_changes_neither_buffers_nor_inputs() -> None:
    model, x = Writing(), torch.ones(2)
    assert run_model(model, x, call_model).tolist() == [2, 2]
    assert float(model.calls) == 0
    assert x.tolist() == [1, 1]


def test_a_plain_call_changes_both() -> None:
    """Negative control: the model of these tests does write."""
    model, x = Writing(), torch.ones(2)
    model(x)
    assert float(model.calls) == 1
    assert x.tolist() == [2, 2]
    assert np.array_equal(x.numpy(), [2, 2])
