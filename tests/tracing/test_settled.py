"""An export that is read as it is must say what `run_decompositions` would have made of it."""

import pytest
import torch
import transformers
from torch import nn

import neurodemon as nd
from neurodemon.errors import ReplayMismatchError
from neurodemon.tracing import exported
from neurodemon.tracing.settled import is_settled


class Dropped(nn.Module):
    """A dropout that does nothing, a cast, a transposition made contiguous, a flag in a sum."""

    def __init__(self) -> None:
        """Make two layers and a dropout."""
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(5, 6), nn.Dropout(0.5), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Go through both."""
        z = self.drop(self.first(x).tanh())
        z = z.to(torch.float32).to(x.dtype) + (x > 0).to(x.dtype).sum(-1, keepdim=True)
        z = z.reshape(-1, 2, 3).transpose(1, 2).contiguous().view(-1, 6)
        return self.last(z.to(z.dtype))


class Overwritten(nn.Module):
    """A ReLU that writes over the value that a demon's z is read from."""

    def __init__(self) -> None:
        """Make two layers."""
        super().__init__()
        self.first, self.last = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Go through both."""
        return self.last(self.first(x).relu_())


def bert() -> nn.Module:
    """A BERT of one small layer."""
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        vocab_size=30, max_position_embeddings=12,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def llama() -> nn.Module:
    """A Llama of one small layer."""
    config = transformers.LlamaConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        vocab_size=30, max_position_embeddings=12, num_labels=3, pad_token_id=0,
    )  # fmt: skip
    return transformers.LlamaForSequenceClassification(config)


def make(name: str) -> nd.Subject:
    """Make a subject by name, the same each time."""
    torch.manual_seed(0)
    makers = {
        "dropped": Dropped,
        "overwritten": Overwritten,
        "bert": bert,
        "llama": llama,
        "convolutions": lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.GELU(), nn.Dropout2d(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(27, 3),
        ),
    }  # fmt: skip
    model = makers[name]().double().eval()
    inputs = {
        "convolutions": torch.randn(4, 1, 8, 8).double(),
        "bert": torch.randint(1, 30, (4, 7)),
        "llama": torch.randint(1, 30, (4, 7)),
    }.get(name, torch.randn(4, 5).double())
    is_text = name in {"bert", "llama"}
    return nd.Subject(
        model,
        [(inputs, torch.tensor([0, 1, 2, 1]) % (2 if name == "bert" else 3))],
        "cross_entropy",
        call=(lambda model, x: model(x).logits) if is_text else None,
        capture="exported",
    )


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What was decided of each export."""
    seen: list[bool] = []

    def note(program: torch.export.ExportedProgram, *, is_training: bool) -> bool:
        seen.append(is_settled(program, is_training=is_training))
        return seen[-1]

    monkeypatch.setattr(exported, "is_settled", note)
    return seen


def decide(monkeypatch: pytest.MonkeyPatch, *, is_settled: bool) -> None:
    """Let every export be read as it is, or none."""
    monkeypatch.setattr(exported, "is_settled", lambda *_, **__: is_settled)


def describe(subject: nd.Subject) -> list[tuple[object, ...]]:
    """Describe the sites."""
    return [(site.names, site.axes, site.kind) for site in subject.sites()]


@pytest.mark.parametrize(
    ("name", "as_it_is"),
    [
        ("dropped", [True]),
        ("bert", [True]),
        ("llama", [False]),  # its rotations stand in a graph without gradients
        ("convolutions", [False]),  # flattening is spelt otherwise
        ("overwritten", [False]),
    ],
)
def test_read_as_it_is_gives_what_decomposing_gives(
    name: str, as_it_is: list[bool], decided: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = make(name)
    found, sites = nd.measure(subject), describe(subject)
    assert decided == as_it_is
    decide(monkeypatch, is_settled=False)
    decomposed = make(name)
    expected = nd.measure(decomposed)
    assert sites == describe(decomposed)
    assert list(found["site"]) == list(expected["site"])
    assert list(found["measured"]) == pytest.approx(list(expected["measured"]), abs=1e-12)
    assert any(abs(effect) > 1e-6 for effect in found["measured"])


def test_an_export_that_overwrites_a_value_must_not_be_read_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decide(monkeypatch, is_settled=True)
    with pytest.raises(ReplayMismatchError, match="differs from the model"):
        make("overwritten").sites()


def test_a_model_in_training_mode_is_decomposed(decided: list[bool]) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    batch = (torch.randn(4, 5), torch.tensor([0, 1, 2, 1]))
    nd.Subject(model.train(), [batch], "cross_entropy", evaluate=False).sites()
    nd.Subject(model.eval(), [batch], "cross_entropy").sites()
    assert decided == [False, True]
