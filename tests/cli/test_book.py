"""`neurodemon book`: all figures of the book are shown beside ours, and one wrong one is told.

The author's numbers: mnielsen/neural-networks-and-deep-learning, MIT, © Michael Nielsen.
"""

import json
import signal
from itertools import islice

import numpy as np
import pytest
from oracles import author
from oracles.small_mnist import N_TRAIN, write_small

from neurodemon.book import chain, kink, saturated, slopes
from neurodemon.book.backprop import Backprop, backpropagate
from neurodemon.book.costs import CROSS_ENTROPY
from neurodemon.book.example import draw_network
from neurodemon.book.saved import write_saved
from neurodemon.jobs import the_book

BACKPROP = ["feedforward", "cost", "BP1", "BP2", "BP3", "BP4"]
SMALL = ["--images", str(N_TRAIN), "--sizes", "784,4,10", "--epochs", "3"]


@pytest.fixture(autouse=True)
def _no_files_of_the_author(monkeypatch):
    monkeypatch.delenv("NEURODEMON_BOOK", raising=False)


@pytest.fixture
def mnist():
    """The folder of MNIST, or skip."""
    return author.find("NEURODEMON_MNIST", author.SHARED / "data" / "mnist")


@pytest.fixture
def authors():
    """The folder of the author's files, or skip."""
    return author.find("NEURODEMON_BOOK", author.SHARED / "book")


@pytest.fixture
def small(tmp_path):
    return write_small(tmp_path / "small")


def read_table(text):
    """Read the rows of figures: name → (ours, book, agrees), cut at two blanks."""
    lines = text.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("figure "))
    rows = (
        [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in lines[head + 1 : lines.index("", head)]
    )
    return {row[0]: tuple(row[1:]) for row in rows}


# The figures of shared/book/README.md, as each command must show them in both columns


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "saturated",
            {
                "a at step 0, from (0.6, 0.9)": "0.817574",
                "δ at step 0, from (0.6, 0.9)": "0.121938",
                "C at step 0, from (0.6, 0.9)": "0.334214",
                "a at step 300, from (0.6, 0.9)": "0.093956",
                "Spearman(|δ|, C), from (0.6, 0.9)": "0.998",
                "predicted at Δz = −1, from (0.6, 0.9)": "-0.121938",
                "measured at Δz = −1, from (0.6, 0.9)": "-0.140486",
                "measured/predicted at Δz = −4, from (0.6, 0.9)": "0.679",
                "a at step 0, from (2, 2)": "0.982014",
                "δ at step 0, from (2, 2)": "0.017345",
                "C at step 0, from (2, 2)": "0.482176",
                "a at step 150, from (2, 2)": "0.933417",
                "a at step 300, from (2, 2)": "0.202848",
                "largest |δ|, from (2, 2)": "0.148139",
                "step of the largest |δ|, from (2, 2)": "215",
                "Spearman(|δ|, C), from (2, 2)": "-0.754",
                "Spearman(|δ|, C) to step 150, from (2, 2)": "-1.000",
                "predicted at Δz = −1, from (2, 2)": "-0.017345",
                "measured at Δz = −1, from (2, 2)": "-0.028477",
                "measured/predicted at Δz = −4, from (2, 2)": "5.148",
            },
        ),
        (
            "chain",
            {
                "δ of neuron 1": "1953.125",
                "δ of neuron 2": "78.125",
                "δ of neuron 3": "3.125",
                "δ of neuron 4": "0.125",
                "widest range, eq. 123": "0.44774",
                "|w| of the widest range": "6.894",
                "largest σ′": "0.25",
            },
        ),
        (
            "kink",
            {
                f"{name} at x = {x:g}": f"{value:g}"
                for x in (0.5, 1.0, 2.0, 4.0, -3.0)
                for name, value in (
                    ("|δ|", 1),
                    ("best Δz", -x),
                    ("headroom", abs(x)),
                    ("shape κ", 1),
                    ("tangent exact up to", abs(x)),
                )
            },
        ),
    ],
)
def test_each_figure_stands_beside_the_books(run, command, expected):
    result = run("book", command)
    assert result.exit_code == 0, result.stderr
    assert read_table(result.stdout) == {
        name: (value, value, "yes") for name, value in expected.items()
    }
    assert f"All {len(expected)} figures agree." in result.stdout


