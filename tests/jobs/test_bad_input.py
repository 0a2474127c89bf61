"""What bad input gets: the named error, with what was found, expected, and what to do."""

from collections.abc import Callable, Iterator

import pytest
import torch
from jaxtyping import config
from torch import Tensor, nn
from torch.nn import functional

from neurodemon import errors
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.predicting import delta, predict
from neurodemon.subjects.subject import Subject
from neurodemon.terms.effects import Effects
from neurodemon.terms.perturbations import Add, Patch, Resample

Case = Callable[[], object]
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(32, 10, generator=GENERATOR)
Y = torch.randint(0, 5, (32,), generator=GENERATOR)


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target, reduction="none")


def batch_mean(output: Tensor, target: Tensor) -> Tensor:
    costs = cross_entropy(output, target)
    return costs * costs.mean()


def contrastive(output: Tensor, _target: Tensor) -> Tensor:
    normed = functional.normalize(output, dim=1)
    return -torch.log_softmax(5 * normed @ normed.T, 1).diagonal()


def argmax_cost(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) != target).float()


def mlp(*middle: nn.Module) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(10, 16), *(middle or (nn.ReLU(),)), nn.Linear(16, 5))


def with_nan() -> nn.Module:
    model = mlp()
    with torch.no_grad():
        model[0].weight[0, 0] = float("nan")
    return model


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) + torch.randn(x.shape[0], 5)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else self.fc(-x)


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 5)

    def forward(self, _x: Tensor) -> Tensor:
        raise RuntimeError("boom")


@pytest.fixture(autouse=True)
def _as_users_run_it() -> Iterator[None]:
    """Without our shape checks, which would refuse bad input before our own errors do."""
    was = config.jaxtyping_disable
    config.update("jaxtyping_disable", "1")
    yield
    config.update("jaxtyping_disable", "1" if was else "0")


def study(model: nn.Module, batches: object, cost: object = cross_entropy, **options: object):
    return lambda: measure(Subject(model, batches, cost, **options))


def on_mlp(verb: Callable[..., object], *arguments: object, **options: object) -> Case:
    return lambda: verb(Subject(mlp(), [(X, Y)], cross_entropy), *arguments, **options)


def patched(source: object) -> Case:
    return lambda: measure(Subject(mlp(), [(X, Y)], cross_entropy), "1", Patch(source))


