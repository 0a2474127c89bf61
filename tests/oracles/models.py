"""The zoo: small networks of every kind that the engine must take, each with batches and cost.

Each entry makes a fresh `Case`; nothing is trained, seeds are fixed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Cost = Callable[[Any, Any], Tensor]


@dataclass(frozen=True, eq=False)
class Case:
    """A model with its batches and its cost."""

    model: nn.Module
    batches: Sequence[tuple[Any, Any]]
    cost: Cost

    def to(self, dtype: torch.dtype) -> "Case":
        """The same in another precision; the weights doubled, so that effects are large."""
        model = self.model.to(dtype)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim > 1 and "embed" not in name:
                    weight.mul_(2)
        return Case(model, [cast(batch, dtype) for batch in self.batches], self.cost)


def cast(value: Any, dtype: torch.dtype) -> Any:
    """Bring the floating tensors of a nested value to a dtype."""
    return torch.utils._pytree.tree_map_only(
        Tensor, lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, value
    )


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """−log p_y per example."""
    return functional.cross_entropy(output, target, reduction="none")


def squared(output: Tensor, target: Tensor) -> Tensor:
    """Σ (output − target)² per example."""
    return (output - target).square().flatten(1).sum(1)


def squares(output: Any, target: Tensor) -> Tensor:
    """A cost of all floating tensors of a nested output."""
    leaves = [leaf for leaf in torch.utils._pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
    return sum(((leaf.flatten(1) - target[:, None]) ** 2).mean(1) for leaf in leaves)


def classes(
    model: nn.Module, sizes: Sequence[int], shape: Sequence[int], n_classes: int = 3, seed: int = 0
) -> Case:
    """A classifier on normal inputs of one shape, in batches of several sizes."""
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    batches = [
        (
            torch.randn(size, *shape, generator=generator).to(dtype),
            torch.randint(n_classes, (size,), generator=generator),
        )
        for size in sizes
    ]
    return Case(model.eval(), batches, cross_entropy)


def mlp(activation: Callable[[], nn.Module] = nn.ReLU) -> Case:
    """Two hidden layers."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 6), activation(), nn.Linear(6, 7), activation(), nn.Linear(7, 3)
    )
    return classes(model, (6, 4), (5,))


class FunctionalMLP(nn.Module):
    """Activations as functions; each also stands as an Identity for hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3, self.head = (
            nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3),
        )  # fmt: skip
        self.first, self.second, self.third = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(functional.relu(self.fc1(x)))
        h = self.second(torch.tanh(self.fc2(h)))
        h = self.third(functional.gelu(self.fc3(h), approximate="tanh"))
        return self.head(h)


class ResidualMLP(nn.Module):
    """LayerNorm and a skip connection, twice."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Linear(5, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.ups = nn.ModuleList([nn.Linear(width, 8) for _ in range(2)])
        self.downs = nn.ModuleList([nn.Linear(8, width) for _ in range(2)])
        self.act = nn.GELU()
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for norm, up, down in zip(self.norms, self.ups, self.downs, strict=True):
            h = h + down(self.act(up(norm(h))))
        return self.head(h)


