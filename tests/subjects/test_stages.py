"""Built-in networks go through their training again, to the very same end."""

from pathlib import Path

import pytest
import torch
from torch import nn

from neurodemon.errors import SubjectError
from neurodemon.subjects.digits import digits
from neurodemon.subjects.mnist import mnist
from neurodemon.subjects.stages import Retraining, default_steps
from neurodemon.subjects.training import Recipe, build, training_steps

RECIPE = Recipe((4, 6, 3), epochs=3, batch_size=10, seed=3)  # 5 steps each: 15 in all
IMAGES = (torch.randn(45, 4, generator=torch.Generator().manual_seed(0)), torch.arange(45) % 3)


@pytest.fixture
def stages() -> Retraining:
    return Retraining(RECIPE, lambda: IMAGES)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def are_equal(one: nn.Module, two: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


def test_each_stage_is_a_training_stopped_there(stages: Retraining) -> None:
    for step, model in stages.models((0, 4, 15), quiet):
        generator = RECIPE.generator()
        twin = build(RECIPE, generator)
        walk = training_steps(twin, RECIPE, *IMAGES, generator)
        for _ in range(step):
            next(walk)
        assert are_equal(model, twin)


def test_stages_differ_and_are_at_rest(stages: Retraining) -> None:
    models = dict(stages.models((0, 4, 15), quiet))
    assert not are_equal(models[0], models[4])
    assert not are_equal(models[4], models[15])
    for model in models.values():
        assert not model.training
        assert all(weight.grad is None for weight in model.parameters())


def test_the_last_stage_of_digits_is_bit_for_bit_the_subject(cache: Path, note: list[str]) -> None:
    subject = digits(examples=5, note=note)
    assert subject.stages is not None
    (last,) = subject.stages.steps(None)[-1:]
    ((step, model),) = subject.stages.models((last,), quiet)
    assert (step, last) == (1260, 1260)
    assert are_equal(model, subject.model)
    assert cache.is_dir()


def test_the_last_stage_of_mnist_is_bit_for_bit_the_subject(
    cache: Path, note: list[str], small: Path
) -> None:
    subject = mnist(small, examples=2, note=note)
    assert subject.stages is not None
    steps = subject.stages.steps(None)
    assert are_equal(dict(subject.stages.models(steps, quiet))[steps[-1]], subject.model)
    assert cache.is_dir()


def test_training_again_leaves_threads_gradients_and_random_state(stages: Retraining) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    with torch.no_grad():
        next(stages.models((2,), quiet))
        assert not torch.is_grad_enabled()
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == torch.get_num_threads()


def test_progress_counts_the_steps(stages: Retraining) -> None:
    heard: list[tuple[str, int, int]] = []
    list(stages.models((3, 1), lambda *said: heard.append(said)))
    assert heard == [("train", step, 3) for step in range(4)]


@pytest.mark.parametrize("last", [0, 1, 3, 15, 1260, 100_000])
def test_default_steps_begin_untrained_and_end_trained(last: int) -> None:
    steps = default_steps(last)
    assert (steps[0], steps[-1]) == (0, last)
    assert list(steps) == sorted(set(steps))
    assert len(steps) <= 6


def test_chosen_steps_are_ordered_and_those_of_no_training_are_refused(stages: Retraining) -> None:
    assert stages.steps([15, 0, 15, 3]) == (0, 3, 15)
    for wrong in ([16], [-1], []):
        with pytest.raises(SubjectError, match=r"expected some of 0 \(untrained\) to 15"):
            stages.steps(wrong)


def test_the_fingerprint_tells_recipes_apart(stages: Retraining) -> None:
    other = Retraining(Recipe((4, 6, 3), epochs=4), lambda: IMAGES)
    assert stages.fingerprint() != other.fingerprint()
