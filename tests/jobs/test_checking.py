"""Checking: each probe passes on a sound model and speaks up on an unsound one."""

import dataclasses

import pytest
import torch
from oracles.memory import Watch
from torch import Tensor, nn

from neurodemon.engine.predict import influence
from neurodemon.engine.recording import Recording
from neurodemon.errors import ReplayMismatchError
from neurodemon.jobs import checking
from neurodemon.jobs.checking import check
from neurodemon.jobs.measuring import measure
from neurodemon.subjects.subject import Subject


def squared(output: Tensor, _target: Tensor) -> Tensor:
    return output.square().sum(1)


def batches(count: int = 6) -> list[tuple[Tensor, None]]:
    return [(torch.randn(count, 4, generator=torch.Generator().manual_seed(1)), None)]


def sound() -> Subject:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    return Subject(model, batches(), squared, name="sound")


class Straight(torch.autograd.Function):
    """A straight-through estimator: its backward is not the derivative of its forward."""

    @staticmethod
    def forward(_context: object, value: Tensor) -> Tensor:
        return 2 * value

    @staticmethod
    def backward(_context: object, gradient: Tensor) -> Tensor:
        return gradient


class OwnBackward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(Straight.apply(torch.tanh(self.fc(x))))


class Detached(nn.Module):
    """A detached path: the gradient sees one of two ways to the output."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.head = nn.Linear(6, 2)
        self.aside = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.fc(x))
        return self.head(hidden) + self.aside(hidden.detach())


class Casting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.fc(x)).float().double())


def test_a_sound_model_passes_every_probe() -> None:
    certificate = check(sound())
    assert certificate.passed
    assert [probe.name for probe in certificate.probes] == [
        "graph equals model",
        "at other batch sizes",
        "two runs agree",
        "examples are independent",
        "slope is the gradient",
        "no-op",
    ]
    assert str(certificate).startswith("Check of sound")
    assert certificate.to_dict()["passed"] is True


@pytest.fixture
def doubled_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: δ is twice what it should be."""

    def doubled(recording: Recording, sources: list[str]) -> dict[str, Tensor]:
        return {name: 2 * value for name, value in influence(recording, sources).items()}

    monkeypatch.setattr("neurodemon.jobs.slopes.influence", doubled)


@pytest.mark.usefixtures("doubled_gradients")
def test_a_wrong_gradient_is_seen() -> None:
    assert not check(sound()).passed


def test_slopes_that_drown_in_rounding_are_no_reason_to_warn() -> None:
    subject = Subject(sound().model, batches(), lambda o, _: 1 + 1e-13 * (o * o).sum(1))
    assert check(subject).passed


def test_a_slope_that_is_not_the_gradient_is_a_warning() -> None:
    certificate = check(Subject(Detached(), batches(), squared))
    slope = next(probe for probe in certificate.probes if probe.name == "slope is the gradient")
    assert not slope.passed
    assert "predictions from gradients mean nothing here; measure" in slope.detail


def test_a_backward_of_its_own_is_reported() -> None:
    notes = " ".join(check(Subject(OwnBackward(), batches(), squared)).notes)
    assert "custom autograd.Function" in notes
    assert "custom autograd.Function" not in " ".join(check(sound()).notes)


class Tied(nn.Module):
    """One weight in two layers, as embedding and head share theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(4, 4), nn.Linear(4, 4)
        self.head.weight = self.fc.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.fc(x)))


def test_tied_weights_are_no_backward_of_its_own() -> None:
    assert "backward" not in " ".join(check(Subject(Tied(), batches(), squared)).notes)


def test_a_backward_that_fails_is_reported_and_the_model_measured() -> None:
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 6)
            self.head = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            hidden = torch.relu_(self.fc(x))
            hidden += 1  # writes over what the backward of relu needs
            return self.head(hidden)

    subject = Subject(Overwriting(), batches(), squared)
    assert "own backward pass fails" in " ".join(check(subject).notes)
    assert len(measure(subject)) == 6


def test_a_cast_inside_the_model_is_reported() -> None:
    inputs = batches()[0][0].double()
    subject = Subject(Casting().double(), [(inputs, None)], squared)
    assert "float32, float64 by turns" in " ".join(check(subject).notes)


def test_a_slope_is_not_probed_where_it_drowns_in_rounding() -> None:
    class Rounding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 6, dtype=torch.bfloat16)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.to(torch.bfloat16)).float()

    certificate = check(Subject(Rounding(), batches(), squared))
    assert "drowns in the rounding of bfloat16" in str(certificate)
    assert all(probe.passed for probe in certificate.probes)
    assert "bfloat16, float32 by turns" in " ".join(certificate.notes)


@pytest.mark.usefixtures("doubled_gradients")
def test_warnings_reach_the_note_of_the_first_measurement_alone() -> None:
    subject = sound()
    heard: list[str] = []
    measure(subject, note=heard.append)
    assert any("slope is the gradient" in text for text in heard)
    heard.clear()
    measure(subject, note=heard.append)
    assert heard == []


def test_a_cost_without_gradient_is_a_warning() -> None:
    subject = Subject(sound().model, batches(), lambda o, _: (o.argmax(1) == 0).float())
    slope = next(p for p in check(subject).probes if p.name == "slope is the gradient")
    assert not slope.passed
    assert "no gradient" in slope.detail


@pytest.mark.parametrize("count", [1, 2, 40])
def test_check_works_for_every_number_of_examples(count: int) -> None:
    assert check(Subject(sound().model, batches(count), squared)).passed


@pytest.mark.parametrize("is_cut", [True, False])
def test_little_is_held_beside_the_clean_pass(
    *, is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the cut, the control, gradients of all values of all examples are."""
    if not is_cut:
        monkeypatch.setattr(checking, "MOST_EXAMPLES", 40_000)
    layers = [layer for _ in range(8) for layer in (nn.Linear(20, 20), nn.Sigmoid(), nn.Dropout())]
    model = nn.Sequential(nn.Linear(4, 20), *layers, nn.Softmax(1))
    subject = Subject(model, batches(40_000), squared)
    values = subject.recording(0).n_bytes
    with Watch() as watch:
        check(subject)
    kept = subject.recording(0).n_bytes - values  # for passes to come
    assert (watch.most - kept < values / 2) == is_cut


def test_a_graph_that_is_not_the_model_is_found() -> None:
    subject = sound()
    subject.refresh()
    good = subject.capture(0)
    relu = next(node for node in good.graph.nodes if node.operation_name == "relu")
    wrong = dataclasses.replace(relu, operation=torch.tanh)
    nodes = tuple(wrong if node is relu else node for node in good.graph.nodes)
    bad = dataclasses.replace(good, graph=dataclasses.replace(good.graph, nodes=nodes))
    for key in subject._kept.captures:
        subject._kept.captures[key] = bad
    with pytest.raises(ReplayMismatchError, match="differs from the model at '1'"):
        check(subject)
