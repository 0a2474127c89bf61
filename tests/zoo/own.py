"""Networks of the zoo that are written here: what people build themselves.

The simpler ones stand in `oracles.models`; these have what transformers and images bring along.
"""

import torch
from oracles.models import Case, classes, cross_entropy, seeded
from torch import Tensor, nn
from torch.nn import functional

WORDS, LENGTH = 23, 6


class GroupNormNet(nn.Module):
    """GroupNorm and SiLU between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(2, 6, 3, padding=1), nn.GroupNorm(3, 6)
        self.conv2, self.norm2 = nn.Conv2d(6, 4, 3, stride=2), nn.GroupNorm(2, 4)
        self.act = nn.SiLU(inplace=True)
        self.head = nn.Linear(4, 3)
        for norm in (self.norm1, self.norm2):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.norm1(self.conv1(x)))
        h = self.act(self.norm2(self.conv2(h)))
        return self.head(h.mean((2, 3)))


class UNet(nn.Module):
    """Down, up, and a skip that is concatenated; one cost per image from all its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.bottom = nn.Conv2d(6, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.merge = nn.Conv2d(8, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.Conv2d(4, 1, 1)
        self.norm.running_mean.normal_(0, 0.3)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        skip = functional.relu(self.enter(x), inplace=True)
        h = functional.relu(self.down(skip))
        h = functional.relu(self.bottom(h))
        h = functional.gelu(self.up(h))
        h = torch.cat([h, skip], dim=1)
        return self.out(torch.relu_(self.norm(self.merge(h))))


class CausalAttention(nn.Module):
    """Queries, keys and values from one Linear, as nanoGPT has it."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n_examples, length, width = x.shape
        q, k, v = self.c_attn(x).split(width, dim=2)
        shape = (n_examples, length, self.n_heads, width // self.n_heads)
        q, k, v = (part.view(shape).transpose(1, 2) for part in (q, k, v))
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        out = out.transpose(1, 2).contiguous().view(n_examples, length, width)
        return self.c_proj(out)


class NanoBlock(nn.Module):
    """Attention and MLP, each behind a norm and beside a skip."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = CausalAttention(width, n_heads)
        self.c_fc, self.gelu = nn.Linear(width, 2 * width), nn.GELU()
        self.c_proj = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        x = x + self.c_proj(self.gelu(self.c_fc(self.ln_2(x))))
        return x  # noqa: RET504  # as nanoGPT has it


class NanoGPT(nn.Module):
    """A small decoder, its head tied to its embedding."""

    def __init__(self, width: int = 12, n_heads: int = 3) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(WORDS, width), nn.Embedding(8, width)
        self.h = nn.ModuleList([NanoBlock(width, n_heads) for _ in range(2)])
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, WORDS, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, idx: Tensor) -> Tensor:
        places = torch.arange(idx.shape[1], device=idx.device)
        x = self.wte(idx) + self.wpe(places)
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class PaddedEncoder(nn.Module):
    """An `nn.TransformerEncoder` of two layers, its tokens padded."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 10, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Tensor, src_key_padding_mask: Tensor) -> Tensor:
        h = self.encoder(self.embed(tokens), src_key_padding_mask=src_key_padding_mask)
        kept = (~src_key_padding_mask).to(h.dtype)[:, :, None]
        return self.head((h * kept).sum(1) / kept.sum(1))


class Branching(nn.Module):
    """Goes through a layer again while its numbers are large: the content decides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mid, self.head = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.stem(x))
        if bool((h.abs() > 0.5).any()):
            h = h + self.act(self.mid(h))
        return self.head(h)


class Swish(torch.autograd.Function):
    """x·sigmoid(x) with a backward of its own, as published to save memory."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return grad * gate * (1 + x * (1 - gate))


class OwnBackward(nn.Module):
    """Uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mid, self.head = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(Swish.apply(self.mid(Swish.apply(self.stem(x)))))


def of_next_token(output: Tensor, target: Tensor) -> Tensor:
    """The mean of −log p over the tokens after the first."""
    losses = functional.cross_entropy(
        output[:, :-1].transpose(1, 2), target[:, 1:], reduction="none"
    )
    return losses.mean(1)


def of_pixels(output: Tensor, target: Tensor) -> Tensor:
    """The binary cross-entropy of each pixel, averaged over an image."""
    losses = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return losses.flatten(1).mean(1)


def cnn() -> Case:
    """Images in two batches."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 2, stride=2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip
    return classes(model, (4, 3), (2, 4, 4))


def group_norm() -> Case:
    """Images in two batches."""
    return classes(seeded(GroupNormNet), (4, 3), (2, 5, 5))


def padded_encoder() -> Case:
    """Prompts padded to two lengths."""
    model = seeded(PaddedEncoder).eval()
    batches = []
    for size, length in ((4, LENGTH), (3, 4)):
        tokens = torch.randint(WORDS, (size, length))
        is_padding = torch.arange(length) >= torch.randint(2, length + 1, (size, 1))
        inputs = {"tokens": tokens, "src_key_padding_mask": is_padding}
        batches.append((inputs, torch.arange(size) % 3))
    return Case(model, batches, cross_entropy)


def branching() -> Case:
    """Batches of one, for whose single example the way is its own; and one of two."""
    case = classes(seeded(Branching), (1, 1, 1), (5,))
    scales = (0.1, 1.0, 3.0)
    batches = [(scale * x, y) for scale, (x, y) in zip(scales, case.batches, strict=True)]
    return Case(case.model, batches, case.cost)


def own_backward() -> Case:
    """Vectors in two batches."""
    return classes(seeded(OwnBackward), (5, 3), (5,))


def unet() -> Case:
    """Masks of small images of two sizes."""
    torch.manual_seed(0)
    model = UNet().eval()
    batches = []
    for size, side in ((3, 8), (2, 4)):
        image = torch.randn(size, 1, side, side)
        batches.append((image, (image > 0.3).float()))
    return Case(model, batches, of_pixels)


def nano_gpt() -> Case:
    """Prompts of two lengths."""
    torch.manual_seed(0)
    model = NanoGPT().eval()
    batches = []
    for size, length in ((4, LENGTH), (3, 4)):
        ids = torch.randint(WORDS, (size, length))
        batches.append((ids, ids))
    return Case(model, batches, of_next_token)
