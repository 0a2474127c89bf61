"""How the built-in networks are trained: a recipe, and the steps it takes.

A recipe and a generator decide every weight: neither the initialisation nor the shuffling
touches the global random state. `training_steps` runs one step at a time, for those who
want to look on.
"""

import contextlib
import copy
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LinearLR

from neurodemon.terms.shapes import Float, Int

Images = tuple[Float[Tensor, "example feature"], Int[Tensor, " example"]]
Progress = Callable[[str, int, int], None]  # (what, done, of how many)


@dataclass(frozen=True)
class Recipe:
    """All that decides a trained network, its data aside.

    Attributes:
        layers: the widths, inputs first, classes last; ReLU between them.
        epochs: how often the training set is gone through.
        batch_size: examples per step; the last step of an epoch takes what is left.
        learning_rate: of Adam at the first step, falling in a straight line to 0 after the
            last; Adam's other settings are torch's.
        seed: of the generator that draws the initialisation and the order of the examples.
        version: to be raised when the code of training or of its data changes the result.

    Example:
        >>> list(dict(build(Recipe((4, 3, 2), epochs=1), torch.Generator()).named_children()))
        ['fc1', 'relu1', 'fc2']
    """

    layers: tuple[int, ...]
    epochs: int
    batch_size: int = 128
    learning_rate: float = 2e-3
    seed: int = 0
    version: int = 1

    @property
    def fingerprint(self) -> str:
        """A short hash of all settings."""
        return hashlib.blake2b(repr(self).encode(), digest_size=6).hexdigest()

    def generator(self) -> torch.Generator:
        """Make the generator that this recipe starts from."""
        return torch.Generator("cpu").manual_seed(self.seed)

    def blank(self) -> nn.Sequential:
        """Build a network of the right shape, to read weights into."""
        return build(self, torch.Generator("cpu"))


def train(
    recipe: Recipe,
    inputs: Float[Tensor, "example feature"],
    targets: Int[Tensor, " example"],
    generator: torch.Generator,
) -> nn.Sequential:
    """Build a network and train it to the end of its recipe.

    Args:
        recipe: what to build and how to train it.
        inputs: the training examples.
        targets: their class numbers.
        generator: draws the initialisation, then the order of the examples.

    Returns:
        The network in evaluation mode, without gradients left on it.
    """
    with torch.inference_mode(mode=False), torch.enable_grad(), one_thread():
        model = build(recipe, generator)
        for _ in training_steps(model, recipe, inputs, targets, generator):
            pass
    return _at_rest(model)


def train_to(
    recipe: Recipe, images: Images, steps: Sequence[int], progress: Progress
) -> dict[int, nn.Sequential]:
    """Train a network by its recipe, and keep it as it is after some of the steps.

    Args:
        recipe: what to build and how to train it.
        images: the training examples and their class numbers.
        steps: after which steps; 0 is before the first.
        progress: called as steps are done.

    Returns:
        By step, in ascending order: a copy of the network in evaluation mode, without
        gradients. That of the recipe's last step is, bit for bit, what `train` returns.
    """
    last = max(steps)
    kept: dict[int, nn.Sequential] = {}
    with torch.inference_mode(mode=False), torch.enable_grad(), one_thread():
        generator = recipe.generator()
        model = build(recipe, generator)
        walk = training_steps(model, recipe, *images, generator)
        for step in range(last + 1):
            if step:
                next(walk)
            if step in steps:
                kept[step] = _at_rest(copy.deepcopy(model))
            progress("train", step, last)
    return kept


def count_steps(recipe: Recipe, inputs: Float[Tensor, "example feature"]) -> int:
    """Count the steps of a training.

    Args:
        recipe: says epochs and batch size.
        inputs: the training examples.

    Returns:
        The number of the last step, the first being 1.
    """
    return recipe.epochs * math.ceil(inputs.shape[0] / recipe.batch_size)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread for a while.

    With more, the rounding of a sum depends on their number, so that a seed would give other
    weights on another machine; and layers this small lose time by it (on two busy cores 15×).

    Yields:
        Nothing; on leaving, the number of threads is as before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def training_steps(
    model: nn.Module,
    recipe: Recipe,
    inputs: Float[Tensor, "example feature"],
    targets: Int[Tensor, " example"],
    generator: torch.Generator,
) -> Iterator[Float[Tensor, " step_example"]]:
    """Train a network in place, step by step, by Adam on the mean cross-entropy.

    Args:
        model: the network, as `build` made it; its weights are changed.
        recipe: how to train it.
        inputs: the training examples.
        targets: their class numbers.
        generator: draws the order of the examples, anew for each epoch.

    Yields:
        The costs of the step's examples, before the step was taken.
    """
    n_steps = count_steps(recipe, inputs)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    schedule = LinearLR(optimizer, start_factor=1, end_factor=0, total_iters=n_steps)
    for _ in range(recipe.epochs):
        order = torch.randperm(inputs.shape[0], generator=generator, device="cpu")
        for rows in torch.split(order, recipe.batch_size):
            costs = cross_entropy(model(inputs[rows]), targets[rows], reduction="none")
            optimizer.zero_grad(set_to_none=True)
            costs.mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            yield costs.detach()


def build(recipe: Recipe, generator: torch.Generator) -> nn.Sequential:
    """Build the untrained network: fc1, relu1, fc2, … in float32 on the CPU.

    Args:
        recipe: says the widths.
        generator: draws weights and biases, each uniform in ±1/√(width before it), as
            `nn.Linear` has it.

    Returns:
        The network.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    pairs = list(zip(recipe.layers[:-1], recipe.layers[1:], strict=True))
    for place, (width, next_width) in enumerate(pairs, start=1):
        parts[f"fc{place}"] = _linear(width, next_width, generator)
        if place < len(pairs):
            parts[f"relu{place}"] = nn.ReLU()
    return nn.Sequential(parts)


def _linear(width: int, next_width: int, generator: torch.Generator) -> nn.Linear:
    """Make a Linear that draws from the generator alone."""
    layer = nn.Linear(width, next_width, device="meta", dtype=torch.float32)
    layer.to_empty(device="cpu")
    bound = 1 / math.sqrt(width)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def _at_rest(model: nn.Sequential) -> nn.Sequential:
    """Put a network in evaluation mode, without gradients left on it."""
    model.zero_grad(set_to_none=True)
    return model.eval()
