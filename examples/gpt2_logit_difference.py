"""Where in a GPT-2 is the answer, layer by layer and token by token?

Activation patching, as the field does it. Prompts come in pairs, clean and corrupt, that differ
in one word; the metric is the logit of the right answer minus that of the wrong one.
*Denoising* puts the clean value of the residual stream into the corrupt run: what brings the
answer back is sufficient. *Noising* puts the corrupt value into the clean run: what loses the
answer is necessary.

The GPT-2 is tiny and made from a config, so that nothing is downloaded; it learns for a moment
to repeat the third word at the end. `GPT2LMHeadModel.from_pretrained("gpt2")` and the ids of
your tokenizer take its place.

    pip install 'neurodemon[text]'
    python examples/gpt2_logit_difference.py
"""

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

import neurodemon as nd

N_WORDS, LENGTH, PLACE = 12, 6, 2  # prompts of 6 words; the third is the one to repeat

# The residual stream, all features at one position being one unit.
STREAM = "transformer.drop/position, transformer.h.*/position"


def prompts(count: int, generator: torch.Generator) -> Tensor:
    """Draw the ids of prompts, (example, token)."""
    return torch.randint(N_WORDS, (count, LENGTH), generator=generator)


def gpt2(generator: torch.Generator) -> GPT2LMHeadModel:
    """Make a GPT-2 of two layers that repeats the third word of its prompt."""
    config = GPT2Config(
        vocab_size=N_WORDS, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=4,
        bos_token_id=0, eos_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        ids = prompts(64, generator)
        loss = nn.functional.cross_entropy(model(ids).logits[:, -1], ids[:, PLACE])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def main() -> dict[str, nd.Effects]:
    """Patch the residual stream at each layer and each token, in both directions."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = gpt2(generator)
    clean = prompts(16, generator)
    corrupt = clean.clone()
    corrupt[:, PLACE] = (clean[:, PLACE] + 1) % N_WORDS  # one word is another

    # The ids of the answers, one per pair; the metric is taken at the last token.
    metric = nd.logit_difference(right=clean[:, PLACE], wrong=corrupt[:, PLACE])

    def subject(ids: Tensor, name: str) -> nd.Subject:
        return nd.Subject(model, [({"input_ids": ids}, None)], metric, better="higher", name=name)

    runs = {
        "denoising": (subject(corrupt, "corrupt"), [({"input_ids": clean}, None)]),
        "noising": (subject(clean, "clean"), [({"input_ids": corrupt}, None)]),
    }
    found = {}
    for name, (base, source) in runs.items():
        found[name] = nd.pair_score(base, STREAM, source)
        print(f"\n{name}: 0 is as in the {base.name} run, 1 as in the other one")
        scores = torch.tensor(found[name]["pair_score"]).reshape(3, LENGTH).tolist()
        for place, row in zip(("embedded", "after layer 0", "after layer 1"), scores, strict=True):
            print(f"  {place:13}", "  ".join(f"{score:5.2f}" for score in row))

    # What stands below the score: the effect of one patch on the metric, in logits.
    base, source = runs["denoising"]
    patched = nd.measure(base, f"transformer.h.0/position[{LENGTH - 1}]", nd.Patch(source))
    print("\nThe clean stream at the last word after layer 0 adds", end=" ")
    print(f"{patched['measured'][0]:+.2f} to the logit difference of the corrupt run.")
    return found


if __name__ == "__main__":
    main()
