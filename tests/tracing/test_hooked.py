"""The hooked tracing: when it is taken, what it asks of a model, and what it refuses."""

import gc

import pytest
import torch
from oracles.models import Case, classes, mlp, seeded
from oracles.odd_models import Branching, Custom, Guarded
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.engine.folding import Pass
from neurodemon.engine.predict import influence
from neurodemon.engine.recording import Recording
from neurodemon.engine.replay import Replay
from neurodemon.errors import CaptureError, ReplayMismatchError, SubjectError
from neurodemon.subjects.capturing import read_how
from neurodemon.tracing.hooking import Watcher
from neurodemon.tracing.rerunning import Rerun


def subject_of(make: type[nn.Module], size: int = 4, **keywords: str) -> nd.Subject:
    """A classifier's subject."""
    case = classes(seeded(make), (size,), (5,))
    return nd.Subject(case.model, case.batches, case.cost, **keywords)


def hooked(case: Case) -> nd.Subject:
    """A case by hooks."""
    return nd.Subject(case.model, case.batches[:1], case.cost, capture="hooked")


def test_what_export_refuses_is_hooked_and_the_reason_noted_once() -> None:
    notes: list[str] = []
    effects = nd.measure(subject_of(Guarded), note=notes.append)
    assert set(effects["engine"]) == {"hooked"}
    told = [note for note in notes if "torch.export could not capture Guarded" in note]
    assert len(told) == 1
    assert "branches on numbers" in told[0]
    assert "one forward per unit" in told[0]


def test_what_export_takes_is_exported() -> None:
    case = mlp()
    assert nd.Subject(case.model, case.batches, case.cost).capture(0).engine == "exported"


def test_an_export_that_was_asked_for_raises_where_it_fails() -> None:
    with pytest.raises(CaptureError, match="could not capture Guarded"):
        nd.sites(subject_of(Guarded, capture="exported"))


def test_another_word_for_the_way_of_capture_is_refused() -> None:
    with pytest.raises(SubjectError, match="capture is 'traced'; expected 'auto'"):
        read_how("traced")


def rerun_of(recording: Recording) -> Rerun:
    """What runs a hooked recording's model."""
    whole = recording.graph.whole
    assert isinstance(whole, Rerun)
    return whole


def cost_at(recording: Recording, name: str) -> Tensor:
    """The cost with the clean value put in its own place."""
    node = recording.graph.site_by_name[name].node
    shape = Pass(0, recording.n_examples, 1)
    return Replay(recording, node, shape).cost_of(recording.values[node])


def test_the_clean_value_in_its_own_place_changes_nothing_at_any_site() -> None:
    recording = hooked(mlp()).recording(0)
    for site in recording.graph.sites:
        assert torch.equal(cost_at(recording, site.name)[0], recording.cost), site.name


def delta_at(recording: Recording, name: str) -> Tensor:
    """δ at a site."""
    node = recording.graph.site_by_name[name].node
    return influence(recording, [node])[node]


class Wayward(nn.Module):
    """Takes a way on one call that it does not take on the next: state outside of modules."""

    skips: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.act, self.head = nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc(x)
        return self.head(h if Wayward.skips else self.act(h))


def test_a_demon_that_does_not_act_exactly_once_is_an_error() -> None:
    recording = subject_of(Wayward, capture="hooked").recording(0)
    assert torch.equal(cost_at(recording, "act")[0], recording.cost)
    Wayward.skips = True
    try:
        with pytest.raises(ReplayMismatchError, match=r"'act' acted 0 times.*linear was called"):
            cost_at(recording, "act")
        with pytest.raises(ReplayMismatchError, match=r"another way.*'act'"):
            rerun_of(recording).record({n: recording.values[n] for n in recording.graph.inputs})
        with pytest.raises(ReplayMismatchError, match="'act' acted 0 times"):
            delta_at(recording, "act")
    finally:
        Wayward.skips = False


def test_a_value_of_another_shape_is_refused_where_it_is_put() -> None:
    recording = hooked(mlp()).recording(0)
    node = recording.graph.site_by_name["1"].node
    whole, *_ = rerun_of(recording).replaced(node)
    assert whole.operation is not None
    inputs = [recording.values[name] for name in rerun_of(recording).inputs]
    with pytest.raises(ReplayMismatchError, match=r"of shape \(6, 6\), its value of \(2, 2\)"):
        whole.operation(torch.ones(2, 2), *inputs)


