"""Training by a recipe: the same weights each time, and nothing else touched."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from neurodemon.subjects.training import Recipe, build, train, training_steps

RECIPE = Recipe((4, 8, 3), epochs=30, batch_size=10, learning_rate=0.05, seed=3)


@pytest.fixture
def clouds() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(45) % 3
    centres = 3 * torch.eye(3, 4)
    return centres[targets] + torch.randn(45, 4, generator=generator) / 2, targets


def weights(model: nn.Module) -> list[float]:
    return torch.cat([weight.flatten() for weight in model.parameters()]).tolist()


def test_the_network_has_named_layers_with_relu_between() -> None:
    children = dict(build(Recipe((4, 8, 8, 3), epochs=1), torch.Generator()).named_children())
    assert list(children) == ["fc1", "relu1", "fc2", "relu2", "fc3"]
    assert [type(child).__name__ for child in children.values()][1::2] == ["ReLU", "ReLU"]


def test_initial_weights_are_those_of_linear_layers() -> None:
    layer = build(Recipe((100, 200), epochs=1), torch.Generator().manual_seed(0))[0]
    for drawn in (layer.weight, layer.bias):
        assert 0.09 < drawn.abs().max().item() <= 0.1
        assert drawn.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.1)


def test_the_same_recipe_gives_the_same_weights(clouds: tuple[Tensor, Tensor]) -> None:
    one, two = (train(RECIPE, *clouds, RECIPE.generator()) for _ in range(2))
    assert weights(one) == weights(two)


def test_another_seed_gives_other_weights(clouds: tuple[Tensor, Tensor]) -> None:
    other = replace(RECIPE, seed=4)
    one, two = (train(recipe, *clouds, recipe.generator()) for recipe in (RECIPE, other))
    assert weights(one) != weights(two)


def test_the_trained_network_knows_its_examples(clouds: tuple[Tensor, Tensor]) -> None:
    inputs, targets = clouds
    model = train(RECIPE, inputs, targets, RECIPE.generator())
    untrained = build(RECIPE, RECIPE.generator())
    assert (model(inputs).argmax(1) == targets).all()
    assert not (untrained(inputs).argmax(1) == targets).all()


def test_steps_one_by_one_are_the_whole_training(clouds: tuple[Tensor, Tensor]) -> None:
    generator = RECIPE.generator()
    model = build(RECIPE, generator)
    costs = list(training_steps(model, RECIPE, *clouds, generator))
    assert weights(model) == weights(train(RECIPE, *clouds, RECIPE.generator()))
    assert [cost.shape[0] for cost in costs[:5]] == [10, 10, 10, 10, 5]
    assert len(costs) == 30 * 5
    assert costs[-1].mean() < costs[0].mean() / 10


def test_training_leaves_the_global_random_state_alone(clouds: tuple[Tensor, Tensor]) -> None:
    before = torch.get_rng_state()
    train(RECIPE, *clouds, RECIPE.generator())
    assert torch.equal(before, torch.get_rng_state())


def test_training_works_under_any_setting_of_the_caller(clouds: tuple[Tensor, Tensor]) -> None:
    expected = weights(train(RECIPE, *clouds, RECIPE.generator()))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            model = train(RECIPE, *clouds, RECIPE.generator())
    finally:
        torch.set_default_dtype(torch.float32)
    assert weights(model) == expected
    assert not any(weight.is_inference() for weight in model.parameters())


def test_the_number_of_threads_changes_nothing_and_is_left_alone() -> None:
    recipe = Recipe((256, 128, 10), epochs=1, batch_size=512)
    inputs = torch.randn(512, 256, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    trained = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trained.append(train(recipe, inputs, torch.arange(512) % 10, recipe.generator()))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert weights(trained[0]) == weights(trained[1])


def test_no_gradient_and_no_training_mode_are_left(clouds: tuple[Tensor, Tensor]) -> None:
    model = train(RECIPE, *clouds, RECIPE.generator())
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize(
    "change", [{"epochs": 31}, {"batch_size": 11}, {"layers": (4, 9, 3)}, {"version": 2}]
)
def test_each_setting_changes_the_fingerprint(change: dict[str, object]) -> None:
    assert replace(RECIPE, **change).fingerprint != RECIPE.fingerprint
    assert replace(RECIPE).fingerprint == RECIPE.fingerprint
