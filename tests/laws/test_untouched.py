"""Law: the user's model is read, never written, whatever the verb and however it ends."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles.models import ZOO, Case
from torch import Tensor, nn

import neurodemon as nd


def state(model: nn.Module, batches: list[Any]) -> dict[str, Any]:
    """Everything of a model and of the process that a verb must leave alone."""
    modules = dict(model.named_modules())
    return {
        "weights": {n: v.detach().numpy().tobytes() for n, v in model.state_dict().items()},
        "storages": {n: v.data_ptr() for n, v in model.state_dict().items()},
        "versions": {n: v._version for n, v in model.state_dict(keep_vars=True).items()},
        "gradients": {
            n: None if p.grad is None else p.grad.numpy().tobytes()
            for n, p in model.named_parameters()
        },
        "requires_grad": {n: p.requires_grad for n, p in model.named_parameters()},
        "modes": {n: m.training for n, m in modules.items()},
        "hooks": {
            n: [list(v) for k, v in sorted(vars(m).items()) if k.endswith("_hooks")]
            for n, m in modules.items()
        },
        "attributes": {n: _plain(vars(m)) for n, m in modules.items()},
        "classes": {n: type(m) for n, m in modules.items()},
        "batches": [
            leaf.numpy().tobytes()
            for leaf in torch.utils._pytree.tree_leaves(batches)
            if isinstance(leaf, Tensor)
        ],
        "torch rng": torch.get_rng_state().tolist(),
        "numpy rng": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def _plain(attributes: dict[str, Any]) -> dict[str, str]:
    """The names of all attributes, and the values of the plain ones."""
    return {
        name: repr(value)
        if isinstance(value, (int, float, str, bool, tuple))
        else type(value).__name__
        for name, value in attributes.items()
    }


def make() -> Case:
    """A CNN in mixed modes, frozen weights, gradients and hooks of the user's own."""
    case = ZOO["residual cnn"]()
    model = case.model.train()
    model.bn2.eval()
    model.conv2.weight.requires_grad_(requires_grad=False)
    model.fc.weight.grad = torch.full_like(model.fc.weight, 0.5)
    model.fc.register_forward_hook(lambda *_: None)
    model.note = "mine"
    return case


@pytest.fixture
def studied() -> tuple[nd.Subject, Case]:
    """The subject of it."""
    case = make()
    return nd.Subject(case.model, case.batches, case.cost), case


