"""What torch.export gets wrong unless it is asked rightly; each point once cost a wrong number.

Source of the list: DESIGN §4, "What a spike of this engine taught".
"""

import dataclasses

import pytest
import torch
from oracles.models import ZOO, Case, Encoder, classes, cross_entropy, encoder, mlp, seeded
from torch import Tensor, nn
from torch.nn import functional

import neurodemon as nd
from neurodemon.engine.recording import record
from neurodemon.errors import CaptureError, ReplayMismatchError
from neurodemon.tracing.capture import Capture, bind, capture, shape_signature
from neurodemon.tracing.coverage import prove, run_eagerly
from neurodemon.tracing.leaves import take_examples
from neurodemon.tracing.model_state import call_model, studied


def captured(case: Case, place: int = 0) -> Capture:
    """Capture a case on one of its batches."""
    with studied(case.model, evaluate=True):
        return capture(case.model, case.batches[place], call=call_model, cost=case.cost)


def cost_of(made: Capture, case: Case, batch: tuple) -> Tensor:
    """The cost per example by the graph."""
    return record(made.graph, bind(made.graph, case.model, batch)).cost


def eager_cost(case: Case, batch: tuple) -> Tensor:
    """The cost per example by the model."""
    with torch.no_grad():
        return case.cost(call_model(case.model, batch[0]), batch[1])


def test_captured_from_a_batch_of_one_it_runs_at_any_size() -> None:
    case = ZOO["batch of one"]()
    made = captured(case)
    assert made.has_dynamic_batch
    larger = take_examples(case.batches[0], torch.zeros(7, dtype=torch.int64))
    assert torch.allclose(cost_of(made, case, larger), eager_cost(case, larger))


def test_torch_export_of_a_batch_of_one_freezes_its_size() -> None:
    """Negative control: why a lone example is repeated."""
    auto = ({0: torch.export.Dim.AUTO},)
    program = torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),), dynamic_shapes=auto)
    with pytest.raises(Exception, match=r"(?i)expected|guard|shape"):
        program.module()(torch.ones(3, 2))


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("name", ["residual cnn", "gru", "experts", "gathering", "position major"])
def test_one_graph_gives_the_models_cost_at_every_size(name: str, size: int) -> None:
    case = ZOO[name]()
    made = captured(case)
    rows = torch.arange(size) % case.batches[0][1].shape[0]
    batch = take_examples(case.batches[0], rows)
    assert torch.allclose(cost_of(made, case, batch), eager_cost(case, batch), atol=1e-6)


class Overwriting(nn.Module):
    """Everything in place: ReLU, addition, functional relu_."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.relu = nn.Linear(5, 6), nn.Linear(6, 6), nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.fc1(x))
        z = self.fc2(h)
        z += h
        return self.head(functional.relu_(z))


def test_in_place_operations_do_not_overwrite_the_recorded_z() -> None:
    case = classes(seeded(Overwriting), (4,), (5,))
    made = captured(case)
    recording = record(made.graph, bind(made.graph, case.model, case.batches[0]))
    x = case.batches[0][0]
    with torch.no_grad():
        z1 = case.model.fc1(x.clone())
        z2 = case.model.fc2(z1.relu())
    assert (z1 < 0).any()
    assert torch.equal(recording.values[made.graph.site_by_name["fc1"].node], z1)
    assert torch.equal(recording.values[made.graph.site_by_name["fc2"].node], z2)


def test_no_operation_of_a_graph_writes_in_place() -> None:
    for name in ("residual cnn", "functional mlp", "lstm"):
        for node in captured(ZOO[name]()).graph.nodes:
            schema = getattr(node.operation, "_schema", None)
            assert schema is None or not schema.is_mutable, (name, node.name)


class Viewing(nn.Module):
    """A view that only the captured strides allow: a replayed value lies otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(2, 4, 1), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.conv(x))
        return self.head(h.transpose(1, 2).contiguous().view(h.shape[0], -1))


def test_views_are_taken_of_values_that_lie_otherwise_in_memory() -> None:
    case = classes(seeded(Viewing), (4,), (2, 3))
    made = captured(case)
    graph = made.graph
    recording = record(graph, bind(graph, case.model, case.batches[0]))
    node = graph.site_by_name["conv"].node
    scattered = recording.values[node].transpose(1, 2).contiguous().transpose(1, 2)
    assert not scattered.is_contiguous()
    below = {one.name for one in graph.cone(node)}
    given = {name: value for name, value in recording.values.items() if name not in below}
    again = record(graph, {**given, node: scattered})
    assert torch.allclose(again.cost, recording.cost)


def test_no_view_is_left_in_a_graph() -> None:
    names = {
        node.operation_name for node in captured(classes(seeded(Viewing), (4,), (2, 3))).graph.nodes
    }
    assert "reshape" in names
    assert not names & {"view", "_unsafe_view"}


