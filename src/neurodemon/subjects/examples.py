"""The examples that a built-in subject is studied on: the first so many, in batches."""

import torch
from torch import Tensor

from neurodemon.errors import SubjectError

LARGEST_BATCH = 1_000


def take_first(inputs: Tensor, targets: Tensor, examples: int) -> list[tuple[Tensor, Tensor]]:
    """Cut the first examples into batches of at most `LARGEST_BATCH`.

    Args:
        inputs: of all examples there are.
        targets: theirs.
        examples: how many to take.

    Returns:
        Pairs of inputs and targets.

    Raises:
        SubjectError: there are not so many, or none is asked for.
    """
    if not 1 <= examples <= inputs.shape[0]:
        raise SubjectError(
            f"{examples} examples were asked for; expected 1 to {inputs.shape[0]}, which is all "
            "there are to test on."
        )
    pieces = (torch.split(tensor[:examples], LARGEST_BATCH) for tensor in (inputs, targets))
    return list(zip(*pieces, strict=True))