@pytest.mark.parametrize("command", ["saturated", "chain", "kink"])
def test_the_same_figures_are_in_json(run, run_json, command):
    shown = read_table(run("book", command).stdout)
    found = run_json("book", command)
    assert found["agrees"] is True
    assert [row["name"] for row in found["figures"]] == list(shown)


def test_json_holds_the_ways_whole(run_json):
    starts = run_json("book", "saturated")["starts"]
    assert [start["start"] for start in starts] == [[0.6, 0.9], [2.0, 2.0]]
    assert [len(start["delta"]) for start in starts] == [301, 301]
    assert run_json("book", "chain")["delta"] == pytest.approx([1953.125, 78.125, 3.125, 0.125])
    assert [walk["shape"] for walk in run_json("book", "kink")["walks"]] == [1.0] * 5


def test_a_figure_that_is_not_the_books_fails_the_command(run, monkeypatch):
    monkeypatch.setattr(chain, "BOOK_DELTA", (1953.125, 78.125, 3.125, 0.126))
    result = run("book", "chain")
    assert result.exit_code == 1
    assert read_table(result.stdout)["δ of neuron 4"] == ("0.125", "0.126", "NO")
    assert "1 of 7 figures disagree: δ of neuron 4." in result.stdout
    assert result.stderr == "error: not all figures agree with the book's.\n"


def test_a_wrong_figure_is_in_json_too(run, strict_json, monkeypatch):
    monkeypatch.setitem(saturated.BOOK[2.0, 2.0], "largest |δ|", "0.25")
    result = run("book", "saturated", "--json")
    assert result.exit_code == 1
    assert strict_json(result.stdout)["agrees"] is False
    assert "Traceback" not in result.stderr


def test_a_kink_that_is_none_is_told(run, monkeypatch):
    monkeypatch.setattr(kink.np, "abs", np.square)
    assert run("book", "kink").exit_code == 1


# backprop


def test_backprop_spells_out_each_equation(run):
    result = run("book", "backprop", "--x", "0.5,1", "--y", "0")
    assert result.exit_code == 0, result.stderr
    heads = [line[:-1] for line in result.stdout.splitlines() if line[:-1] in BACKPROP]
    assert list(dict.fromkeys(heads)) == BACKPROP
    assert "    a^1 = [0.5, 1]" in result.stdout
    assert "  δ^2 = ((w^3)ᵀ δ^3) ⊙ σ′(z^2)" in result.stdout
    assert list(read_table(result.stdout)) == ["δ^2[0]", "δ^2[1]", "δ^2[2]", "δ^3[0]"]


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_the_numbers_of_backprop_are_those_of_a_hand(run_json, cost):
    found = run_json(
        "book", "backprop", "--sizes", "3,2,2", "--seed", "4", "--cost", cost, "--x", "1,-2,0.5"
    )
    w2, w3 = map(np.array, found["weights"])
    b2, b3 = map(np.array, found["biases"])
    a2 = 1 / (1 + np.exp(-(w2 @ [1, -2, 0.5] + b2)))
    a3 = 1 / (1 + np.exp(-(w3 @ a2 + b3)))
    y = np.array(found["y"])
    delta3 = (a3 - y) * (a3 * (1 - a3) if cost == "quadratic" else 1)
    delta2 = (w3.T @ delta3) * a2 * (1 - a2)
    results = {step["symbol"]: step["result"] for step in found["steps"]}
    assert results["δ^3"] == pytest.approx(delta3, rel=1e-12)
    assert results["δ^2"] == pytest.approx(delta2, rel=1e-12)
    np.testing.assert_allclose(results["∂C/∂w^2"], np.outer(delta2, [1, -2, 0.5]), rtol=1e-12)
    assert [row["book"] for row in found["figures"]] == pytest.approx([*delta2, *delta3])
    assert found["agrees"] is True


def test_the_seed_decides_and_the_defaults_are_a_small_net(run_json):
    one, same, other = (run_json("book", "backprop", "--seed", seed) for seed in (0, 0, 1))
    assert one == same
    assert one["sizes"] == [2, 3, 1]
    assert one["weights"] != other["weights"]


