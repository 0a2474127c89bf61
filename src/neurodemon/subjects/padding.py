"""Which positions of a batch are real: where an example is padded, no demon acts or counts.

Told by the masks that go in beside the tokens, under the names that Hugging Face and
`nn.TransformerEncoder` give them, or by the user's own function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Bool
from neurodemon.terms.sites import Site

Mask = Callable[[Any], Tensor | None]
REAL, PADDED = ("attention_mask",), ("src_key_padding_mask", "key_padding_mask")
OF_DECODER = "decoder_attention_mask"
CROSS = ("EncDecAttention", "encoder_attn", "crossattention", "cross_attn")
KEYS_AND_VALUES = ("k", "v", "key", "value", "k_proj", "v_proj")


@dataclass(frozen=True, eq=False)
class Padding:
    """The real positions of a batch.

    Attributes:
        real: of the tokens, true where no padding; None where nothing tells.
        of_decoder: of the tokens that a decoder reads, where there is one beside an encoder.
        has_decoder: whether there is one.
    """

    real: Bool[Tensor, "example position"] | None = None
    of_decoder: Bool[Tensor, "example position"] | None = None
    has_decoder: bool = False

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
        mask = self.of_decoder if self.has_decoder and _is_of_decoder(site) else self.real
        is_one_axis = site.axes.count("position") == 1
        if mask is None or not is_one_axis or mask.shape[1] != n_positions or bool(mask.all()):
            return None
        return mask


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
        return Padding(_as_mask("mask(inputs)", mask(inputs)))
    if not isinstance(inputs, Mapping):
        return Padding()
    found = [_as_mask(name, inputs.get(name)) for name in REAL]
    padded = [_as_mask(name, inputs.get(name)) for name in PADDED]
    real = [one for one in found if one is not None] + [~one for one in padded if one is not None]
    return Padding(
        next(iter(real), None),
        _as_mask(OF_DECODER, inputs.get(OF_DECODER)),
        any(str(name).startswith("decoder_") for name in inputs),
    )


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