class ResidualCNN(nn.Module):
    """BatchNorm, in-place ReLU, `+=` and `relu_`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(36, 3)
        for norm in (self.bn1, self.bn2):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.bn1(self.conv1(x)))
        skip = h
        h = self.bn2(self.conv2(h))
        h += skip
        h = torch.relu_(h)
        return self.fc(self.pool(h).flatten(1))


class StridedCNN(nn.Module):
    """Stride, padding, dilation, groups, depthwise; average pooling and a view."""

    def __init__(self) -> None:
        super().__init__()
        self.strided = nn.Conv2d(2, 4, 3, stride=2, padding=2)
        self.dilated = nn.Conv2d(4, 4, (3, 2), dilation=(1, 2), padding=(1, 2))
        self.grouped = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.strided(x))
        h = functional.silu(self.dilated(h))
        h = self.grouped(h).sigmoid()
        h = self.pool(self.depthwise(h))
        return self.fc(h.reshape(h.shape[0], -1))


class Conv1dNet(nn.Module):
    """Convolutions along time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(3, 4, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(4, 5, 2, dilation=2)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.elu(self.conv1(x))
        return self.fc(functional.softplus(self.conv2(h)).mean(-1))


class Conv3dNet(nn.Module):
    """Convolutions in space."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, 2, 2)
        self.conv2 = nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=(0, 1, 0))
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.tanh(self.conv2(torch.tanh(self.conv1(x)))).mean((2, 3, 4)))


class Recurrent(nn.Module):
    """Embedding, then an LSTM or GRU, then the last step."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 4)
        self.rnn = kind(4, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        out, _state = self.rnn(self.embed(tokens))
        return self.head(torch.tanh(out[:, -1]))


class Encoder(nn.Module):
    """A TransformerEncoder with a padding mask."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.embed = nn.Linear(3, 4)
        layer = nn.TransformerEncoderLayer(4, 2, 5, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        h = self.embed(x)
        h = h if self.batch_first else h.transpose(0, 1)
        h = self.encoder(h, src_key_padding_mask=mask)
        h = h if self.batch_first else h.transpose(0, 1)
        kept = (~mask).to(h.dtype)[:, :, None]
        return self.head((h * kept).sum(1) / kept.sum(1))


class Reused(nn.Module):
    """One Linear called twice, one activation called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.cell, self.act = nn.Linear(5, 6), nn.Linear(6, 6), nn.Tanh()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.stem(x))
        h = self.act(self.cell(h))
        return self.head(self.act(self.cell(h)))


class TwoTensors(nn.Module):
    """A module that returns a tuple, and one that returns a dict."""

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(5, 4), nn.Linear(5, 4)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.tanh(self.left(x)), torch.sigmoid(self.right(x))

    class Keyed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"hidden": torch.relu(self.mix(x)), "size": x.square() + 1}

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.keyed, self.head = self.Pair(), self.Keyed(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.pair(x)
        out = self.keyed(left * right)
        return self.head(out["hidden"] / out["size"])


class NestedOutput(nn.Module):
    """A model that itself returns a dict with a tuple in it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two = nn.Linear(5, 6), nn.Linear(6, 3), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> dict[str, Any]:
        h = torch.tanh(self.stem(x))
        return {"logits": self.one(h), "extra": (self.two(h), h)}


class Gathering(nn.Module):
    """Takes each example's own time step with `arange` over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.head = nn.Embedding(11, 4), nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        h = torch.tanh(self.mix(self.embed(tokens)))
        return self.head(h[torch.arange(h.shape[0]), lengths])


class PositionMajor(nn.Module):
    """The layout (time, example, feature) inside, with positions added."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 6)
        self.mix = nn.Linear(6, 6)
        self.place = nn.Embedding(9, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.transpose(0, 1))
        h = h + self.place(torch.arange(h.shape[0]))[:, None]
        h = torch.relu(self.mix(h))
        return self.head(h.amax(0))


class Experts(nn.Module):
    """A mixture of two experts by index arithmetic over flattened examples and tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Linear(3, 6), nn.Linear(6, 2)
        self.weights = nn.Parameter(torch.randn(2, 6, 6) / 2)
        self.after = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.stem(x))
        n_examples, n_tokens, width = h.shape
        flat = h.reshape(n_examples * n_tokens, width)
        scores = self.gate(flat).softmax(-1)
        chosen = scores.argmax(-1)
        order = torch.argsort(chosen, stable=True)
        routed = torch.bmm(flat[order][:, None], self.weights[chosen[order]])[:, 0]
        places = torch.arange(n_examples * n_tokens)
        back = torch.zeros_like(flat).index_add(0, order, routed)
        mixed = back * scores[places, chosen][:, None]
        out = torch.relu(self.after(mixed.reshape(n_examples, n_tokens, width)))
        return self.head(out.mean(1))


class Counting(nn.Module):
    """Reads its batch size as a plain number, which export freezes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows = [torch.tanh(self.stem(x[i])) for i in range(len(x))]
        return self.head(torch.stack(rows))


class TwoInputs(nn.Module):
    """Several inputs, one of them whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.numbers = nn.Embedding(7, 4), nn.Linear(3, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, word: Tensor, number: Tensor) -> Tensor:
        return self.head(torch.relu(self.words(word) + self.numbers(number)))


class SwiGLU(nn.Module):
    """A gated MLP, and GPT-2's gelu written out."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(5, 6), nn.Linear(5, 6), nn.Linear(6, 5)
        self.mid = nn.Linear(5, 7)
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.down(functional.silu(self.gate(x)) * self.up(x))
        z = self.mid(h)
        bent = 0.5 * z * (1.0 + torch.tanh(0.7978845608 * (z + 0.044715 * torch.pow(z, 3.0))))
        return self.head(bent)


class Transposed(nn.Module):
    """Weights used by addmm, matmul and mm, like GPT-2's Conv1D."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([
            nn.Parameter(torch.randn(*s) / 2) for s in ((5, 6), (6, 6), (6, 3))
        ])
        self.bias = nn.Parameter(torch.randn(6))
        self.first, self.second = nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(torch.tanh(torch.addmm(self.bias, x, self.weights[0])))
        h = self.second(torch.tanh(torch.mm(h, self.weights[1])))
        return h @ self.weights[2]


