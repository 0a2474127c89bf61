"""A small network with a training of its own: three clouds of points, 5 steps."""

import torch
from torch import Tensor

from neurodemon.subjects.stages import Retraining
from neurodemon.subjects.subject import Subject
from neurodemon.subjects.training import Recipe, train

RECIPE = Recipe((4, 6, 5, 3), epochs=1, batch_size=10, learning_rate=0.05, seed=3)
LAST = 5


def clouds(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(45) % 3
    return 2 * torch.eye(3, 4)[targets] + torch.randn(45, 4, generator=generator), targets


def trained() -> Subject:
    """The network after its training, on 12 examples that it has not seen."""
    images = clouds(0)
    model = train(RECIPE, *images, RECIPE.generator())
    inputs, targets = clouds(1)
    batches = [(inputs[:7], targets[:7]), (inputs[7:12], targets[7:12])]
    subject = Subject(model, batches, "cross_entropy", name="clouds", seed=3)
    subject.stages = Retraining(RECIPE, lambda: images)
    return subject