def test_examples_behind_a_branch_run_alone_and_others_together() -> None:
    recording = subject_of(Guarded).recording(0)
    assert recording.is_alone
    assert not rerun_of(recording).has_regions
    plain = hooked(mlp()).recording(0)
    assert not plain.is_alone
    assert not plain.can_fold


class Unknown(nn.Module):
    """Reads a number of its weights, which no demon can change, and mixes in a global."""

    offset = torch.tensor(0.5)

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        scale = float(self.fc.weight.abs().max()) + 1
        return self.head(torch.tanh(self.fc(x) / scale + Unknown.offset))


def test_numbers_that_no_demon_can_change_and_constants_leave_batches_whole() -> None:
    recording = subject_of(Unknown, capture="hooked").recording(0)
    assert not recording.is_alone
    assert rerun_of(recording).has_regions
    assert any(value is Unknown.offset for value in recording.graph.constants.values())


def test_what_a_custom_function_made_is_changed_where_a_module_shows_it() -> None:
    recording = subject_of(Custom, capture="hooked").recording(0)
    rerun = rerun_of(recording)
    place = rerun.places[recording.graph.site_by_name["square"].node]
    assert place.tap is not None
    assert place.tap.name == "square"
    assert not rerun.has_regions


class Stacking(nn.Module):
    """Refused by export for a reason of its own, and none of it a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            raise RuntimeError("not in an export")
        return self.head(torch.tanh(self.fc(x)))


class Indexing(Stacking):
    """The same, with something that depends on the place in the batch."""

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(len(x), dtype=x.dtype)[:, None]
        return super().forward(x + places / 10)


@pytest.mark.parametrize(("make", "stacks"), [(Stacking, True), (Indexing, False)])
def test_rows_are_stacked_where_a_probe_agrees(make: type[nn.Module], *, stacks: bool) -> None:
    subject = subject_of(make)
    recording = subject.recording(0)
    assert subject.capture(0).engine == "hooked"
    assert recording.can_fold == stacks
    assert any("stacked" in note for note in subject.capture(0).notes) == stacks
    site = recording.graph.site_by_name["fc"]
    value = recording.values[site.node]
    alone = Replay(recording, site.node, Pass(0, 4, 1)).cost_of(2 * value)
    if stacks:
        both = Replay(recording, site.node, Pass(0, 4, 2)).cost_of(torch.cat([value, 2 * value]))
        assert torch.allclose(both[0], recording.cost)
        assert torch.allclose(both[1], alone[0])


def test_memory_does_not_grow_with_the_number_of_units() -> None:
    subject = hooked(mlp())
    nd.measure(subject, "0[0]")
    kept = []
    for selection in ("0[0:2]", "0", "0,1,2,3"):
        nd.measure(subject, selection)
        gc.collect()
        kept.append(sum(issubclass(type(thing), Tensor) for thing in gc.get_objects()))
    assert kept[2] <= kept[0]


def test_hooks_count_none_of_their_own_calls() -> None:
    """A watcher that computes at every hook sees the same calls as one that does nothing."""

    class Computing(Watcher):
        def __init__(self, *, computes: bool) -> None:
            self.names: list[str] = []
            self._computes = computes

        def hooks(self, _path: str) -> bool:
            return True

        def called(self, call: object) -> dict:
            self.names.append(call.name)
            return {}

        def passed(self, tap: object, tensor: Tensor) -> None:  # noqa: ARG002  # the protocol's
            if self._computes:
                (tensor + 1).relu()

    recording = hooked(mlp()).recording(0)
    rerun = rerun_of(recording)
    leaves = [recording.values[name] for name in rerun.inputs]
    seen = []
    for computes in (False, True):
        watcher = Computing(computes=computes)
        rerun.forward.run(leaves, watcher)
        seen.append(watcher.names)
    assert seen[0] == seen[1] == ["linear", "relu", "linear", "relu", "linear"]


class Failing(nn.Module):
    """Fails where a number is asked of it under hooks, and nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        if torch.overrides._len_torch_function_stack():
            raise RuntimeError("no modes here")
        return self.fc(x)


def test_a_model_that_neither_way_takes_is_refused_with_the_users_own_line() -> None:
    with pytest.raises(CaptureError, match=r"fails under hooks at .*test_hooked\.py:\d+"):
        nd.sites(subject_of(Failing, capture="hooked"))


def test_branching_batches_of_one_are_checked_and_predicted() -> None:
    case = classes(seeded(Branching), (1, 1), (5,))
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert nd.check(subject).passed
    assert len(nd.predict(subject, "stem")) == 6
