"""Which attention heads of MiniLM does sentence similarity rest on?

A real pretrained model: each of its 72 heads is switched off in turn, on the input of the
layer's output projection, where a head's contribution still stands by itself. An effect is on
1 − cosine similarity of sentence pairs: positive means that the pair drifts apart without it.

    pip install 'neurodemon[text]'
    python examples/minilm_heads.py
"""

import neurodemon as nd
from neurodemon.subjects.loader import load_subject

HEADS = "**.attention.output.dense:in/head"


def main(examples: int = 20, heads: str = HEADS) -> nd.Audit:
    """Audit the heads on some pairs of sentences."""
    subject = load_subject("minilm", examples=examples)
    audit = nd.audit(subject, heads, nd.Zero())
    print(audit)
    print("\nThe heads that matter most:")
    for row in audit.effects.top(5).to_arrow().to_pylist():
        print(f"  {row['site']} head {row['unit']}: {row['measured']:+.4f}")
    return audit


if __name__ == "__main__":
    main()