def test_a_saved_network_is_read(run_json, tmp_path):
    network = draw_network((2, 2, 1), np.random.RandomState(3))
    (tmp_path / "net.json").write_text(write_saved(network, CROSS_ENTROPY), "utf-8")
    found = run_json("book", "backprop", "--network", "net.json", "--x", "0,1", "--y", "1")
    assert found["cost"] == "cross_entropy"
    assert found["weights"] == [weight.tolist() for weight in network.weights]
    assert found["x"] == [0.0, 1.0]


def test_long_arrays_are_cut_on_the_screen_and_whole_in_json(run, run_json):
    words = ["book", "backprop", "--sizes", "100,2,1"]
    assert "..." in run(*words).stdout
    assert len(run_json(*words)["weights"][0][0]) == 100


def test_a_demon_that_finds_another_slope_fails_the_command(run, monkeypatch):
    def wrong(problem):
        found = backpropagate(problem)
        return Backprop(found.forward, tuple(1.01 * delta for delta in found.delta))

    monkeypatch.setattr(slopes, "backpropagate", wrong)
    result = run("book", "backprop")
    assert result.exit_code == 1
    assert "4 of 4 figures disagree" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--network", "gone.json"], "'gone.json' cannot be read"),
        (["--sizes", "3"], "make no network"),
        (["--x", "1,2,3"], "do not fit the network [2, 3, 1]"),
        (["--network", "gone.json", "--sizes", "2,1"], "Leave one of the two out"),
    ],
)
def test_what_backprop_cannot_do_is_said(run, words, message):
    result = run("book", "backprop", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["backprop", "--sizes", "2,three"], "'2,three' was given; expected whole numbers"),
        (["backprop", "--x", "1,nan"], "'1,nan' was given; expected finite numbers"),
        (["backprop", "--y", ""], "'' was given; expected finite numbers"),
        (["backprop", "--cost", "hinge"], "Invalid value for '--cost'"),
        (["replay", "--sizes", "784;10"], "expected whole numbers, as in 784,30,10"),
        (["replay", "--epochs", "0"], "Invalid value for '--epochs'"),
        (["replay", "--init", "xavier"], "Invalid value for '--init'"),
        (["norms", "--hidden", "4"], "Invalid value for '--hidden'"),
        (["norms", "--seed", str(2**32)], "Invalid value for '--seed'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, words, message):
    result = run("book", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


# replay


def test_the_first_epochs_are_the_authors(run_json, mnist, authors):
    words = ["--mnist", mnist, "--epochs", 5, "--book", authors / "overfitting.json"]
    found = run_json("book", "replay", *words)
    theirs = json.loads((authors / "overfitting.json").read_text("utf-8"))
    assert found["test_count"] == theirs[1][:5]
    assert found["training_count"] == theirs[3][:5]
    assert found["test_cost"] == pytest.approx(theirs[0][:5], abs=1e-9)
    assert found["training_cost"] == pytest.approx(theirs[2][:5], abs=1e-9)
    assert (found["agrees"], found["complete"], found["unequal_counts"]) == (True, True, 0)
    assert found["largest_cost_gap"] < 1e-12


def test_without_his_file_the_numbers_in_print_are_shown(run, mnist):
    result = run("book", "replay", "--mnist", mnist, "--epochs", 3)
    assert result.exit_code == 0, result.stderr
    table = read_table(result.stdout)
    assert table["training cost, epoch 1"] == ("1.843364786", "1.843364786", "yes")
    assert [table[f"test count, epoch {epoch}"][0] for epoch in (1, 2, 3)] == [
        "5887",
        "6505",
        "6970",
    ]
    assert "the numbers in print; with --book FILE" in result.stdout


def test_his_file_is_found_by_the_variable(run_json, mnist, authors, monkeypatch):
    monkeypatch.setenv("NEURODEMON_BOOK", str(authors))
    found = run_json("book", "replay", "--mnist", mnist, "--epochs", 1)
    assert found["book"] == str(authors / "overfitting.json")


def test_another_recipe_beside_his_file_fails(run, mnist, authors):
    words = ["--epochs", 1, "--eta", 0.25, "--book", authors / "overfitting.json"]
    result = run("book", "replay", "--mnist", mnist, *words)
    assert result.exit_code == 1
    assert "NO" in result.stdout, result.stderr


def train_as_network2(small, lmbda):
    """network2.py's SGD on the small files, with nothing of ours but the bytes and the draws."""
    rng = np.random.RandomState(12345678)
    for _ in range(2):
        biases = [rng.randn(size, 1) for size in (4, 10)]
        weights = [rng.randn(after, before) for before, after in ((784, 4), (4, 10))]
    data = {}
    for part, n in (("train", N_TRAIN), ("t10k", 12)):
        images = author.read_idx(small / f"{part}-images-idx3-ubyte", 3)
        labels = author.read_idx(small / f"{part}-labels-idx1-ubyte.gz", 1)
        data[part] = [
            (image.reshape(784, 1) / 256.0, np.eye(10)[:, [label]])
            for image, label in zip(images, labels, strict=True)
        ]
        assert len(data[part]) == n
    return data, weights, biases, author.sgd_of_network2(data, weights, biases, lmbda)


@pytest.mark.parametrize("lmbda", [0.0, 0.1, 5.0])
def test_a_regularised_replay_is_network2s(run_json, small, lmbda):
    *_, expected = train_as_network2(small, lmbda)
    found = run_json("book", "replay", "--mnist", small, *SMALL, "--lmbda", lmbda)
    for name, numbers in zip(
        ("training_cost", "training_count", "test_cost", "test_count"),
        zip(*islice(expected, 3), strict=True),
        strict=True,
    ):
        assert found[name] == pytest.approx(list(numbers), abs=1e-9), name
    assert found["recipe"]["lmbda"] == lmbda
    assert (found["agrees"], found["figures"]) == (None, [])


def test_a_replay_that_the_book_does_not_know_is_shown_all_the_same(run, small):
    result = run("book", "replay", "--mnist", small, *SMALL, "--init", "default")
    assert result.exit_code == 0, result.stderr
    assert "nothing to compare" in result.stdout
    assert "default start" in result.stdout


def test_an_interrupted_replay_shows_what_was_done(run, strict_json, small, monkeypatch):
    real = the_book.replay

    def stopped(*given):
        yield from islice(real(*given), 2)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(the_book, "replay", stopped)
    result = run("book", "replay", "--mnist", small, *SMALL, "--json")
    assert result.exit_code == 130
    found = strict_json(result.stdout)
    assert (len(found["test_cost"]), found["epochs"], found["complete"]) == (2, 2, False)
    assert result.stderr == "interrupted: 2 of 3 epochs were done, and are shown.\n"
    shown = run("book", "replay", "--mnist", small, *SMALL)
    assert shown.exit_code == 130
    assert [line.split()[0] for line in shown.stdout.splitlines()[3:5]] == ["1", "2"]


def test_a_replay_interrupted_at_once_has_nothing_to_show(run, small, monkeypatch):
    def stopped(*_given):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(the_book, "replay", stopped)
    result = run("book", "replay", "--mnist", small, *SMALL, "--json")
    assert (result.exit_code, result.stdout) == (130, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No folder for MNIST was given"),
        (["--mnist", "gone"], "The folder 'gone' for MNIST is not there"),
        (["--mnist", "small", "--book", "gone.json"], "'gone.json' cannot be read"),
        (["--mnist", "small"], "1000 images were asked for; expected 1 to 40"),
        (["--mnist", "small", "--eta", "-1"], "expected eta > 0"),
        (["--mnist", "small", "--lmbda", "-1"], "lmbda ≥ 0"),
        (["--mnist", "small", "--sizes", "784,30,9"], "make no network for digits"),
        (["--mnist", "small", "--images", "5", "--sizes", "9,10"], "do not fit the network"),
    ],
)
@pytest.mark.usefixtures("small")
def test_what_replay_cannot_do_is_said(run, words, message):
    result = run("book", "replay", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_no_torch_is_needed(runs_anew, small):
    words = ["book", "replay", "--mnist", str(small), *SMALL, "--json"]
    printed = runs_anew(
        "import sys\nfrom neurodemon.cli.main import app\n"
        f"try:\n    app({words!r})\nexcept SystemExit as end:\n    print('code', end.code)\n"
        "print('torch' in sys.modules)"
    )
    assert printed.endswith("code 0\nFalse\n")


# norms and the lost digit


@pytest.mark.parametrize(
    ("hidden", "printed"), [(2, ["0.06574", "0.3092"]), (3, ["0.01184", "0.05997", "0.2831"])]
)
def test_norms_stand_beside_the_authors_and_in_his_bands(run, mnist, hidden, printed):
    result = run("book", "norms", "--mnist", mnist, "--hidden", hidden, "--steps", 2)
    assert result.exit_code == 0, result.stderr
    table = read_table(result.stdout)
    starts = [
        row for name, row in table.items() if name.endswith("‖ at the start") and "/" not in name
    ]
    assert [row[1].split()[0] for row in starts] == printed
    assert all(row[-1] == "yes" for row in table.values())


@pytest.mark.parametrize("hidden", [2, 3])
def test_through_500_steps_both_norms_are_given(run_json, mnist, authors, hidden, monkeypatch):
    monkeypatch.setenv("NEURODEMON_BOOK", str(authors))
    found = run_json("book", "norms", "--mnist", mnist, "--hidden", hidden)
    assert found["agrees"] is True
    assert len(found["figures"]) == {2: 5, 3: 10}[hidden]
    assert found["book"].endswith(f"norms_during_training_{hidden}_layers.json")
    of_mean, mean = np.array(found["norm_of_mean"]), np.array(found["mean_of_norm"])
    assert of_mean.shape == mean.shape == (500, hidden)
    assert (of_mean <= mean).all()


def test_a_seed_outside_a_band_is_told(run, mnist):
    result = run("book", "norms", "--mnist", mnist, "--seed", 7, "--steps", 1)
    assert result.exit_code == 1
    table = read_table(result.stdout)
    assert [name for name, row in table.items() if row[-1] == "NO"] == ["‖mean δ^2‖ at the start"]
    assert "one seed in 20 falls outside each" in result.stdout


def test_interrupted_norms_show_what_was_done(run, mnist, monkeypatch):
    real = the_book.follow_norms

    def stopped(*given):
        yield from islice(real(*given), 3)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(the_book, "follow_norms", stopped)
    result = run("book", "norms", "--mnist", mnist)
    assert result.exit_code == 130
    assert "interrupted: 3 of 500 steps were done, and are shown." in result.stderr
    assert "‖mean δ^2‖ at the start" in result.stdout


def test_the_lost_digit_has_the_books_figures(run, run_json, mnist):
    result = run("book", "lost-digit", "--mnist", mnist)
    assert result.exit_code == 0, result.stderr
    table = read_table(result.stdout)
    assert table["recall of digit 0, epoch 1"] == ("0.000000", "0.000000", "yes")
    assert table["its part of the cost, epoch 1"] == ("0.049", "0.049", "yes")
    assert table["its mean |δ|, epoch 1"] == ("0.000002", "0.000002", "yes")
    assert table["least mean |δ| of the others, epoch 1"] == ("0.0012", "0.0012", "yes")
    found = run_json("book", "lost-digit", "--mnist", mnist)
    [epoch] = found["epochs"]
    assert int(np.argmax(epoch["headroom"])) == int(np.argmin(epoch["influence"])) == 0
    assert found["agrees"] is True


def test_the_lost_digit_needs_all_training_images(run, small):
    result = run("book", "lost-digit", "--mnist", small)
    assert result.exit_code == 1
    assert "50000 images were asked for; expected 1 to 40" in result.stderr


# the group


def test_help_lists_the_commands_with_examples(run):
    result = run("book", "--help")
    assert result.exit_code == 0
    for name in ("backprop", "replay", "norms", "lost-digit", "saturated", "kink", "chain"):
        assert name in result.stdout
        page = run("book", name, "--help")
        assert page.exit_code == 0
        assert f"Examples:\n    neurodemon book {name}" in page.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["backprop", "--network", "gone.json"],
        ["replay", "--mnist", "gone"],
        ["norms", "--mnist", "gone"],
        ["lost-digit", "--mnist", "gone"],
    ],
)
def test_a_traceback_is_shown_when_asked_for(run, words):
    result = run("book", *words, "--traceback")
    assert result.exit_code == 1
    assert "Traceback (most recent call last):" in result.stderr
