"""`neurodemon question`: the screen with the answer last, JSON, stages kept, figures beside."""

import sys

import pytest

from neurodemon.cli.opening import read_steps
from neurodemon.errors import SubjectError

pytestmark = pytest.mark.usefixtures("my_file")

NAMES = ("ranks", "norms", "verdicts", "flatness", "factors")
FIGURES = {f"{name}.{form}" for name in NAMES for form in ("png", "svg")}
MINE = ("question", "my.py:subject", "0[0:2]", "--radius", "1std")


def test_the_screen_ends_with_the_answer_and_is_shown_again(run):
    result = run(*MINE, "--out", "q")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Is influence error, for mine? (2 units at 0; 5 examples; radius")
    titles = [line for line in lines if line.endswith("?") and not line.startswith("Which")]
    assert titles[:2] == ["Does influence rank as error does?", "What does training do?"]
    assert [line for line in lines if line][-2].startswith("Which units should be influential?")
    assert lines[-1].startswith("Saved in q. See it again: neurodemon show q; as a page to send: ")
    assert "note: One stage only" in result.stderr
    shown = run("show", "q").stdout.splitlines()
    assert shown[0].startswith("Run: question of mine, best Δz within 1·std, shared and each;")
    assert shown[2:] == lines[:-2]


def test_figures_lie_beside_the_run_and_where_asked(run, tmp_path):
    result = run(*MINE, "--out", "q", "--plot", "pictures")
    assert {path.name for path in (tmp_path / "q" / "figures").iterdir()} == FIGURES
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == FIGURES
    assert "Drawn: " in result.stderr


def test_without_matplotlib_the_run_is_kept_and_a_note_says_how_to_get_it(
    run, tmp_path, monkeypatch
):
    for name in [name for name in sys.modules if name.startswith("neurodemon.report.figures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(*MINE, "--out", "q")
    assert result.exit_code == 0
    assert "pip install 'neurodemon[plot]'" in result.stderr
    assert (tmp_path / "q" / "summary.json").is_file()


def test_json_is_one_object_with_tables_and_rows(run_json):
    found = run_json(*MINE, "--scope", "each")
    assert found["steps"] == [0]
    assert {row["scope"] for row in found["layers"]} == {"each"}
    assert {row["scope"] for row in found["effects"]} == {"each"}
    assert [row["unit"] for row in found["effects"]] == [0, 1]
    assert {"headroom", "verdict", "step"} <= found["effects"][0].keys()
    assert found["manifest"]["verb"] == "question"
    assert found["complete"] is True
    assert len(found["answer"]) == 6


def test_a_stored_question_is_one_object_too(run, run_json):
    run(*MINE, "--out", "q")
    found = run_json("show", "q")
    assert found["complete"] is True
    assert found["out"] == "q"
    assert found["question"].startswith("Is influence error, for mine?")


def interrupt_at(monkeypatch, place):
    """Press Ctrl-C as a stage is begun."""
    from neurodemon.jobs import questioning  # noqa: PLC0415

    look_at, begun = questioning.look_at, []

    def look_or_stop(look, step, *rest, **more):
        begun.append(step)
        if len(begun) > place:
            raise KeyboardInterrupt
        return look_at(look, step, *rest, **more)

    monkeypatch.setattr(questioning, "look_at", look_or_stop)


def test_an_interrupted_question_keeps_its_stages_and_goes_on(run, run_json, monkeypatch):
    words = ("question", "digits", "fc2[0:2]", "--examples", "9", "--steps", "0,3", "--out", "q")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 1)
        result = run(*words)
    assert result.exit_code == 130
    assert "interrupted: 1 of 2 stages are in q." in result.stderr
    shown = run("show", "q").stdout
    assert "Not complete: 1 stage of this run is not done yet." in shown
    assert "Stages done: step 0." in shown
    tables = shown.split("How much could a demon")[1:]  # one for each scope, of both units
    assert ["shared; 2 units" in tables[0], "each; 2 units" in tables[1]] == [True, True]
    assert len(tables) == 2
    assert run_json("show", "q")["complete"] is False
    whole = run_json(*words)
    assert {row["step"] for row in whole["layers"]} == {0, 3}
    assert whole["layers"][0]["norm_of_mean_trained"] is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--steps", "0,ten"), "--steps is '0,ten'; expected whole numbers"),
        (("--steps", "0,5"), "how this subject was trained is not known"),
        (("--scope", "all"), "scope is 'all'"),
        (("--radius", "0"), "leaves a demon no room"),
        (("--checkpoints", "nowhere"), "'nowhere' holds no checkpoint"),
        (("--plot", "a.png"), "expected a folder"),
    ],
)
def test_bad_options_are_refused_with_advice(run, words, message):
    result = run(*MINE[:3], *words)
    assert result.exit_code == 1
    assert message in result.stderr.replace('"', "'")
    assert result.stdout == ""


def test_steps_are_whole_numbers():
    assert read_steps(None) is None
    assert read_steps("5, 0") == [5, 0]
    with pytest.raises(SubjectError, match="expected whole numbers separated by commas"):
        read_steps("1.5")


def test_a_dtype_that_is_asked_for_is_kept_to(run):
    result = run(*MINE, "--scope", "each", "--dtype", "float32")
    assert result.exit_code == 0
    assert "note: Computed in float32, as asked." in result.stderr
    assert "float64" not in result.stderr
