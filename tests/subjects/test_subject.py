"""The subject: it reads the model, keeps what it found out, and leaves no trace."""

import copy
import random
from collections import UserDict
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import Tensor, nn

from neurodemon.engine.room import BYTES_KEPT
from neurodemon.errors import CaptureError, NeurodemonError
from neurodemon.jobs.auditing import audit
from neurodemon.jobs.measuring import measure
from neurodemon.subjects.subject import Subject
from neurodemon.terms.perturbations import Patch

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def squared(output: Tensor, _target: Tensor) -> Tensor:
    return output.square().sum(1)


class Remembering(nn.Module):
    """A model whose forward writes on itself, as careless models do."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last_shape = tuple(x.shape)
        return self.drop(torch.relu(self.norm(self.fc(x))))


def snapshot(model: nn.Module) -> dict[str, object]:
    return {
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "calls": getattr(model, "calls", None),
        "hooks": [
            len(module._forward_hooks) + len(module._forward_pre_hooks)
            for module in model.modules()
        ],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "requires": [parameter.requires_grad for parameter in model.parameters()],
    }


def assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    states = before.pop("state"), after.pop("state")
    assert before == after
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.fixture
def _unchecked() -> Iterator[None]:
    """Without our type checks, which draw from Python's random numbers."""
    config.update("jaxtyping_disable", "1")
    yield
    config.update("jaxtyping_disable", "0")


@pytest.mark.usefixtures("_unchecked")
@pytest.mark.parametrize("fails", [False, True])
def test_no_verb_leaves_a_trace_on_the_model(fails: bool) -> None:  # noqa: FBT001
    model = Remembering().train()
    model.fc.weight.requires_grad_(requires_grad=False)
    before = snapshot(model)
    randoms = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    cost = (lambda o, _: o.mean()) if fails else squared
    try:
        audit(Subject(model, [(X, None)], cost))
    except NeurodemonError:
        assert fails
    assert_same(before, snapshot(model))
    assert torch.equal(randoms[0], torch.get_rng_state())
    assert randoms[1] == random.getstate()
    assert np.array_equal(randoms[2], np.random.get_state()[1])  # noqa: NPY002
    assert torch.is_grad_enabled()


def test_the_snapshot_sees_a_trace() -> None:
    model = Remembering()
    before = snapshot(model)
    model(X)
    with pytest.raises(AssertionError):
        assert_same(before, snapshot(model))


def test_a_model_is_called_as_its_inputs_say() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return self.fc(first) * self.fc(second).sigmoid()

    model = Two()
    by_place = measure(Subject(model, [((X, 2 * X), None)], squared), "fc")
    by_name = measure(Subject(model, [({"second": 2 * X, "first": X}, None)], squared), "fc")
    own = Subject(model, [(X, None)], squared, call=lambda m, x: m(x, 2 * x))
    np.testing.assert_array_equal(by_place.per_example, by_name.per_example)
    np.testing.assert_array_equal(by_place.per_example, measure(own, "fc").per_example)


class ByLength(nn.Module):
    """Another way through the model for long inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.norm = nn.LayerNorm(3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.fc(x)
        return (self.norm(hidden) if x.shape[1] > 3 else hidden).mean(1)


def test_batches_that_take_another_way_are_refused() -> None:
    batches = [(torch.ones(5, 2, 4), None), (torch.ones(5, 6, 4), None)]
    with pytest.raises(CaptureError, match="takes another way"):
        measure(Subject(ByLength(), batches, squared, capture="exported"))


def test_batches_that_take_another_way_are_hooked_at_the_sites_that_all_reach() -> None:
    batches = [(torch.ones(5, 2, 4), None), (torch.ones(5, 6, 4), None)]
    own = Subject(ByLength(), batches, squared)
    assert [site.name for site in own.sites()] == [":in", "fc", ":out"]
    assert set(measure(own, "fc")["engine"]) == {"hooked"}


def test_batches_may_nest_otherwise() -> None:
    batches = [(X, None), ((X,), None), ({"input": X}, X)]
    own = Subject(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), batches, squared)
    found = measure(own).per_example
    assert found is not None
    np.testing.assert_allclose(found[:6], found[6:12], atol=1e-7)


def test_a_tensor_that_stands_in_a_batch_twice_is_two_inputs() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 4))
    shared = Subject(model, [(X, X), (X + 1, 2 * X)], "squared_error")
    apart = Subject(model, [(X, X.clone()), (X + 1, 2 * X)], "squared_error")
    for selection in (":in", "1"):
        np.testing.assert_array_equal(
            measure(shared, selection).per_example, measure(apart, selection).per_example
        )


def test_what_a_model_and_its_hooks_keep_is_left_real() -> None:
    class Logging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)
            self.seen: list[Tensor] = []
            self.last: dict[str, Tensor] = {}

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.fc(x)
            self.seen.append(hidden)
            self.last["hidden"] = hidden
            return hidden

    model, kept = Logging(), {}
    model.fc.register_forward_hook(lambda _, __, output: kept.update(last=output))
    measure(Subject(model, [(X, None)], squared))
    assert (model.seen, model.last) == ([], {})
    assert type(kept["last"]) is Tensor


def test_recordings_beyond_the_budget_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    batches = [(X, None), (X + 1, None)]
    expected = measure(Subject(model, batches, squared)).per_example
    monkeypatch.setattr("neurodemon.engine.room.BYTES_KEPT", 0)
    frugal = Subject(model, batches, squared)
    np.testing.assert_array_equal(measure(frugal).per_example, expected)
    assert frugal._kept.recordings == {}
    assert BYTES_KEPT > 0


def test_a_subject_names_itself_after_its_model() -> None:
    assert repr(Subject(nn.Linear(4, 3), [(X, None)], squared)) == "Subject('Linear')"
    assert Subject(nn.Linear(4, 3), [(X, None)], squared, name="mine").name == "mine"


def test_a_model_can_be_copied_and_trained_after() -> None:
    model = Remembering().train()
    measure(Subject(model, [(X, None)], squared))
    copy.deepcopy(model)(X).sum().backward()


def test_a_lent_capture_serves_other_weights_and_is_proved_anew():
    batches = [(torch.randn(4, 3), torch.randn(4, 2))]
    first, second = (
        Subject(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), batches, "squared_error")
        for _ in range(2)
    )
    second.lent = (first.capture(0),)
    assert second.capture(0) is first.capture(0)
    expected = second.eager(batches[0]).cost
    torch.testing.assert_close(second.recording(0).cost, expected)


def test_a_lent_capture_of_another_network_is_not_used():
    batches = [(torch.randn(4, 3), torch.randn(4, 2))]
    first = Subject(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), batches, "squared_error")
    second = Subject(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), batches, "squared_error")
    second.lent = (first.capture(0),)
    assert second.capture(0) is not first.capture(0)
    torch.testing.assert_close(second.recording(0).cost, second.eager(batches[0]).cost)


def test_a_tokenizers_own_mapping_is_read_as_the_dict_that_it_stands_for() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, *, values: Tensor) -> Tensor:
            return torch.tanh(self.fc(values))

    model = Named()
    plain = Subject(model, [({"values": X}, None)], squared)
    given = Subject(model, [(UserDict(values=X), None)], squared)
    assert measure(given, "fc").to_arrow() == measure(plain, "fc").to_arrow()
    source = [(UserDict(values=X.flip(0)), None)]
    patched = measure(given, "fc", Patch(source)).array("measured")
    expected = measure(plain, "fc", Patch([({"values": X.flip(0)}, None)])).array("measured")
    np.testing.assert_array_equal(patched, expected)