REFUSED: dict[str, tuple[Case, type[Exception], str]] = {
    "scalar cost": (
        study(mlp(), [(X, Y)], functional.cross_entropy),
        errors.CostShapeError,
        r"cost returned \(\), expected \(32,\): use reduction='none'",
    ),
    "cost of no numbers": (
        study(mlp(), [(X, Y)], lambda o, t: o.argmax(1) != t),
        errors.CostShapeError,
        r"torch\.bool, expected real numbers",
    ),
    "cost that is no tensor": (
        study(mlp(), [(X, Y)], lambda *_: 1.0),
        errors.CostShapeError,
        r"cost returned float",
    ),
    "unknown cost": (study(mlp(), [(X, Y)], "crossentropy"), errors.SubjectError, "Nearest"),
    "cost of no known type": (study(mlp(), [(X, Y)], 3), errors.SubjectError, "cost is int"),
    "NaN weights": (
        study(with_nan(), [(X, Y)]),
        errors.NonFiniteCostError,
        r"32 of 32 examples.*'0\.weight'.*NaN",
    ),
    "infinite input": (
        study(mlp(), [(X * float("inf"), Y)]),
        errors.NonFiniteCostError,
        r"all weights are finite",
    ),
    "dropout in training mode": (
        study(mlp(nn.Dropout(0.5)).train(), [(X, Y)], evaluate=False),
        errors.NondeterminismError,
        r"first at '1', by .*1 \(Dropout\).*evaluate=True",
    ),
    "random numbers in the model": (
        study(Noisy(), [(X, Y)]),
        errors.NondeterminismError,
        r"first at ':out'.*Make the forward pass deterministic",
    ),
    "train-mode BatchNorm": (
        study(mlp(nn.BatchNorm1d(16)).train(), [(X, Y)], evaluate=False),
        errors.CouplingError,
        r"'1'.*1 \(BatchNorm1d\).*evaluate=True",
    ),
    "batch-mean cost": (
        study(mlp(), [(X, Y)], batch_mean),
        errors.CouplingError,
        r"Only the cost itself changes.*no mean, no contrast",
    ),
    "contrastive cost": (study(mlp(), [(X, Y)], contrastive), errors.CouplingError, "replaced"),
    "batch-mean cost too small to see": (
        study(mlp(), [(X, Y)], lambda o, t: 1e-9 * batch_mean(o, t)),
        errors.CouplingError,
        r"gradient with respect to their values at ':in' is not 0",
    ),
    "a verb without a subject": (
        lambda: measure("digits"),
        errors.SubjectError,
        r"subject is a str; expected nd\.Subject",
    ),
    "contrastive cost on one example": (
        study(mlp(), [(X[:1], Y[:1])], contrastive),
        errors.CouplingError,
        "added",
    ),
    "no batches": (study(mlp(), []), errors.BatchError, "batches is empty"),
    "a generator": (
        study(mlp(), ((X, Y) for _ in range(2))),
        errors.BatchError,
        r"generator.*read only once.*list\(batches\)",
    ),
    "batches that are none": (study(mlp(), 3), errors.BatchError, "batches is int"),
    "a tensor as batches": (study(mlp(), X), errors.BatchError, "batches is a Tensor"),
    "a batch that is no pair": (study(mlp(), [X]), errors.BatchError, "Batch 0 is a Tensor"),
    "a batch of three": (study(mlp(), [(X, Y, Y)]), errors.BatchError, "tuple of 3"),
    "uneven sizes": (study(mlp(), [(X, Y[:3])]), errors.BatchError, r"\(32, 10\), \(3,\)"),
    "no example": (study(mlp(), [(X[:0], Y[:0])]), errors.BatchError, "holds no example"),
    "a batch without tensors": (study(mlp(), [(1, 2)]), errors.BatchError, "shapes"),
    "another device": (
        study(mlp(), [(X.to("meta"), Y.to("meta"))]),
        errors.BatchError,
        r"\['meta'\], the model on \['cpu'\].*Move the batches",
    ),
    "a model without weights": (study(mlp().to("meta"), [(X, Y)]), errors.SubjectError, "meta"),
    "no module": (study(torch.relu, [(X, Y)]), errors.SubjectError, "expected a torch.nn.Module"),
    "a lazy model": (
        study(nn.LazyLinear(3), [(X, Y)]),
        errors.SubjectError,
        r"'weight', 'bias'\] have no shape yet",
    ),
    "neither better": (study(mlp(), [(X, Y)], better="up"), errors.SubjectError, "better is 'up'"),
    "a model of other numbers": (
        study(mlp().double(), [(X, Y)]),
        errors.SubjectError,
        r"failed on a batch of shapes.*same dtype",
    ),
    "a broken model": (study(Broken(), [(X, Y)]), errors.SubjectError, "RuntimeError: boom"),
    "a branch on values, exported": (
        study(Branching(), [(X, Y)], capture="exported"),
        errors.CaptureError,
        r"could not capture Branching.*without branches",
    ),
    "a branch on a whole batch": (
        study(Branching(), [(X, Y)]),
        errors.CouplingError,
        r"a branch of the model \(at .*test_bad_input.py:70\) reads numbers of the whole batch",
    ),
    "a unit out of range": (on_mlp(measure, "0[99]"), errors.UnitIndexError, "16 units, 0 to 15"),
    "a malformed selection": (on_mlp(measure, "0[[3]"), errors.SelectionError, "column 3"),
    "a name that matches nothing": (on_mlp(measure, "fc9"), errors.SiteNotFoundError, "Nearest"),
    "a selection of no type": (on_mlp(measure, 3), errors.SelectionError, "units is int"),
    "no perturbation": (on_mlp(measure, "1", "zero"), errors.PerturbationError, "nd.Zero"),
    "an unknown predictor": (
        on_mlp(predict, predictor="best"),
        errors.PredictorError,
        r"'best' does not exist; expected auto or one of tangent",
    ),
    "a predictor that does not apply": (
        lambda: predict(Subject(mlp(), [(X, Y)], lambda o, _: o.pow(4).sum(1)), predictor="link"),
        errors.PredictorError,
        r"'link' does not apply here.*Available: tangent, first_order, linear_logits",
    ),
    "a cost without a gradient": (
        lambda: predict(Subject(mlp(), [(X, Y)], argmax_cost)),
        errors.PredictorError,
        "has no gradient.*Measure instead",
    ),
    "δ of several sites": (on_mlp(delta, "*"), errors.SiteNotFoundError, "expected one site"),
    "resampling one example": (
        lambda: measure(Subject(mlp(), [(X[:1], Y[:1])], cross_entropy), "1", Resample()),
        errors.PerturbationError,
        "expected at least 2",
    ),
    "a patch of too few batches": (
        patched([]),
        errors.PerturbationError,
        "holds 0 batches, the subject 1",
    ),
    "a patch that does not line up": (
        patched([(X[:3], Y[:3])]),
        errors.PerturbationError,
        "3 examples against 32",
    ),
    "a patch that is no pair": (
        patched([X]),
        errors.PerturbationError,
        "is no pair",
    ),
    "a patch of nothing": (patched(3), errors.PerturbationError, "is int"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_the_named_error(name: str) -> None:
    case, kind, message = REFUSED[name]
    with pytest.raises(kind, match=f"(?s){message}"):
        case()


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.fc = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(torch.relu(self.fc(self.embedding(tokens))).mean(1))


class FixedBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.fc(x.view(32, -1))))


