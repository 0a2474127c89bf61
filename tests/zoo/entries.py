"""The zoo: one declared list of the models that every tracing must do right.

Each entry makes a fresh, seeded `Case` (model, batches, cost). What stands here is tested
against the hook oracle and printed into docs/models.md.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oracles.models import (
    Case,
    PositionMajor,
    Recurrent,
    ResidualCNN,
    Reused,
    classes,
    gathering,
    mlp,
    prompted,
    seeded,
)
from torch import nn
from zoo import own

Make = Callable[[], Case]
EXPORTED, HOOKED, BOTH = ("exported",), ("hooked",), ("exported", "hooked")


@dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        name: how tests and the table call it.
        make: makes the model, in evaluation mode, with its batches and its cost.
        note: what is special about it, for the table.
        tracings: those that apply to it, the one that is chosen by itself first.
        in_short: those that are tried by `make test` too, where each second counts.
        n_sites: how many sites the table tries, drawn at random; all of them, if None.
    """

    name: str
    make: Make
    note: str
    tracings: tuple[str, ...] = BOTH
    in_short: tuple[str, ...] = BOTH
    n_sites: int | None = None


def _hugging(name: str) -> Make:
    """Make a model of `zoo.hugging_face`, imported when it is wanted: that takes seconds."""

    def make() -> Case:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from zoo import hugging_face  # noqa: PLC0415

        case: Case = getattr(hugging_face, name)()
        return case

    return make


ENTRIES = (
    Entry("MLP", mlp, "ReLU, two hidden layers"),
    Entry("CNN", own.cnn, "strides, in-place ReLU, max-pooling"),
    Entry(
        "ResNet",
        lambda: classes(seeded(ResidualCNN), (4, 3), (2, 6, 6)),
        "BatchNorm, in-place ReLU, residual `+=`",
        in_short=HOOKED,
    ),
    Entry("GroupNorm", own.group_norm, "GroupNorm, in-place SiLU", in_short=EXPORTED),
    Entry(
        "LSTM",
        lambda: prompted(seeded(lambda: Recurrent(nn.LSTM)), (4, 6)),
        "tuple outputs",
        in_short=HOOKED,
    ),
    Entry(
        "GRU",
        lambda: prompted(seeded(lambda: Recurrent(nn.GRU)), (4, 6)),
        "tuple outputs",
        in_short=HOOKED,
    ),
    Entry(
        "TransformerEncoder",
        own.padded_encoder,
        "`src_key_padding_mask`, dict inputs",
    ),
    Entry(
        "time first",
        lambda: classes(seeded(PositionMajor), (4, 2), (5, 3)),
        "(time, example)",
        in_short=HOOKED,
    ),
    Entry("nanoGPT", own.nano_gpt, "fused queries, keys, values; tied weights", in_short=EXPORTED),
    Entry(
        "U-Net", own.unet, "a skip that is concatenated, transposed convolution", in_short=EXPORTED
    ),
    Entry(
        "reused layers", lambda: classes(seeded(Reused), (5,), (5,)), "`#2`, `#3`", in_short=HOOKED
    ),
    Entry(
        "branch on values",
        own.branching,
        "an `if` on the numbers",
        tracings=HOOKED,
    ),
    Entry("own backward", own.own_backward, "a custom `autograd.Function`"),
    Entry(
        "gather",
        gathering,
        "takes each example's token with `arange` over the batch",
        in_short=HOOKED,
    ),
    Entry("BERT", _hugging("bert"), "token types, padding mask", in_short=EXPORTED),
    Entry(
        "GPT-2",
        _hugging("gpt2"),
        "Conv1D weights, fused queries, keys, values; tied weights",
        in_short=EXPORTED,
    ),
    Entry(
        "GPT-2, left-padded", _hugging("gpt2_padded_left"), "with `position_ids`", in_short=HOOKED
    ),
    Entry(
        "Llama", _hugging("llama"), "grouped queries, rotary positions, SwiGLU", in_short=EXPORTED
    ),
    Entry("Mistral", _hugging("mistral"), "sliding window", in_short=()),
    Entry(
        "Mixtral",
        _hugging("mixtral"),
        "mixture of experts, two of four",
        in_short=EXPORTED,
    ),
    Entry("Mamba", _hugging("mamba"), "state space", in_short=EXPORTED),
    Entry("ViT", _hugging("vit"), "image patches and a class token", in_short=HOOKED),
    Entry("T5", _hugging("t5"), "encoder and decoder, relative positions", in_short=EXPORTED),
    Entry(
        "MiniLM",
        _hugging("minilm"),
        "pretrained, six layers, real sentences",
        in_short=(),  # tests/subjects/test_minilm.py has an oracle of its own
        n_sites=8,
    ),
)
BY_NAME: Mapping[str, Entry] = {entry.name: entry for entry in ENTRIES}
