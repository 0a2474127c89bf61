"""A site: one place in the forward pass where a demon can sit, with the role of each axis.

A site is a tensor of the captured forward pass. Its axes have roles: `example` (one per
input), `unit` (neurons or channels), `position` (tokens, rows and columns of an image).
Sites know nothing of torch: only names, shapes and roles.
"""

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["example", "position", "unit"]


@dataclass(frozen=True)
class Site:
    """One tensor of the forward pass, addressed by name.

    Attributes:
        name: the canonical name, e.g. `encoder.layer.3.dense`, `fc1:in`, `block:relu`.
        kind: what makes it: `linear`, `conv`, `activation`, `norm`, `input`, `recurrent`,
            `operation` or `module`.
        node: the graph's node whose value it is.
        axes: the role of each axis of the tensor.
        shape: the size of each axis, of the first batch; the example axis is 0 there.
        unit_kind: what one coordinate along the unit axis is: `neuron` or `channel`.
        aliases: other names of the same tensor.
        is_output: whether this is what the model returns.
        heads: the number of attention heads side by side in the unit axis, if known: head h has
            the units h·n_units/heads up to the next head's first.

    Example:
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 32))
        >>> site.n_units, site.n_positions
        (32, 1)
    """

    name: str
    kind: str
    node: str
    axes: tuple[Role, ...]
    shape: tuple[int, ...]
    unit_kind: Literal["neuron", "channel"] = "neuron"
    aliases: tuple[str, ...] = ()
    is_output: bool = False
    heads: int | None = field(default=None, compare=False)

    @property
    def n_units(self) -> int:
        """The number of units along the unit axis; 1 where the site has none."""
        return self.shape[self.axes.index("unit")] if "unit" in self.axes else 1

    @property
    def n_positions(self) -> int:
        """The number of positions; 1 where the site has none."""
        count = 1
        for role, size in zip(self.axes, self.shape, strict=True):
            count *= size if role == "position" else 1
        return count

    @property
    def has_positions(self) -> bool:
        """Whether the site has a position axis at all."""
        return "position" in self.axes

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical name and all aliases."""
        return (self.name, *self.aliases)