def test_a_cost_that_export_refuses_is_called_as_it_is() -> None:
    case = ZOO["opaque cost"]()
    made = captured(case)
    assert made.has_dynamic_batch
    assert any("called as it is" in note for note in made.notes)
    larger = take_examples(case.batches[0], torch.tensor([0, 1, 2, 3, 4, 5, 0, 1]))
    assert torch.equal(cost_of(made, case, larger), eager_cost(case, larger))


def test_an_opaque_cost_of_a_nested_output_gets_its_structure_back() -> None:
    plain = ZOO["nested output"]()

    def cost(output: dict, target: Tensor) -> Tensor:
        assert output["extra"][0].shape[1] == 2
        assert float(target.sum()) < 1e9
        return plain.cost(output, target)

    case = Case(plain.model, plain.batches, cost)
    assert torch.allclose(
        cost_of(captured(case), case, case.batches[0]), eager_cost(plain, plain.batches[0])
    )


def test_a_model_that_counts_its_batch_is_captured_for_that_size_and_says_so() -> None:
    made = captured(ZOO["counting"]())
    assert not made.has_dynamic_batch
    assert made.batch_size == 4
    assert any("fixes the batch size" in note for note in made.notes)


class Branching(nn.Module):
    """A branch on numbers, which no export can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else -self.fc(x)


def test_a_branch_on_numbers_is_refused_with_the_reason() -> None:
    with pytest.raises(CaptureError, match=r"could not capture Branching.*torch\.where"):
        captured(classes(seeded(Branching), (4,), (5,)))


def test_a_batch_of_another_structure_is_refused() -> None:
    case = mlp()
    made = captured(case)
    x, y = case.batches[0]
    with pytest.raises(CaptureError, match="3 parts, the first one had 2"):
        bind(made.graph, case.model, ((x, x), y))


def test_the_models_present_weights_are_bound_not_those_at_capture() -> None:
    case = mlp()
    made = captured(case)
    with torch.no_grad():
        case.model[0].weight.mul_(3)
    assert torch.allclose(cost_of(made, case, case.batches[0]), eager_cost(case, case.batches[0]))


def test_a_weight_that_is_gone_is_refused() -> None:
    case = mlp()
    made = captured(case)
    case.model[0].bias = None
    with pytest.raises(CaptureError, match=r"'0\.bias' is None now"):
        bind(made.graph, case.model, case.batches[0])


def test_shapes_of_batches_are_told_apart_without_their_sizes() -> None:
    one, other = torch.ones(3, 4), torch.ones(5, 4)
    assert shape_signature((one, one[:, 0])) == shape_signature((other, other[:, 0]))
    assert shape_signature((one, one[:, 0])) != shape_signature((one.T, one[0]))


def test_batches_of_several_lengths_each_give_the_models_cost() -> None:
    case = ZOO["lstm"]()
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert len({x.shape[1] for x, _ in case.batches}) == 2
    for place, batch in enumerate(case.batches):
        assert torch.allclose(subject.recording(place).cost, eager_cost(case, batch))


def test_the_transformer_fast_path_is_off_so_that_layers_can_be_hooked() -> None:
    case = encoder(batch_first=True, is_dict=False)
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert torch.backends.mha.get_fastpath_enabled()
    assert nd.check(subject).passed
    with torch.no_grad():
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            slow = eager_cost(case, case.batches[0])
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    assert torch.allclose(subject.recording(0).cost, slow, atol=1e-6)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_with_a_padding_mask_the_fast_path_gives_other_numbers() -> None:
    """Negative control: why it is off."""
    model = seeded(lambda: Encoder(batch_first=True)).eval()
    x, mask = encoder(batch_first=True, is_dict=False).batches[0][0]
    h = model.embed(x).detach()
    fast_model = nn.TransformerEncoder(model.encoder.layers[0], 1)
    fast_model.eval().requires_grad_(requires_grad=False)
    with torch.no_grad():
        fast = fast_model(h, src_key_padding_mask=mask)
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            slow = fast_model(h, src_key_padding_mask=mask)
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    assert mask.any()
    assert (fast - slow).abs().max() > 0.1


def test_the_proof_fails_for_a_graph_of_other_numbers() -> None:
    """Negative control of parity: one operation replaced."""
    case = mlp(nn.Tanh)
    made = captured(case)
    nodes = tuple(
        dataclasses.replace(node, operation=torch.sigmoid)
        if node.operation_name == "tanh"
        else node
        for node in made.graph.nodes
    )
    wrong = dataclasses.replace(made, graph=dataclasses.replace(made.graph, nodes=nodes))
    eager = run_eagerly(case.model, case.batches[0], call=call_model, cost=case.cost)
    right = record(made.graph, bind(made.graph, case.model, case.batches[0]))
    assert prove(made, right.values, eager).largest < 1e-6
    values = record(wrong.graph, bind(wrong.graph, case.model, case.batches[0])).values
    with pytest.raises(ReplayMismatchError, match="differs from the model at '1'"):
        prove(wrong, values, eager)


class OwnBackward(torch.autograd.Function):
    """Forward x², backward of something else."""

    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        return x**2

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        return 7 * gradient


class Custom(nn.Module):
    """A model with a backward pass of its own."""

    def __init__(self, *, is_custom: bool) -> None:
        super().__init__()
        self.fc, self.head, self.is_custom = nn.Linear(5, 4), nn.Linear(4, 3), is_custom

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc(x)
        return self.head(OwnBackward.apply(h) if self.is_custom else h**2)


@pytest.mark.parametrize("is_custom", [True, False])
def test_a_backward_of_the_models_own_is_reported_by_check(is_custom: bool) -> None:  # noqa: FBT001
    case = classes(seeded(lambda: Custom(is_custom=is_custom)), (4,), (5,))
    certificate = nd.check(nd.Subject(case.model, case.batches, case.cost))
    assert any("autograd.Function" in note for note in certificate.notes) == is_custom


class Casting(nn.Module):
    """A float64 model that computes in float32 inside."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.fc(x).float()).double())


