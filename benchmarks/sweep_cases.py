"""What the sweep is timed on: the networks, the units, and what is to be reached."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.subjects.minilm import minilm
from neurodemon.subjects.mnist import read_images
from neurodemon.subjects.mnist_files import TEST

TOKENS, HEADS, LAYERS, WIDTH = 16, 6, 6, 192  # of the decoder
IMAGES = Path(os.environ.get("NEURODEMON_MNIST", "../shared/data/mnist"))


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: of the work.
        make: makes the subject.
        module: the module whose output (of heads: input) is changed.
        kind: `neuron`, `channel`, `head`, or `cell` for a head at a position.
        units: how many of the site's units are timed for us; peers get fewer.
        site: the selection, where it is not the module itself.
        faster: what is to be reached against the best peer.
        share: what is to be reached of the roofline; None where there is no product to count.
        dies: whether most units are off on most examples, so that the least work follows from
            the data, and no share of the roofline is given.
    """

    name: str
    make: Callable[[], nd.Subject]
    module: str
    kind: str
    units: int
    faster: float | None
    share: float | None
    dies: bool = False


def images(count: int) -> tuple[Tensor, Tensor]:
    """MNIST's first test images and digits; noise where the files are not there."""
    if (IMAGES / "t10k-images-idx3-ubyte").is_file() or any(IMAGES.glob("t10k*")):
        inputs, target = read_images(IMAGES, TEST)
        return inputs[:count], target[:count]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 784, generator=generator), torch.arange(count) % 10


def mlp(width: int = 256, depth: int = 2, examples: int = 1000) -> nd.Subject:
    """784-256-256-10 with ReLU, seeded weights."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(784, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 10)).eval()
    return nd.Subject(model, [images(examples)], "cross_entropy", name="mlp")


def autoencoder() -> nd.Subject:
    """A sparse autoencoder of 256 features and 2,048 latents, 2 to 3 % of them on at a time."""
    torch.manual_seed(0)
    inputs, encoder = torch.randn(1000, 256), nn.Linear(256, 2048)
    nn.init.constant_(encoder.bias, -2 * float((inputs @ encoder.weight.detach().T).std()))
    model = nn.Sequential(encoder, nn.ReLU(), nn.Linear(2048, 256)).eval()
    return nd.Subject(model, [(inputs, inputs)], _squared, name="autoencoder")


def _squared(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean(1)


def cnn() -> nd.Subject:
    """Two convolutions of 16 and 32 channels, each pooled, on 500 images."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    ).eval()  # fmt: skip
    inputs, target = images(500)
    return nd.Subject(model, [(inputs.reshape(-1, 1, 28, 28), target)], "cross_entropy", name="cnn")


def sentences() -> nd.Subject:
    """MiniLM on 64 sentences, in one batch."""
    whole = minilm(examples=64)
    parts = list(whole.batches)
    inputs = {name: torch.cat([_padded(part[0][name]) for part in parts]) for name in parts[0][0]}
    target = torch.cat([part[1] for part in parts])
    longest = int(inputs["attention_mask"].sum(1).max())
    inputs = {name: value[:, :longest] for name, value in inputs.items()}
    return nd.Subject(whole.model, [(inputs, target)], whole.cost, name="minilm", call=whole.call)


def _padded(tokens: Tensor, length: int = 64) -> Tensor:
    """Fill up to a length with zeros."""
    return nn.functional.pad(tokens, (0, length - tokens.shape[1]))


def decoder() -> nd.Subject:
    """A GPT-2 of 6 layers; the cost is of the last token alone."""
    inputs = {"input_ids": _words(), "use_cache": False}
    return nd.Subject(
        _gpt2(), [(inputs, None)], nd.logit_difference(3, 7), better="higher", name="decoder"
    )


def language() -> nd.Subject:
    """The same with a language model's loss: of each token, given those before it."""
    inputs = {"input_ids": _words(), "use_cache": False}
    return nd.Subject(_gpt2(), [(inputs, _words()[:, 1:])], _loss_of_tokens, name="language")


def _loss_of_tokens(output: Any, target: Tensor) -> Tensor:
    logits: Tensor = getattr(output, "logits", output)[:, :-1]
    return nn.functional.cross_entropy(logits.transpose(1, 2), target, reduction="none").mean(1)


def _words() -> Tensor:
    return torch.randint(512, (32, TOKENS), generator=torch.Generator().manual_seed(1))


def _gpt2() -> nn.Module:
    """A GPT-2 of 6 layers with seeded weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model: nn.Module = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=512, n_positions=TOKENS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
            attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0, initializer_range=0.1,
        )
    ).eval()  # fmt: skip
    return model


def _minilm(layer: int, faster: float) -> Case:
    module = f"encoder.layer.{layer}.intermediate.intermediate_act_fn"
    return Case(f"MiniLM, neurons of layer {layer}", sentences, module, "neuron", 64, faster, 0.75)


CASES = (
    Case("MLP, first hidden layer", mlp, "1", "neuron", 256, 15.0, 0.4),
    Case("MLP, last hidden layer", mlp, "3", "neuron", 256, 40.0, None),
    Case("Sparse autoencoder, latents", autoencoder, "1", "neuron", 2048, None, None, dies=True),
    Case("CNN, conv 1", cnn, "1", "channel", 16, 3.5, 0.3),
    Case("CNN, conv 2", cnn, "4", "channel", 32, 30.0, 0.3),
    _minilm(5, 25.0),
    _minilm(3, 2.6),
    _minilm(0, 1.15),
    Case(
        "MiniLM, heads of layer 3", sentences, "encoder.layer.3.attention.output.dense",
        "head", 12, None, None,
    ),
    Case("GPT-2-like, last neurons, loss of tokens", language, "transformer.h.5.mlp.act", "neuron", 64, None, None),
    Case("GPT-2-like, head × position", decoder, "transformer.h.2.attn.c_proj", "cell", 96, 4.0, 0.5),
)  # fmt: skip


def units_of(subject: nd.Subject, case: Case) -> nd.UnitSet:
    """The units of a case, as many as are timed."""
    if case.kind == "cell":
        found = [nd.units(subject, f"{case.module}:in/head@{place}") for place in range(TOKENS)]
        chosen = found[0]
        for one in found[1:]:
            chosen = chosen + one
        return chosen
    if case.kind == "head":
        return nd.units(subject, f"{case.module}:in/head")
    return nd.units(subject, f"{case.module}[0:{case.units}]")
