"""Networks that no export holds, or that do what they like in place: for the hooks."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Branching(nn.Module):
    """A branch on the numbers of the batch, before and behind which there are layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left, self.right = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.stem(x))
        h = self.left(h) if h.sum() > 0 else self.right(h).relu()
        return self.head(h)


class Guarded(nn.Module):
    """A branch that no example of ours takes, on a number of the whole batch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head, self.relu = nn.Linear(5, 6), nn.Linear(6, 3), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.stem(x))
        if float(h.max()) > 3.0:
            h = h.clamp(max=3.0)
        return self.head(h)


class OwnSquare(torch.autograd.Function):
    """Forward x², backward of something else."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:  # noqa: ARG004  # the protocol's
        return x**2

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # noqa: ARG004  # the protocol's
        return 7 * gradient


own_square = OwnSquare.apply  # as people keep it: bound before anything could be patched


class Squaring(nn.Module):
    """A module whose output a custom function makes out of sight."""

    def forward(self, x: Tensor) -> Tensor:
        return own_square(x)


class Custom(nn.Module):
    """A custom `autograd.Function` between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.square, self.head = nn.Linear(5, 4), Squaring(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.square(self.fc(x)))


class Skipping(nn.Module):
    """A skip that reads the very tensor a layer reads: a demon there moves both."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc, self.head = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        z = self.fc(h)
        z += h
        functional.relu_(z)  # the result is not used: it is written where z lies
        return self.head(z)


class Compiled(nn.Module):
    """A compiled block inside a model."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(5, 6)
        self.block = torch.compile(nn.Sequential(nn.Linear(6, 6), nn.Tanh()), backend="eager")
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(torch.relu(self.stem(x))))