def test_a_cast_inside_the_model_is_reported_and_sets_the_noise_floor() -> None:
    case = classes(seeded(Casting), (4,), (5,)).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, cross_entropy)
    assert any("float32, float64" in note for note in nd.check(subject).notes)
    assert float(subject.recording(0).noise_floor.min()) > 1e-8


class Silent(nn.Module):
    """Returns no tensor."""

    def forward(self, x: Tensor) -> str:
        return f"{x.ndim} axes"


def test_a_model_that_returns_no_tensor_is_refused() -> None:
    x = torch.ones(2, 3)
    case = Case(Silent(), [(x, x)], lambda _, target: target.sum(1))
    with pytest.raises(CaptureError, match="The model returned str without any tensor"):
        captured(case)


@dataclasses.dataclass
class Answer:
    """An output type that pytree does not know."""

    logits: Tensor


class Answering(nn.Module):
    """Returns it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Answer:
        return Answer(self.fc(x))


def answer_cost(output: Answer, target: Tensor) -> Tensor:
    """Cross-entropy of it."""
    return cross_entropy(output.logits, target)


def test_an_output_in_a_dataclass_is_captured_with_its_cost() -> None:
    made = classes(seeded(Answering), (4,), (5,))
    case = Case(made.model, made.batches, answer_cost)
    found = cost_of(captured(case), case, case.batches[0])
    assert torch.allclose(found, eager_cost(case, case.batches[0]))


def test_an_opaque_cost_gets_the_output_in_its_own_dataclass() -> None:
    made = classes(seeded(Answering), (4,), (5,))

    def cost(output: Answer, target: Tensor) -> Tensor:
        assert float(output.logits.sum()) < 1e9
        return answer_cost(output, target)

    case = Case(made.model, made.batches, cost)
    found = cost_of(captured(case), case, case.batches[0])
    assert torch.equal(found, eager_cost(case, case.batches[0]))


class Pausing(nn.Module):
    """Computes a part without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc(x)
        with torch.no_grad():
            gate = torch.sigmoid(h)
        return self.head(h * gate)


def test_a_part_without_gradients_is_captured_and_its_own_slope_reported() -> None:
    case = classes(seeded(Pausing), (4,), (5,)).to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    assert any("backward pass of its own" in note for note in nd.check(subject).notes)
    small = nd.Add(1e-6)
    measured, predicted = nd.measure(subject, "fc", small), nd.predict(subject, "fc", small)
    gap = abs(measured.array("measured") - predicted.array("predicted")).max()
    assert gap < 1e-4 * abs(measured.array("measured")).max()


def test_a_copy_into_a_part_of_a_tensor_has_a_gradient_and_equals_hooks() -> None:
    class Copying(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.enter(x)
            h[:, 0] = h[:, 1]
            return self.leave(h)

    torch.manual_seed(0)
    model, x = Copying().double(), torch.randn(3, 3).double()
    subject = nd.Subject(model, [(x, torch.zeros(3, 2).double())], "squared_error")
    effects = nd.audit(subject, "enter", nd.Add(1e-6), predictor="tangent").effects
    assert effects["engine"] == ["exported"] * 4
    assert effects["measured"][0] == 0, "it is written over"
    assert effects["predicted"] == pytest.approx(effects["measured"], rel=1e-4, abs=1e-15)
    clean = subject.cost(model(x), subject.batches[0][1])
    moved = model.enter(x) + torch.tensor([0, 1e-6, 0, 0])
    moved[:, 0] = moved[:, 1]
    expected = (subject.cost(model.leave(moved), subject.batches[0][1]) - clean).mean()
    assert effects["measured"][1] == pytest.approx(float(expected.detach()), rel=1e-6)