VERBS: dict[str, Callable[[nd.Subject], object]] = {
    "sites": nd.sites,
    "units": nd.units,
    "check": nd.check,
    "predict": nd.predict,
    "measure": nd.measure,
    "measure with noise": lambda subject: nd.measure(subject, None, nd.Noise(nd.Std(1), seed=1)),
    "measure resampled": lambda subject: nd.measure(subject, "relu", nd.Resample(1)),
    "measure patched": lambda subject: nd.measure(
        subject, "relu", nd.Patch([(x.flip(0), y) for x, y in subject.batches])
    ),
    "delta": lambda subject: nd.delta(subject, "conv1"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_leaves_everything_as_it_was(verb: str, studied: tuple[nd.Subject, Case]) -> None:
    subject, case = studied
    torch.manual_seed(3)
    before = state(case.model, case.batches)
    VERBS[verb](subject)
    after = state(case.model, case.batches)
    assert [key for key in before if before[key] != after[key]] == []


def test_an_audit_leaves_everything_as_it_was(studied: tuple[nd.Subject, Case]) -> None:
    subject, case = studied
    before = state(case.model, case.batches)
    nd.audit(subject, "relu")
    after = state(case.model, case.batches)
    assert [key for key in before if before[key] != after[key]] == []


def test_a_run_on_disk_leaves_everything_as_it_was(
    studied: tuple[nd.Subject, Case], tmp_path: Path
) -> None:
    subject, case = studied
    before = state(case.model, case.batches)
    nd.measure(subject, "relu", out=tmp_path / "run")
    after = state(case.model, case.batches)
    assert [key for key in before if before[key] != after[key]] == []


def test_hooks_leave_everything_as_it_was() -> None:
    case = make()
    subject = nd.Subject(case.model, case.batches, case.cost, capture="hooked")
    torch.manual_seed(3)
    before = state(case.model, case.batches)
    for verb in ("check", "predict", "measure", "delta"):
        VERBS[verb](subject)
        after = state(case.model, case.batches)
        assert [key for key in before if before[key] != after[key]] == [], verb


def raising_cost(_output: Tensor, _target: Tensor) -> Tensor:
    """A cost that fails."""
    raise RuntimeError("the user's own mistake")


def mean_cost(output: Tensor, target: Tensor) -> Tensor:
    """A cost that is averaged too early."""
    return nn.functional.cross_entropy(output, target)


def coupled_cost(output: Tensor, target: Tensor) -> Tensor:
    """A cost that couples the examples."""
    return nn.functional.cross_entropy(output - output.mean(0), target, reduction="none")


class Stumbling(nn.Module):
    """Fails in the middle of its forward."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.head = inner, nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        torch.rand(2)
        return self.head(self.inner(x)) @ torch.ones(7, 7)


MISTAKES = {
    "cost fails": raising_cost, "cost is a mean": mean_cost, "cost couples": coupled_cost,
}  # fmt: skip
RAISING = [
    *((mistake, verb) for mistake in ("cost fails", "cost is a mean", "model fails")
      for verb in ("sites", "check", "predict", "measure", "delta")),
    ("cost couples", "check"), ("cost couples", "measure"), ("no such site", "measure nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "verb"), RAISING)
def test_a_verb_that_raises_leaves_everything_as_it_was(mistake: str, verb: str) -> None:
    case = make()
    model: nn.Module = Stumbling(case.model) if mistake == "model fails" else case.model
    subject = nd.Subject(model, case.batches, MISTAKES.get(mistake, case.cost))
    verbs = {**VERBS, "measure nowhere": lambda one: nd.measure(one, "nowhere")}
    before = state(model, case.batches)
    with pytest.raises(nd.NeurodemonError):
        verbs[verb](subject)
    after = state(model, case.batches)
    assert [key for key in before if before[key] != after[key]] == []


def test_without_gradients_all_works_and_is_left_so(studied: tuple[nd.Subject, Case]) -> None:
    subject, case = studied
    with torch.no_grad():
        before = state(case.model, case.batches)
        predicted = nd.predict(subject, "relu")["predicted"]
        nd.measure(subject, "relu")
        assert state(case.model, case.batches) == before
    assert predicted == nd.predict(subject, "relu")["predicted"]


@pytest.mark.parametrize("verb", ["check", "predict", "measure", "delta"])
def test_in_inference_mode_all_works_and_what_it_leaves_works_outside(verb: str) -> None:
    case = make()
    with torch.inference_mode():
        batches = [(x + 1, y) for x, y in case.batches]  # made in inference mode themselves
        subject = nd.Subject(case.model, batches, case.cost)
        VERBS[verb](subject)
        assert torch.is_inference_mode_enabled()
    expected = nd.Subject(case.model, [(x + 1, y) for x, y in case.batches], case.cost)
    one = nd.predict(subject, "conv1", predictor="tangent")["predicted"]
    assert one == nd.predict(expected, "conv1", predictor="tangent")["predicted"]


def test_a_float64_default_is_left_and_changes_nothing(studied: tuple[nd.Subject, Case]) -> None:
    subject, case = studied
    expected = nd.measure(subject, "relu")["measured"]
    torch.set_default_dtype(torch.float64)
    try:
        again = nd.Subject(case.model, case.batches, case.cost)
        assert nd.measure(again, "relu")["measured"] == pytest.approx(expected, rel=1e-6)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


CHANGES: dict[str, Callable[[nn.Module], object]] = {
    "a weight": lambda model: model.fc.bias.data.add_(1),
    "a mode": lambda model: model.eval(),
    "a gradient": lambda model: model.fc.weight.grad.zero_(),
    "an attribute": lambda model: setattr(model.bn1, "seen", 1),
    "a hook": lambda model: model.fc.register_forward_pre_hook(lambda *_: None),
    "what is trained": lambda model: model.fc.bias.requires_grad_(requires_grad=False),
    "the random state": lambda _: torch.rand(1),
    "a buffer": lambda model: model(torch.ones(2, 2, 6, 6)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_kind_of_change_would_be_seen(change: str) -> None:
    """Negative control of the comparison."""
    case = make()
    before = state(case.model, case.batches)
    CHANGES[change](case.model)
    assert state(case.model, case.batches) != before


def test_the_models_copy_is_another_model() -> None:
    """A deep copy of a studied model gives the same results: nothing of ours is left on it."""
    case = make()
    subject = nd.Subject(case.model, case.batches, case.cost)
    expected = nd.measure(subject, "relu")["measured"]
    twin = nd.Subject(copy.deepcopy(case.model), case.batches, case.cost)
    assert nd.measure(twin, "relu")["measured"] == expected
