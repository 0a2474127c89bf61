"""The proof and the two-runs probe, each broken once to see it fail."""

import pytest
import torch
from oracles.memory import Watch
from oracles.models import ZOO, classes, seeded
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.recording import record
from neurodemon.errors import NondeterminismError, ReplayMismatchError
from neurodemon.tracing.capture import bind
from neurodemon.tracing.coverage import (
    EagerRun,
    as_run,
    first_difference,
    prove,
    require_same_runs,
    run_and_prove,
    run_eagerly,
    training_layers,
)
from neurodemon.tracing.model_state import call_model


@pytest.fixture(scope="module")
def subject() -> nd.Subject:
    """A small network."""
    case = ZOO["tanh mlp"]()
    return nd.Subject(case.model, case.batches, case.cost)


def eager(subject: nd.Subject) -> EagerRun:
    """The model's own run on the first batch."""
    return run_eagerly(subject.model, subject.batches[0], call=call_model, cost=subject.cost)


def test_every_module_is_compared(subject: nd.Subject) -> None:
    parity = prove(subject.capture(0), subject.recording(0).values, eager(subject))
    names = [name for site in nd.sites(subject) for name in site.names]
    assert parity.n_sites == len(names) + 1  # and the cost
    assert parity.largest < 1e-6


def test_a_graph_proved_while_it_runs_is_proved_as_with_all_values_at_hand() -> None:
    """In as much room as the widest values that are in use at once."""
    model = seeded(lambda: nn.Sequential(nn.Linear(5, 300), *[nn.Tanh() for _ in range(30)]))
    case = classes(model, (400,), (5,))
    subject = nd.Subject(case.model, case.batches, case.cost)
    made, run = subject.capture(0), eager(subject)
    given = bind(made.graph, subject.model, subject.batches[0])
    with Watch() as held:
        values = record(made.graph, given).values
        expected = prove(made, values, run)
    with Watch() as watch:
        assert run_and_prove(made, given, run) == expected
    assert watch.most < held.most / 5


def test_a_wrong_graph_is_refused_while_it_runs(subject: nd.Subject) -> None:
    made, run = subject.capture(0), eager(subject)
    given = bind(made.graph, subject.model, subject.batches[0])
    name = next(one for one in made.graph.parameters if given[one].ndim == 2)
    with pytest.raises(ReplayMismatchError, match="at '0' by"):
        run_and_prove(made, {**given, name: given[name] * 1.001}, run)


class Handed(nn.Module):
    """A linear layer, of which an activation overwrites what the first module gave."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.same, self.act = nn.Linear(5, 4), nn.Identity(), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.same(self.fc(x)))


def test_what_modules_hand_on_is_held_once_and_as_each_saw_it() -> None:
    case = classes(seeded(Handed), (4,), (5,))
    sites = run_eagerly(case.model, case.batches[0], call=call_model, cost=case.cost).sites
    z = case.model.fc(case.batches[0][0])
    for name in ("fc", "same:in", "same", "act:in"):
        assert torch.equal(sites[name], z)
        assert sites[name] is sites["fc"]
    assert torch.equal(sites["act"], z.relu())
    assert not torch.equal(sites["act"], z)


def test_a_second_run_holds_what_differs_alone(subject: nd.Subject) -> None:
    first = eager(subject)
    batch, (inputs, target) = subject.batches[0], subject.batches[0]
    again = run_eagerly(subject.model, batch, call=call_model, cost=subject.cost, like=first)
    assert all(again.sites[name] is own for name, own in first.sites.items())
    other = (inputs + 1, target)
    moved = run_eagerly(subject.model, other, call=call_model, cost=subject.cost, like=first)
    assert not any(moved.sites[name] is own for name, own in first.sites.items())
    with pytest.raises(NondeterminismError):
        require_same_runs(subject.model, first, moved)


def test_a_run_like_the_graph_holds_the_graphs_values(subject: nd.Subject) -> None:
    made, values = subject.capture(0), subject.recording(0).values
    like = as_run(made.graph, values)
    batch = subject.batches[0]
    run = run_eagerly(subject.model, batch, call=call_model, cost=subject.cost, like=like)
    assert sum(run.sites[name] is own for name, own in like.sites.items()) > len(like.sites) / 2
    assert prove(made, values, run) == prove(made, values, eager(subject))


class PerExample(nn.Module):
    """Runs its first layer in a vmap: modules see one example there."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.vmap(lambda row: torch.tanh(self.fc(row)))(x))


def test_what_modules_see_within_a_vmap_is_no_site() -> None:
    case = classes(seeded(PerExample), (4,), (5,))
    subject = nd.Subject(case.model, case.batches, case.cost)
    names = [name for site in nd.sites(subject) for name in site.names]
    assert "head" in names
    assert "fc" not in names
    model, (inputs, target) = case.model, case.batches[0]
    hidden = torch.tanh(model.fc(inputs)).detach()
    expected = []
    for unit in range(4):
        moved = hidden.clone()
        moved[:, unit] = 0
        cost = case.cost(model.head(moved), target) - case.cost(model.head(hidden), target)
        expected.append(float(cost.mean().detach()))
    found = nd.measure(subject, "head:in")["measured"]
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_tensor_of_another_shape_differs_without_end(subject: nd.Subject) -> None:
    values = dict(subject.recording(0).values)
    node = subject.recording(0).graph.site_by_name["1"].node
    with pytest.raises(ReplayMismatchError, match="at '1' by inf"):
        prove(subject.capture(0), {**values, node: values[node][:2]}, eager(subject))