TOKENS = torch.randint(0, 11, (6, 7), generator=GENERATOR)
WORKS: dict[str, Callable[[], Effects]] = {
    "dropout in evaluation mode": study(mlp(nn.Dropout(0.5)).train(), [(X, Y)]),
    "BatchNorm in evaluation mode": study(mlp(nn.BatchNorm1d(16), nn.ReLU()).train(), [(X, Y)]),
    "two batches of different sizes": study(mlp(), [(X, Y), (X[:7], Y[:7])]),
    "two batches of different lengths": study(Tokens(), [(TOKENS, Y[:6]), (TOKENS[:4, :3], Y[:4])]),
    "a batch of one": study(mlp(), [(X[:1], Y[:1])]),
    "float64": study(mlp().double(), [(X.double(), Y)]),
    "bfloat16": study(mlp().bfloat16(), [(X.bfloat16(), Y)]),
    "no target": study(mlp(), [(X, None)], lambda o, _: o.square().sum(1)),
    "a cost without a gradient": study(mlp(), [(X, Y)], argmax_cost),
    "a fixed batch size": study(FixedBatch(), [(X, Y)]),
    "a cost that holds a tensor of the batch's size": study(
        mlp(), [(X, Y)], lambda o, t: X[:, 0].abs() * cross_entropy(o, t)
    ),
    "a DataLoader": study(
        mlp(),
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=20),
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_unusual_input_works(name: str) -> None:
    effects = WORKS[name]()
    assert len(effects) > 0
    assert set(effects["status"]) <= {"ok", "no_change", "below_noise"}
    assert all(value == value for value in effects["measured"])  # noqa: PLR0124  # not NaN


def test_overflow_is_a_status_not_an_error() -> None:
    subject = Subject(mlp(), [(X, Y)], lambda o, _: o.pow(4).sum(1))
    assert set(measure(subject, "1", Add(1e30))["status"]) == {"non_finite"}
