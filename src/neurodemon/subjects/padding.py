"""Which positions of a batch are real: where an example is padded, no demon acts or counts.

Told by the masks that go in beside the tokens, under the names that Hugging Face and
`nn.TransformerEncoder` give them, or by the user's own function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from neurodemon.errors import NeurodemonError, SubjectError
from neurodemon.terms.shapes import Bool
from neurodemon.terms.sites import Site
from neurodemon.tracing.leaves import count_examples

Mask = Callable[[Any], Tensor | None]
REAL, PADDED = ("attention_mask",), ("src_key_padding_mask", "key_padding_mask")
REAL_OF_DECODER, PADDED_OF_DECODER = "decoder_attention_mask", "tgt_key_padding_mask"
DECODERS = ("decoder_", "tgt")  # how the names of a decoder's inputs begin, beside an encoder's
CROSS = ("EncDecAttention", "encoder_attn", "crossattention", "cross_attn")
KEYS_AND_VALUES = ("k", "v", "key", "value", "k_proj", "v_proj")


@dataclass(frozen=True, eq=False)
class Padding:
    """The real positions of a batch.

    Attributes:
        real: of the tokens, true where no padding; None where nothing tells.
        of_decoder: of the tokens that a decoder reads, where there is one beside an encoder.
        has_decoder: whether there is one.
        of_encoder: the sites seen at modules → whether they count the encoder's tokens, where
            there is a decoder and that could be found out.
    """

    real: Bool[Tensor, "example position"] | None = None
    of_decoder: Bool[Tensor, "example position"] | None = None
    has_decoder: bool = False
    of_encoder: Mapping[str, bool] | None = None

    @property
    def of_tokens(self) -> Bool[Tensor, "example position"] | None:
        """The real positions of the tokens that the model's output speaks of."""
        return self.of_decoder if self.has_decoder else self.real

    def at(self, site: Site, n_positions: int) -> Bool[Tensor, "example position"] | None:
        """Say which positions of a site are real.

        Args:
            site: a site.
            n_positions: how many positions it has in this batch.

        Returns:
            True where no padding; None if no position of the site is padding, or it counts
            other positions than the tokens'.
        """
        mask = self.of_decoder if self.has_decoder and not self._is_of_encoder(site) else self.real
        is_one_axis = site.axes.count("position") == 1
        if mask is None or not is_one_axis or mask.shape[1] != n_positions or bool(mask.all()):
            return None
        return mask

    def _is_of_encoder(self, site: Site) -> bool:
        """Whether a site counts the encoder's tokens: as was seen, else by its name."""
        seen = self.of_encoder or {}
        told = [seen[name] for name in site.names if name in seen]
        return told[0] if told else not _is_of_decoder(site)


def with_encoder(
    padding: Padding, batch: tuple[Any, Any], run: Callable[[Any], Mapping[str, Tensor]]
) -> Padding:
    """Find out which sites count the encoder's tokens: they get fewer when the inputs do.

    Lengths cannot tell: both sides of a batch are often as long.

    Args:
        padding: of the batch.
        batch: inputs and target.
        run: gives what is seen at modules in a run of a batch.

    Returns:
        The padding, `of_encoder` filled in where the model runs on shorter inputs.
    """
    inputs, target = batch
    if not padding.has_decoder or padding.real is None or padding.real.shape[1] < 2:
        return padding
    length = padding.real.shape[1]
    shorter = {
        name: leaf[:, :-1] if is_of_encoder(str(name), leaf, length) else leaf
        for name, leaf in inputs.items()
    }
    try:
        whole, cut = run(batch), run((shorter, target))
    except NeurodemonError:  # it reads the length elsewhere, too
        return padding
    return replace(
        padding,
        of_encoder={
            name: value.shape != cut[name].shape for name, value in whole.items() if name in cut
        },
    )


def is_of_encoder(name: str, leaf: Any, length: int) -> bool:
    """Whether an input of an encoder-decoder holds something for each token of the encoder."""
    is_long = isinstance(leaf, Tensor) and leaf.ndim > 1 and leaf.shape[1] == length
    return is_long and not name.startswith(DECODERS)


def read_padding(inputs: Any, mask: Mask | None = None) -> Padding:
    """Find out which positions of a batch are real.

    Args:
        inputs: one batch of inputs.
        mask: the user's own function from inputs to a mask, true or 1 where no padding.

    Returns:
        The real positions.

    Raises:
        SubjectError: a mask is not of the shape (example, position).
    """
    if mask is not None:
        return Padding(_given(inputs, mask))
    if not isinstance(inputs, Mapping):
        return Padding()
    return Padding(
        _named(inputs, REAL, PADDED),
        _named(inputs, (REAL_OF_DECODER,), (PADDED_OF_DECODER,)),
        any(str(name).startswith(DECODERS) for name in inputs),
    )


def _named(inputs: Mapping[str, Any], real: tuple[str, ...], padded: tuple[str, ...]) -> Any:
    """The mask that goes in under one of some names; None if there is none."""
    masks = [_as_mask(name, inputs.get(name)) for name in real]
    masks += [
        None if mask is None else ~mask for mask in (_as_mask(n, inputs.get(n)) for n in padded)
    ]
    return next((mask for mask in masks if mask is not None), None)


def _given(inputs: Any, mask: Mask) -> Tensor | None:
    """What the user's own function says of a batch."""
    try:
        found = mask(inputs)
    # it may raise anything
    except Exception as error:
        raise SubjectError(
            f"mask(inputs) raised {type(error).__name__}: {error}. Expected a tensor of shape "
            "(example, position), true where a position is real."
        ) from error
    if isinstance(found, Tensor) and found.ndim != 2:
        raise SubjectError(
            f"mask(inputs) has the shape {tuple(found.shape)}; expected (example, position)."
        )
    real = _as_mask("mask(inputs)", found)
    if real is not None and len(real) != count_examples(inputs):
        raise SubjectError(
            f"mask(inputs) has {len(real)} examples, the inputs {count_examples(inputs)}; expected "
            "(example, position)."
        )
    return real


def _as_mask(name: str, mask: Any) -> Tensor | None:
    """Read a mask of tokens; one of pairs of tokens, of 3 or 4 axes, says nothing of padding."""
    if mask is None or (isinstance(mask, Tensor) and mask.ndim > 2):
        return None
    if not isinstance(mask, Tensor) or mask.ndim != 2:
        shape = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise SubjectError(
            f"{name} is {shape}; expected a tensor of shape (example, position), of 1 or True "
            "where a position is real."
        )
    if mask.is_floating_point() and bool((mask < 0).any()):  # added to scores: 0 or −inf
        return mask == 0
    return mask.to(torch.bool)


def _is_of_decoder(site: Site) -> bool:
    """Whether a site of an encoder-decoder counts the decoder's tokens."""
    path = site.name.partition(":")[0].split(".")
    reads_encoder = any(part in CROSS for part in path) and path[-1] in KEYS_AND_VALUES
    return "decoder" in path and not reads_encoder