def prompted(model: nn.Module, lengths: Sequence[int], size: int = 5, vocabulary: int = 7) -> Case:
    """Batches of token ids of several lengths."""
    generator = torch.Generator().manual_seed(1)
    batches = [
        (
            torch.randint(vocabulary, (size, length), generator=generator),
            torch.randint(3, (size,), generator=generator),
        )
        for length in lengths
    ]
    return Case(model.eval(), batches, cross_entropy)


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Make a model from a seed."""
    torch.manual_seed(seed)
    return make()


def encoder(*, batch_first: bool, is_dict: bool) -> Case:
    """A transformer with padding, its inputs a dict or a tuple."""
    model = seeded(lambda: Encoder(batch_first=batch_first))
    generator = torch.Generator().manual_seed(2)
    batches = []
    for size, length in ((4, 5), (3, 4)):
        x = torch.randn(size, length, 3, generator=generator)
        mask = torch.arange(length)[None] >= torch.randint(
            2, length + 1, (size, 1), generator=generator
        )
        target = torch.randint(3, (size,), generator=generator)
        batches.append(({"x": x, "mask": mask} if is_dict else (x, mask), target))
    return Case(model.eval(), batches, cross_entropy)


def gathering() -> Case:
    """Tokens and lengths."""
    generator = torch.Generator().manual_seed(3)
    inputs = (torch.randint(11, (5, 4), generator=generator), torch.tensor([0, 3, 1, 2, 3]))
    target = torch.randint(3, (5,), generator=generator)
    return Case(seeded(Gathering).eval(), [(inputs, target)], cross_entropy)


def two_inputs() -> Case:
    """A dict of whole and real numbers."""
    generator = torch.Generator().manual_seed(4)
    inputs = {"word": torch.tensor([0, 3, 6, 3]), "number": torch.randn(4, 3, generator=generator)}
    return Case(seeded(TwoInputs).eval(), [(inputs, torch.tensor([0, 1, 2, 1]))], cross_entropy)


def nested_output() -> Case:
    """A cost of a nested output."""
    generator = torch.Generator().manual_seed(5)
    batches = [(torch.randn(4, 5, generator=generator), torch.randn(4, generator=generator))]
    return Case(seeded(NestedOutput).eval(), batches, squares)


def opaque(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy by a way that torch.export refuses: it looks at numbers."""
    scale = float(output.detach().abs().max().item())
    assert scale >= 0
    return cross_entropy(output, target) if scale < 1e9 else output.sum(1)


ZOO: dict[str, Callable[[], Case]] = {
    "relu mlp": mlp,
    "tanh mlp": lambda: mlp(nn.Tanh),
    "sigmoid mlp": lambda: mlp(nn.Sigmoid),
    "gelu mlp": lambda: mlp(nn.GELU),
    "functional mlp": lambda: classes(seeded(FunctionalMLP), (6, 3), (5,)),
    "residual mlp": lambda: classes(seeded(ResidualMLP), (6, 1), (5,)),
    "residual cnn": lambda: classes(seeded(ResidualCNN), (4, 3), (2, 6, 6)),
    "strided cnn": lambda: classes(seeded(StridedCNN), (4,), (2, 6, 6)),
    "conv1d": lambda: classes(seeded(Conv1dNet), (4,), (3, 9)),
    "conv3d": lambda: classes(seeded(Conv3dNet), (3,), (1, 4, 4, 4)),
    "lstm": lambda: prompted(seeded(lambda: Recurrent(nn.LSTM)), (4, 6)),
    "gru": lambda: prompted(seeded(lambda: Recurrent(nn.GRU)), (4,)),
    "encoder, batch first, dict": lambda: encoder(batch_first=True, is_dict=True),
    "encoder, time first, tuple": lambda: encoder(batch_first=False, is_dict=False),
    "reused": lambda: classes(seeded(Reused), (5,), (5,)),
    "tuple and dict": lambda: classes(seeded(TwoTensors), (5,), (5,)),
    "nested output": nested_output,
    "gathering": gathering,
    "position major": lambda: classes(seeded(PositionMajor), (4, 2), (5, 3)),
    "experts": lambda: classes(seeded(Experts), (5, 3), (4, 3)),
    "counting": lambda: classes(seeded(Counting), (4, 3), (5,)),
    "two inputs": two_inputs,
    "swiglu": lambda: classes(seeded(SwiGLU), (5,), (5,)),
    "transposed weights": lambda: classes(seeded(Transposed), (5,), (5,)),
    "opaque cost": lambda: Case(mlp().model, mlp().batches, opaque),
    "batch of one": lambda: classes(seeded(ResidualMLP), (1,), (5,)),
}
