"""Stages of training: one network before, between and after its steps.

A built-in network is trained again from its seed; of any other, whoever trained it has kept
weights on the way. Both give copies of the model, and never touch the model itself.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from neurodemon.errors import SubjectError
from neurodemon.subjects.training import Images, Recipe, count_steps, train_to

Progress = Callable[[str, int, int], None]  # (what, done, of how many)
FALL = 4  # from stage to stage, backwards: each has so many times the steps of the one before
STAGES = 5  # beside the untrained network: with digits the epochs .2, 1, 4, 15 and 60


@runtime_checkable
class Stages(Protocol):
    """Networks along one training."""

    def fingerprint(self) -> str:
        """A hash of what decides their weights."""
        ...

    def trained_on(self) -> Images | None:
        """The training examples and their targets, where they are known."""
        ...

    def steps(self, wanted: Sequence[int] | None) -> tuple[int, ...]:
        """Settle which steps are looked at, in ascending order; None leaves the choice."""
        ...

    def models(self, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, nn.Module]]:
        """Give the network at each step, a copy of its own."""
        ...


@dataclass(frozen=True, eq=False)
class Retraining:
    """A built-in network's training, to be gone through again.

    Attributes:
        recipe: how it was trained.
        read: reads the training examples and their classes.
    """

    recipe: Recipe
    read: Callable[[], Images]

    def fingerprint(self) -> str:
        """A hash of the recipe, which decides every weight."""
        return self.recipe.fingerprint

    def trained_on(self) -> Images | None:
        """The training examples and their classes."""
        return self.read()

    def steps(self, wanted: Sequence[int] | None) -> tuple[int, ...]:
        """Settle which steps are looked at.

        Args:
            wanted: numbers of steps, in any order; None for 0 and a few up to the last, each
                about four times the one before.

        Returns:
            The steps in ascending order, each once.

        Raises:
            SubjectError: the training has no such step.
        """
        last = count_steps(self.recipe, self.read()[0])
        if wanted is None:
            return default_steps(last)
        odd = [step for step in wanted if not 0 <= step <= last]
        if odd or not wanted:
            raise SubjectError(
                f"steps are {list(wanted)}; expected some of 0 (untrained) to {last} (trained), "
                f"as {list(default_steps(last))}. Leave steps out for these."
            )
        return tuple(sorted(set(wanted)))

    def models(self, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, nn.Module]]:
        """Train to the last of some steps, and give the network at each.

        Args:
            steps: as `steps` settled them.
            progress: called as steps are done.

        Yields:
            Each step and the network after it; the last is, bit for bit, what the first
            training came to.
        """
        yield from train_to(self.recipe, self.read(), steps, progress).items()


def default_steps(last: int) -> tuple[int, ...]:
    """Choose a few steps, as many between 1 and 4 as between 1,000 and 4,000.

    Args:
        last: the number of the last step.

    Returns:
        0, the last, and some between.

    Example:
        >>> default_steps(1260), default_steps(0)
        ((0, 5, 20, 79, 315, 1260), (0,))
    """
    return tuple(sorted({0, *(round(last / FALL**power) for power in range(STAGES))}))


@dataclass(frozen=True, eq=False)
class Present:
    """One stage: a network as it is now.

    Attributes:
        model: the network.
    """

    model: nn.Module

    def fingerprint(self) -> str:
        """There is nothing to tell apart."""
        return "present"

    def trained_on(self) -> Images | None:
        """Not known."""
        return None

    def steps(self, wanted: Sequence[int] | None) -> tuple[int, ...]:
        """Settle the one step there is.

        Args:
            wanted: None.

        Returns:
            Step 0 alone.

        Raises:
            SubjectError: steps are asked for.
        """
        if wanted is not None:
            raise SubjectError(
                f"steps are {list(wanted)}, but how this subject was trained is not known; "
                "expected checkpoints (safetensors files kept while it was trained), or no steps."
            )
        return (0,)

    def models(self, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, nn.Module]]:
        """Give a copy of the network, or itself where it cannot be copied: it is only read.

        Args:
            steps: step 0.
            progress: called at the end.

        Yields:
            0 and the network.
        """
        for place, step in enumerate(steps, 1):
            try:
                yield step, copy.deepcopy(self.model)
            except (RuntimeError, TypeError):  # it holds what cannot be copied
                yield step, self.model
            progress("load", place, len(steps))
