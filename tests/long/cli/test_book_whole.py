"""`neurodemon book` to the end: 400 epochs beside the author's file, a regularised run beside his code."""

import json
from itertools import islice
from typing import Any

import numpy as np
import pytest
from oracles import author
from typer.testing import CliRunner

from neurodemon.cli.main import app

MNIST = "NEURODEMON_MNIST"
N_EPOCHS = 30  # of the author's code, image by image: a second for each


@pytest.fixture
def mnist() -> str:
    return str(author.find(MNIST, author.SHARED / "data" / "mnist"))


def replay(mnist: str, *words: object) -> Any:
    """Run the command and read its JSON."""
    given = ["book", "replay", "--mnist", mnist, "--json", *map(str, words)]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_all_400_epochs_equal_the_authors_file(mnist: str):
    path = author.find("NEURODEMON_BOOK", author.SHARED / "book") / "overfitting.json"
    test_cost, test_count, training_cost, training_count = json.loads(path.read_text("utf-8"))
    found = replay(mnist, "--book", path)
    assert found["test_count"] == test_count
    assert found["training_count"] == training_count
    np.testing.assert_allclose(found["test_cost"], test_cost, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["training_cost"], training_cost, rtol=0, atol=1e-9)
    assert found["agrees"] is True
    assert found["complete"] is True


def test_without_the_file_the_numbers_in_print_are_reached(
    mnist: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    monkeypatch.delenv("NEURODEMON_BOOK", raising=False)
    monkeypatch.chdir(tmp_path)
    found = replay(mnist)
    assert found["book"] is None
    assert len(found["figures"]) == 11
    assert found["agrees"] is True


def test_the_regularised_run_reaches_87_1_per_cent(mnist: str):
    found = replay(mnist, "--lmbda", 0.1)
    [figure] = found["figures"]
    assert figure["agrees"] is True
    assert round(figure["ours"], 1) == 87.1


def test_the_regularised_run_is_network2s(mnist: str):
    pixels = author.read_pixels()
    data = {
        part: [
            (image.reshape(784, 1) / 256.0, np.eye(10)[:, [digit]])
            for image, digit in zip(images, digits, strict=True)
        ]
        for part, images, digits in (
            ("train", pixels.training[:1000], pixels.training_digits[:1000]),
            ("t10k", pixels.test, pixels.test_digits),
        )
    }
    rng = np.random.RandomState(12345678)
    for _ in range(2):  # the default start, then the large one: the latter is used
        biases = [rng.randn(size, 1) for size in (30, 10)]
        weights = [rng.randn(after, before) for before, after in ((784, 30), (30, 10))]
    expected = zip(
        *islice(author.sgd_of_network2(data, weights, biases, 0.1), N_EPOCHS), strict=True
    )
    found = replay(mnist, "--lmbda", 0.1, "--epochs", N_EPOCHS)
    names = ("training_cost", "training_count", "test_cost", "test_count")
    for name, numbers in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], numbers, rtol=0, atol=1e-9, err_msg=name)
