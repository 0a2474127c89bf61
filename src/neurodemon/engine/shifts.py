"""Shifts: what softmax cross-entropy becomes when outputs are shifted, told one after the other.

Slow twin: the cost itself, run on all outputs shifted (`predict`), which holds as many numbers as
there are examples × units × outputs; here it is three for each example and unit.
Source: theory.md §1.4, rung 3.
"""

import torch
from torch import Tensor

from neurodemon.terms.shapes import Float, Int

NEAR = 0.5  # Σ p_k·expm1(d_k) up to which log1p of it keeps more digits than a log of the sum


class EntropyOfShifts:
    """log Σ p_k·exp(d_k) − d_y, for shifts d of the outputs that come one by one."""

    def __init__(
        self, logits: Float[Tensor, "example output"], target: Int[Tensor, " example"], n_units: int
    ) -> None:
        """Begin with no shift.

        Args:
            logits: the clean outputs.
            target: the class of each example.
            n_units: how many units shift them.
        """
        self._log_p, self._target = torch.log_softmax(logits.detach().double(), 1), target
        start = self._log_p.new_zeros(len(logits), n_units)
        self._near, self._far, self._own = start, torch.full_like(start, -torch.inf), start.clone()

    def add(self, place: int, shift: Float[Tensor, "example row"]) -> None:
        """Tell by how much each unit shifts one output.

        Args:
            place: the number of the output.
            shift: by how much.
        """
        log_p = self._log_p[:, place, None]
        self._near = self._near + log_p.exp() * torch.expm1(shift)
        self._far = torch.logaddexp(self._far, log_p + shift)
        self._own = torch.where(self._target[:, None] == place, shift, self._own)

    def change(self) -> Float[Tensor, "example row"]:
        """Give the change of each example's cost by each unit, once all outputs are told."""
        is_near = self._near.abs() <= NEAR
        return torch.where(is_near, torch.log1p(self._near), self._far) - self._own
