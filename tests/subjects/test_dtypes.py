"""A subject in another precision: a copy in which real numbers are brought to a dtype."""

import copy

import pytest
import torch
from torch import Tensor, nn

from neurodemon.errors import SubjectError
from neurodemon.jobs.measuring import measure
from neurodemon.subjects.dtypes import read_dtype, to_dtype
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.toys import kink

ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class Looked(nn.Module):
    """Looks words up, scales by a buffer, and has a complex buffer that it does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 3)
        self.register_buffer("scale", torch.tensor([0.5, 1.0, 2.0, 1.0]))
        self.register_buffer("turns", torch.ones(2, dtype=torch.complex64))

    def forward(self, ids: Tensor, weight: Tensor) -> Tensor:
        return self.out(torch.tanh(self.words(ids)).mean(1) * self.scale * weight)


def looked(cost: object = "cross_entropy") -> Subject:
    torch.manual_seed(0)
    inputs = {"ids": torch.randint(0, 7, (5, 3)), "weight": torch.rand(5, 1)}
    batches = [(inputs, torch.tensor([0, 1, 2, 0, 1]))]
    return Subject(Looked(), batches, cost, better="higher", name="looked", seed=3)


@pytest.mark.parametrize("dtype", ALL)
def test_real_numbers_are_brought_to_the_dtype_and_integers_stay(dtype: torch.dtype):
    made = looked().in_dtype(dtype)
    inputs, target = made.batches[0]
    assert {value.dtype for value in made.model.parameters()} == {dtype}
    assert made.model.scale.dtype == inputs["weight"].dtype == dtype
    assert made.model.turns.dtype == torch.complex64
    assert inputs["ids"].dtype == target.dtype == torch.int64
    assert made.recording(0).cost.dtype == dtype


@pytest.mark.filterwarnings("error")
def test_all_else_is_the_same():
    subject = looked()
    subject.source = {"package": "p"}
    made = subject.in_dtype(torch.float64)
    same = ("cost", "better", "evaluate", "name", "call", "seed", "stages", "source")
    assert [getattr(made, name) for name in same] == [getattr(subject, name) for name in same]


def test_the_subject_itself_stays_as_it_is():
    subject = looked()
    before = copy.deepcopy(subject.model.state_dict())
    made = subject.in_dtype(torch.float16)
    with torch.no_grad():
        made.model.out.bias += 1.0
    after = subject.model.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())
    assert subject.batches[0][0]["weight"].dtype == torch.float32
    assert subject.dtype is None


def test_effects_in_double_agree_with_those_in_single_to_its_rounding():
    subject = looked()
    single, double = (measure(one, "words") for one in (subject, subject.in_dtype(torch.float64)))
    ours, theirs = (torch.tensor(one["measured"]) for one in (single, double))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert not torch.equal(ours, theirs)


def test_a_cost_that_fails_in_a_dtype_says_so():
    def cost(output: Tensor, _target: Tensor) -> Tensor:
        return (output @ torch.ones(3, 1, dtype=torch.float32))[:, 0]

    with pytest.raises(SubjectError, match=r"In float64: looked or its cost failed on a batch"):
        looked(cost).in_dtype(torch.float64)


def test_a_model_that_cannot_be_copied_is_refused():
    subject = looked()
    subject.model.kept = (row for row in ())  # a generator
    with pytest.raises(SubjectError, match=r"cannot be copied to be brought to float64 \(TypeErr"):
        subject.in_dtype(torch.float64)


def test_other_dtypes_are_refused():
    with pytest.raises(SubjectError, match=r"dtype is torch\.int64; expected one of torch\.float"):
        looked().in_dtype(torch.int64)
    with pytest.raises(SubjectError, match="dtype is 'double'; expected float64, float32, bfloat"):
        read_dtype("double")


@pytest.mark.parametrize("dtype", ALL)
def test_the_names_of_dtypes_are_torchs(dtype: torch.dtype):
    assert read_dtype(str(dtype).removeprefix("torch.")) == dtype


def test_nested_values_keep_their_structure():
    given = {"a": (torch.ones(2), [torch.arange(2), "word", None])}
    found = to_dtype(given, torch.float16)
    assert found["a"][0].dtype == torch.float16
    assert found["a"][1][0].dtype == torch.int64
    assert found["a"][1][1:] == ["word", None]


def test_a_toy_in_double_can_be_brought_down():
    assert kink().in_dtype(torch.float32).recording(0).cost.dtype == torch.float32
