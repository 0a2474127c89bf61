"""A small decoder with grouped-query attention and padded prompts, and units moved by hooks.

The oracle is one eager forward per unit: a hook moves the unit's numbers at the real positions.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

VOCABULARY, WIDTH, HEADS, KEY_HEADS = 19, 16, 4, 2
SIZE = WIDTH // HEADS
Move = Callable[[Tensor], Tensor]


class Attending(nn.Module):
    """Causal attention; each pair of query heads shares one head of keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads = HEADS
        self.q_proj = nn.Linear(WIDTH, HEADS * SIZE)
        self.k_proj = nn.Linear(WIDTH, KEY_HEADS * SIZE)
        self.v_proj = nn.Linear(WIDTH, KEY_HEADS * SIZE)
        self.o_proj = nn.Linear(HEADS * SIZE, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mix the positions that may be seen."""
        count, length, _ = x.shape
        parts = [
            part(x).view(count, length, -1, SIZE).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        ]
        key, value = (part.repeat_interleave(HEADS // KEY_HEADS, 1) for part in parts[1:])
        mixed = functional.scaled_dot_product_attention(parts[0], key, value, attn_mask=mask)
        return self.o_proj(mixed.transpose(1, 2).reshape(count, length, -1))


class Layer(nn.Module):
    """Attention, then a feed-forward; returns a tuple, as Hugging Face's blocks did."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attending()
        self.up, self.down = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """Add both to the residual stream."""
        x = x + self.attn(x, mask)
        return x + self.down(functional.gelu(self.up(x))), None


class Decoder(nn.Module):
    """Some layers over tokens, told which are padding and where each stands."""

    def __init__(self, n_layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Embedding(16, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(n_layers)])
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor) -> Tensor:
        """Give logits for each token."""
        length = input_ids.shape[1]
        before = torch.ones(length, length, dtype=torch.bool).tril()
        itself = torch.eye(length, dtype=torch.bool)  # a padded query must see something
        mask = (before & attention_mask.bool()[:, None, None, :]) | itself
        x = self.tokens(input_ids) + self.places(position_ids)
        for layer in self.layers:
            x, _ = layer(x, mask)
        return self.head(x)


def decoder(n_layers: int = 1) -> Decoder:
    """A seeded decoder in float64; each layer more takes its time to export."""
    torch.manual_seed(0)
    return Decoder(n_layers).double().eval()


def prompts(
    lengths: tuple[int, ...], *, seed: int = 1, width: int = 0
) -> tuple[dict[str, Tensor], Tensor]:
    """Left-padded prompts of some lengths: inputs, and the ids to predict (−100 at padding)."""
    generator = torch.Generator().manual_seed(seed)
    whole = max(width, *lengths)
    own = [torch.randint(1, VOCABULARY, (length,), generator=generator) for length in lengths]
    ids = torch.stack([functional.pad(one, (whole - len(one), 0)) for one in own])
    mask = torch.stack([functional.pad(torch.ones_like(one), (whole - len(one), 0)) for one in own])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": places}
    return inputs, ids.masked_fill(mask == 0, -100)


def effects_by_hooks(
    model: nn.Module,
    batch: tuple[Any, Any],
    cost: Callable[[Any, Any], Tensor],
    site: str,
    moves: list[Move],
) -> Tensor:
    """One eager forward per unit: (example, unit)."""
    inputs, target = batch
    path, _, side = site.partition(":")
    module = model.get_submodule(path)

    def run(move: Move | None) -> Tensor:
        def before(_module: nn.Module, arguments: Any) -> Any:
            return None if move is None else (move(arguments[0].clone()), *arguments[1:])

        def after(_module: nn.Module, _arguments: Any, output: Any) -> Any:
            if move is None:
                return None
            if isinstance(output, tuple):
                return (move(output[0].clone()), *output[1:])
            return move(output.clone())

        handle = (
            module.register_forward_pre_hook(before)
            if side == "in"
            else module.register_forward_hook(after)
        )
        try:
            with torch.no_grad():
                return cost(model(**inputs), target)
        finally:
            handle.remove()

    clean = run(None)
    return torch.stack([run(move) - clean for move in moves], 1)


def zeroed(real: Tensor, features: slice | list[int], position: int | None = None) -> Move:
    """Zero some features at the real positions, or at one of them."""
    where = real if position is None else real & (torch.arange(real.shape[1]) == position)

    def move(z: Tensor) -> Tensor:
        z[..., features] = z[..., features].masked_fill(where[..., None], 0)
        return z

    return move


def shifted(real: Tensor, vector: Tensor, amount: float) -> Move:
    """Add so much of a vector at the real positions."""
    return lambda z: z + amount * real[..., None].to(vector) * vector


def without(real: Tensor, vector: Tensor) -> Move:
    """Take the component along a vector away at the real positions."""
    unit = vector / vector.norm()
    return lambda z: z - real[..., None] * (z @ unit)[..., None] * unit