def test_a_tensor_that_is_nan_in_the_graph_alone_is_refused(subject: nd.Subject) -> None:
    values = dict(subject.recording(0).values)
    node = subject.recording(0).graph.site_by_name["1"].node
    with pytest.raises(ReplayMismatchError, match="at '1' by"):
        prove(subject.capture(0), {**values, node: values[node] * float("nan")}, eager(subject))


def test_infinities_that_are_the_same_agree(subject: nd.Subject) -> None:
    run = eager(subject)
    values = dict(subject.recording(0).values)
    node = subject.recording(0).graph.site_by_name["1"].node
    sites = dict(run.sites)
    for name in ("1", "2:in"):
        sites[name] = sites[name].clone()
        sites[name][0, 0] = float("inf")
    values[node] = sites["1"]
    prove(subject.capture(0), values, EagerRun(run.cost, sites))


def test_a_wrong_cost_is_refused(subject: nd.Subject) -> None:
    run = eager(subject)
    wrong = EagerRun(run.cost + 1e-3, run.sites)
    with pytest.raises(ReplayMismatchError, match="at 'the cost'"):
        prove(subject.capture(0), subject.recording(0).values, wrong)


def test_empty_tensors_agree(subject: nd.Subject) -> None:
    graph = subject.capture(0).graph
    values = record(graph, bind(graph, subject.model, subject.batches[0])).values
    run = eager(subject)
    node = graph.site_by_name["1"].node
    sites = {**run.sites, "1": run.sites["1"][:, :0], "2:in": run.sites["1"][:, :0]}
    prove(subject.capture(0), {**values, node: values[node][:, :0]}, EagerRun(run.cost, sites))


class Restless(nn.Module):
    """Adds fresh noise, behind a layer that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.fc(x) + torch.rand(1))


def test_two_runs_that_differ_are_refused_with_the_first_site() -> None:
    case = classes(seeded(Restless), (4,), (5,))
    subject = nd.Subject(case.model, case.batches, case.cost)
    with pytest.raises(NondeterminismError, match=r"differ first at 'head:in'.*no random numbers"):
        nd.check(subject)


def test_dropout_in_training_mode_is_named() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(5, 8), nn.Dropout(), nn.Linear(8, 3)))
    case = classes(model, (4,), (5,))
    model.train()
    with pytest.raises(NondeterminismError, match=r"1 \(Dropout\).*evaluate=True"):
        nd.check(nd.Subject(model, case.batches, case.cost, evaluate=False))
    assert nd.check(nd.Subject(model, case.batches, case.cost)).passed


def test_runs_that_agree_pass(subject: nd.Subject) -> None:
    require_same_runs(subject.model, eager(subject), eager(subject))


def test_the_first_site_that_differs_is_named() -> None:
    one = EagerRun(
        torch.zeros(3), {"a": torch.ones(3, 2), "b": torch.ones(3, 2), "w": torch.ones(7)}
    )
    other = EagerRun(
        torch.zeros(2), {"a": torch.ones(2, 2), "b": torch.zeros(2, 2), "w": torch.zeros(7)}
    )
    rows = torch.arange(2)
    assert first_difference(one, other, rows, limit=1e-4) == "b"
    assert first_difference(one, one, rows, limit=1e-4) is None


def test_layers_in_training_mode_are_named_by_class() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Dropout().eval()))
    assert training_layers(model, ("BatchNorm", "Dropout")) == ["0 (BatchNorm1d)"]


def batch_mean(output: Tensor, target: Tensor) -> Tensor:
    """Each example's cost less the batch's mean."""
    losses = nn.functional.cross_entropy(output, target, reduction="none")
    return losses - losses.mean()


def contrastive(output: Tensor, _target: Tensor) -> Tensor:
    """Each example against all others."""
    return -(output @ output.T).log_softmax(1).diagonal()


@pytest.mark.parametrize("cost", [batch_mean, contrastive])
def test_a_cost_that_couples_examples_is_refused(cost: object) -> None:
    case = ZOO["tanh mlp"]()
    with pytest.raises(nd.NeurodemonError, match="the cost of a kept example changes"):
        nd.check(nd.Subject(case.model, case.batches, cost))


def test_batch_norm_in_training_mode_is_refused_by_name() -> None:
    case = ZOO["residual cnn"]()
    case.model.train()
    with pytest.raises(nd.NeurodemonError, match=r"bn1 \(BatchNorm2d\)"):
        nd.check(nd.Subject(case.model, case.batches, case.cost, evaluate=False))
